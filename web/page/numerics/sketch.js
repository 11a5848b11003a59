// SPDX-License-Identifier: MIT
/** A small spectrogram whose memory stays bounded: the twin of `unsung.runtime.sketch`. */

import { RealFFT } from "./fft.js";
import { hann } from "./residual-spectrum.js";

/** @typedef {{n_fft: number, rows: number, max_frames: number, step_s: number, floor: number}} SketchValues */

export class Sketch {
  /**
   * @param {number} rateHz
   * @param {SketchValues} values
   */
  constructor(rateHz, values) {
    this.rateHz = rateHz;
    this.values = values;
    this.stepS = values.step_s;
    /** @type {Float32Array[]} */
    this.columns = [];
    /** @type {number[]} */
    this.times = [];
    const window = hann(values.n_fft);
    const unit = Math.sqrt(window.reduce((sum, v) => sum + v * v, 0));
    this._window = window.map((v) => v / unit);
  }

  /**
   * Add sound that begins at `startS`.
   * @param {Float32Array} signal
   * @param {number} startS
   */
  push(signal, startS) {
    const { n_fft: size, rows, floor, max_frames: most } = this.values;
    const fft = RealFFT.of(size);
    const hop = Math.max(1, Math.round(this.stepS * this.rateHz));
    const each = size / 2 / rows;
    const last = Math.max(0, signal.length - size);
    for (let start = 0; start <= last; start += hop) {
      fft.forward(signal, start, this._window);
      const column = new Float32Array(rows);
      for (let row = 0; row < rows; row += 1) {
        let power = 0;
        for (let k = 1 + row * each; k <= (row + 1) * each; k += 1) {
          power += fft.re[k] * fft.re[k] + fft.im[k] * fft.im[k];
        }
        column[row] = 10 * Math.log10(Math.max(power / each, floor));
      }
      this.columns.push(column);
      this.times.push(startS + (start + size / 2) / this.rateHz);
    }
    while (this.columns.length > 2 * most) this._halve();
  }

  _halve() {
    const even = Math.floor(this.columns.length / 2) * 2;
    /** @type {Float32Array[]} */
    const columns = [];
    /** @type {number[]} */
    const times = [];
    for (let i = 0; i < even; i += 2) {
      const other = this.columns[i + 1];
      columns.push(this.columns[i].map((v, row) => 0.5 * (v + other[row])));
      times.push((this.times[i] + this.times[i + 1]) / 2);
    }
    this.columns = columns.concat(this.columns.slice(even));
    this.times = times.concat(this.times.slice(even));
    this.stepS *= 2;
  }

  /** Return dB (column after column, low frequencies first) and the axes. */
  finish() {
    while (this.columns.length > this.values.max_frames) this._halve();
    const { rows } = this.values;
    const db = new Float32Array(rows * this.columns.length);
    this.columns.forEach((column, i) => db.set(column, i * rows));
    return { db, rows, frames: this.columns.length, topHz: this.rateHz / 2, timesS: Float32Array.from(this.times) };
  }

  /** A copy that goes its own way. */
  clone() {
    const twin = new Sketch(this.rateHz, this.values);
    twin.stepS = this.stepS;
    twin.columns = this.columns.slice();
    twin.times = this.times.slice();
    return twin;
  }
}
