"use strict";
(() => {
  document.documentElement.classList.add("js");
  const find = document.getElementById("find"), shown = document.getElementById("shown");
  const cards = [...document.querySelectorAll(".print")];
  const texts = cards.map((card) => card.dataset.text.toLowerCase());
  const filter = () => {
    const word = find.value.trim().toLowerCase();
    let count = 0;
    cards.forEach((card, i) => { card.hidden = !texts[i].includes(word); count += !card.hidden; });
    shown.textContent = `${count} of ${cards.length}`;
  };
  find.addEventListener("input", filter);
  // One sound at a time.
  document.addEventListener("play", (event) => {
    document.querySelectorAll("audio").forEach((other) => { if (other !== event.target) other.pause(); });
  }, true);
  filter();
})();
