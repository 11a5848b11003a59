// SPDX-License-Identifier: MIT
/** The list of songs: what waits, what is measured, what came out; one row each. */

import { h } from "./dom.js";
import { clock, number } from "./words.js";

/**
 * @typedef {import("./engine.js").Scanned} Scanned
 * @typedef {{samples: Float32Array, rateHz: number}} Part
 * @typedef {{name: string, file: File | null, scanned: Scanned | null, samples: Part | null,
 *   row: HTMLTableRowElement, state: "waiting" | "scanning" | "done"}} Song
 */

export class Songs {
  /**
   * @param {HTMLElement} rows the table's body
   * @param {(song: Song) => void} onOpen
   */
  constructor(rows, onOpen) {
    this._rows = rows;
    this._onOpen = onOpen;
    /** @type {Song[]} */
    this._all = [];
    /** @type {Song | null} */
    this.opened = null;
  }

  get empty() {
    return !this._all.length;
  }

  /**
   * @param {string} name
   * @param {File | null} file
   * @param {Scanned | null} [scanned]
   * @param {Part | null} [samples] the last seconds of live sound
   */
  add(name, file, scanned = null, samples = null) {
    const row = h("tr", null, h("td", null, h("bdi", null, name)), h("td", { class: "quiet" }, "waiting"), h("td"), h("td"));
    this._rows.append(row);
    /** @type {Song} */
    const song = { name, file, scanned, samples, row, state: scanned ? "done" : "waiting" };
    this._all.push(song);
    return song;
  }

  /** The next song that waits. */
  next() {
    return this._all.find((song) => song.state === "waiting") ?? null;
  }

  finished() {
    return this._all.filter((song) => song.state === "done");
  }

  /** @param {Song} song */
  scanning(song) {
    song.state = "scanning";
    song.row.cells[1].textContent = "scanning …";
  }

  /**
   * @param {Song} song
   * @param {import("./score.js").Score} score
   * @param {import("./words.js").Statement} said
   */
  done(song, score, said) {
    song.state = "done";
    const pick = h("button", { type: "button", class: "pick", onclick: () => this._onOpen(song) }, h("bdi", null, song.name));
    const note = said.key === "failed" || said.key === "undecided" ? h("span", { class: "note" }, said.text) : null;
    song.row.replaceChildren(
      h("td", null, pick, note),
      h("td", null, h("span", { class: `chip ${said.key}` }, said.headline)),
      h("td", { class: "n", "data-label": "logit" }, number(score.logit, 2, true)),
      h("td", { class: "n", "data-label": "duration" }, clock(score.duration_s)),
    );
  }

  /**
   * Show which song's result is open.
   * @param {Song} song
   */
  mark(song) {
    this.opened = song;
    for (const { row } of this._all) {
      row.classList.toggle("here", row === song.row);
      const pick = row.querySelector("button");
      if (row === song.row) pick?.setAttribute("aria-current", "true");
      else pick?.removeAttribute("aria-current");
    }
  }

  clear() {
    for (const song of this._all.filter((one) => one.state !== "scanning")) song.row.remove();
    this._all = this._all.filter((one) => one.state === "scanning");
    this.opened = null;
  }
}

/**
 * The files of a drop, those in dropped folders included.
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found = await Promise.all(entries.map(filesIn));
  return found.flat();
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesIn(entry) {
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found.flat();
    found.push(...(await Promise.all(some.map(filesIn))));
  }
}
