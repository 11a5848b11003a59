"use strict";
document.documentElement.classList.add("js");
const data = JSON.parse(document.getElementById("data").textContent);
const map = document.getElementById("map");
const cross = document.getElementById("cross");
const readout = document.getElementById("readout");
const picture = map.querySelector("svg");
const toggle = document.getElementById("toggle");
toggle.addEventListener("change", () => {
  document.getElementById("shown").style.display = toggle.checked ? "" : "none";
});
const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;
map.addEventListener("pointermove", (event) => {
  const box = picture.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width;
  const y = 1 - (event.clientY - box.top) / box.height;
  const inside = x >= 0 && x < 1 && y >= 0 && y < 1;
  cross.hidden = !inside;
  if (!inside) return;
  cross.style.left = `${100 * x}%`;
  const rows = data.cells.length, columns = data.cells[0].length;
  const value = data.cells[Math.floor(y * rows)][Math.floor(x * columns)];
  const hz = data.hz[0] + y * (data.hz[1] - data.hz[0]);
  const s = data.s[0] + x * (data.s[1] - data.s[0]);
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  const side = value > 0 ? " for AI" : value < 0 ? " against AI" : "";
  readout.textContent = `${clock(s)}, ${Math.round(hz)} Hz: ${sign}${Math.abs(value)} logits${side}`;
});
map.addEventListener("pointerleave", () => { cross.hidden = true; });
