"use strict";
document.documentElement.classList.add("js");
for (const box of document.querySelectorAll("input[data-map]")) {
  box.addEventListener("change", () => {
    document.getElementById(box.dataset.map).style.display = box.checked ? "" : "none";
  });
}
