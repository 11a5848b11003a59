"use strict";
(() => {
  const table = document.getElementById("tracks");
  if (!table) return;
  document.documentElement.classList.add("js");
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const form = document.getElementById("controls"), find = document.getElementById("find");
  const shown = document.getElementById("shown");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const order = { ai: 0, undecided: 1, human: 2, unrated: 3, failed: 4 };

  // Thousands of rows are slow to lay out, not to hold: the rest waits behind a button.
  const more = document.getElementById("more"), step = 300;
  let sorted = rows.map((row, i) => [row, i]), most = step;
  const filter = () => {
    const verdict = form.elements.verdict.value, word = find.value.trim().toLowerCase();
    let count = 0;
    sorted.forEach(([row, i]) => {
      const hit = (!verdict || row.dataset.verdict === verdict) && texts[i].includes(word);
      count += hit;
      row.hidden = !hit || count > most;
    });
    const seen = Math.min(count, most);
    shown.textContent = seen < count ? `first ${seen} of ${count}` : `${count} of ${rows.length}`;
    more.hidden = seen === count;
    more.textContent = `Show ${Math.min(step, count - seen)} more`;
  };

  const keyOf = (cell, kind) => {
    const value = cell.dataset.value ?? cell.textContent;
    if (kind === "number") return value === "" ? null : Number(value);
    return kind === "verdict" ? String(order[value]) : value;
  };
  const sort = (column, descending) => {
    const kind = heads[column].dataset.sort, sign = descending ? -1 : 1;
    const keyed = rows.map((row, i) => [keyOf(row.cells[column], kind), i, row]);
    keyed.sort(([a, i], [b, j]) => {
      // Rows without a value stay at the end, whichever way the column runs.
      if (a === null || b === null || a === "" || b === "") {
        const gap = (a === null || a === "") - (b === null || b === "");
        return gap || i - j;
      }
      const step = kind === "number" ? a - b : collator.compare(a, b);
      return sign * step || i - j;
    });
    const parent = body.parentNode, next = body.nextSibling;
    body.remove();
    body.append(...keyed.map((item) => item[2]));
    sorted = keyed.map(([, i, row]) => [row, i]);
    filter();
    parent.insertBefore(body, next);
    heads.forEach((head, i) => head.setAttribute("aria-sort",
      i === column ? (descending ? "descending" : "ascending") : "none"));
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    // Numbers start with the largest: the strongest evidence is what one looks for first.
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      sort(column, now === "none" ? head.dataset.sort === "number" : now === "ascending");
    });
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  const again = () => { most = step; filter(); };
  form.addEventListener("change", again);
  find.addEventListener("input", again);
  more.addEventListener("click", () => { most += step; filter(); });
  // A printed page holds every row that the filter lets through.
  addEventListener("beforeprint", () => { most = Infinity; filter(); });
  addEventListener("afterprint", again);
  filter();
})();
