// SPDX-License-Identifier: MIT
/** Makes elements; text is always set as text, so that no file name can become markup. */

/**
 * @typedef {string | number | Node | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | EventListener | undefined>} Attributes
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes | null} [attributes] `on…` are listeners, true sets, false leaves out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Child[]} children
 */
export function add(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(typeof child === "number" ? String(child) : child);
  }
}

/**
 * The element with this id, which the page's own markup holds.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`expected <${kind.name} id="${id}"> in the page`);
  return found;
}

/** @param {string} label @param {HTMLTableElement} table */
export const scrolling = (label, table) =>
  h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);

/**
 * The head of a table.
 * @param {...(string | [string])} names in brackets stands the name of a column of numbers
 */
export function headRow(...names) {
  const cells = names.map((name) =>
    typeof name === "string" ? h("th", { scope: "col" }, name) : h("th", { scope: "col", class: "n" }, name[0]),
  );
  return h("thead", null, h("tr", null, ...cells));
}

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, [string, string][]>} shape and class, one shape for each verdict */
const ICONS = {
  ai: [
    ["fill", "M14 1.5 26.5 14 14 26.5 1.5 14z"],
    ["mark", "M8.5 12.2v3.6M11.25 9.6v8.8M14 7v14M16.75 9.6v8.8M19.5 12.2v3.6"],
  ],
  human: [
    ["fill", "M2 14a12 12 0 1 0 24 0a12 12 0 1 0-24 0z"],
    ["mark solid", "M10.7 10.4a3.3 3.3 0 1 0 6.6 0a3.3 3.3 0 1 0-6.6 0z"],
    ["mark", "M7.6 20.8c.8-3.6 3.2-5.4 6.4-5.4s5.6 1.8 6.4 5.4"],
  ],
  undecided: [
    ["ring", "M2.7 14a11.3 11.3 0 1 0 22.6 0a11.3 11.3 0 1 0-22.6 0z"],
    ["line", "M10.4 11.3c0-2.2 1.5-3.7 3.7-3.7s3.6 1.4 3.6 3.4c0 2.8-3.6 2.9-3.6 5.8M14.1 20.4v.1"],
  ],
  unrated: [
    ["ring", "M2.7 14a11.3 11.3 0 1 0 22.6 0a11.3 11.3 0 1 0-22.6 0z"],
    ["line", "M9 14h10"],
  ],
  failed: [
    ["ring", "M14 3 26 24.5H2z"],
    ["line", "M14 11v6.2M14 20.8v.1"],
  ],
};

/**
 * The verdict's shape: the meaning never hangs on the colour.
 * @param {string} key
 * @param {number} size
 */
export function icon(key, size) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${key}`);
  svg.setAttribute("viewBox", "0 0 28 28");
  svg.setAttribute("width", String(size));
  svg.setAttribute("height", String(size));
  svg.setAttribute("aria-hidden", "true");
  for (const [name, d] of ICONS[key]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
