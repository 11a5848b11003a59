// A printed page shows what is folded on the screen.
(() => {
  const folded = () => document.querySelectorAll("details:not([open])");
  addEventListener("beforeprint", () => folded().forEach((item) => { item.open = true; }));
})();
