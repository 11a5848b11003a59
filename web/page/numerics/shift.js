// SPDX-License-Identifier: MIT
/**
 * Finds a decoder's lines on a stretched frequency axis: the twin of `unsung.runtime.shift`.
 * One correlation on a logarithmic axis scores a linear template at all factors at once.
 */

import { runningMean } from "./arrays.js";
import { RealFFT } from "./fft.js";

/**
 * @typedef {{step: number, reach: number, hole: number, width: number}} Grid
 * @typedef {{linear_limit: number, linear_spread: number, shift_limit: number,
 *   shift_spread: number, sharpness: number, copies_limit?: number | null,
 *   copies_spread?: number, from_s?: number}} JoinValues
 */

/** How the linear score, the shifted one and that of a second linear model become one logit. */
export class Join {
  /** @param {JoinValues} values from bundle.json */
  constructor(values) {
    this.values = values;
    /** Seconds heard from which on the search counts. */
    this.fromS = values.from_s ?? 0;
  }

  /**
   * The joint logit: a soft maximum in units of the linear score.
   * @param {number} linear
   * @param {number} shift
   * @param {number | null} [copies] score of the second model; null says nothing
   */
  logit(linear, shift, copies = null) {
    const v = this.values;
    const unit = v.linear_spread / v.sharpness;
    const joint = logAddExp(linear / unit, this._alike(shift) / unit);
    if (copies === null || v.copies_limit === null || v.copies_limit === undefined) return unit * joint;
    const alike = v.linear_limit + ((copies - v.copies_limit) / (v.copies_spread ?? 1)) * v.linear_spread;
    return unit * logAddExp(joint, alike / unit);
  }

  /**
   * @param {number} linear
   * @param {number} shift
   */
  favoursShift(linear, shift) {
    return this._alike(shift) > Math.max(linear, this.values.linear_limit);
  }

  /** @param {number} shift */
  _alike(shift) {
    const v = this.values;
    return v.linear_limit + ((shift - v.shift_limit) / v.shift_spread) * v.linear_spread;
  }
}

/** @param {number} a @param {number} b */
const logAddExp = (a, b) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));

export class ShiftSearch {
  /**
   * @param {Float64Array[]} freqsHz axis of each front end
   * @param {Float32Array[]} weights the template, channel after channel
   * @param {Float32Array[]} means pictures of no evidence
   * @param {Grid} grid
   */
  constructor(freqsHz, weights, means, grid) {
    const low = Math.max(...freqsHz.map((axis) => axis[0]));
    const high = Math.min(...freqsHz.map((axis) => axis[axis.length - 1]));
    const [from, to] = [Math.log(low), Math.log(high)];
    const count = Math.ceil((to - from) / grid.step);
    const hz = Float64Array.from({ length: count }, (_, i) => Math.exp(from + i * grid.step));
    this.grid = grid;
    this.reach = Math.round(grid.reach / grid.step);
    this.size = 2 ** Math.ceil(Math.log2(count + this.reach));
    this.means = means;
    this.axes = freqsHz.map((axis) => places(axis, hz, grid.step));
    this.bins = freqsHz.map((axis) => axis.length);
    const fft = RealFFT.of(this.size);
    this.spectra = weights.map((weight, i) =>
      this._rows(weight, i, (row) => {
        fft.forward(row);
        return { re: fft.re.slice(), im: fft.im.map((v) => -v) };
      }),
    );
  }

  /**
   * Read each channel of a picture on the logarithmic axis and do something with it.
   * @template T
   * @param {Float32Array} picture
   * @param {number} index of the front end
   * @param {(row: Float64Array, channel: number) => T} act
   * @returns {T[]}
   */
  _rows(picture, index, act) {
    const bins = this.bins[index];
    const { lower, share } = this.axes[index];
    return Array.from({ length: picture.length / bins }, (_, channel) => {
      const row = new Float64Array(lower.length);
      const offset = channel * bins;
      for (let i = 0; i < row.length; i += 1) {
        const at = offset + lower[i];
        row[i] = picture[at] * (1 - share[i]) + picture[at + 1] * share[i];
      }
      return act(row, channel);
    });
  }

  /**
   * The template's sum at every shift, from −reach to +reach.
   * @param {Float32Array[]} pictures
   */
  curve(pictures) {
    const fft = RealFFT.of(this.size);
    const totalRe = new Float64Array(fft.bins);
    const totalIm = new Float64Array(fft.bins);
    pictures.forEach((picture, index) => {
      const mean = this.means[index];
      const { density } = this.axes[index];
      // The template's channels are the picture's first; it says nothing of further ones.
      this._rows(mean.map((v, i) => picture[i] - v), index, (row, channel) => {
        for (let i = 0; i < row.length; i += 1) row[i] *= density[i];
        fft.forward(row);
        const template = this.spectra[index][channel];
        for (let k = 0; k < fft.bins; k += 1) {
          totalRe[k] += fft.re[k] * template.re[k] - fft.im[k] * template.im[k];
          totalIm[k] += fft.re[k] * template.im[k] + fft.im[k] * template.re[k];
        }
      });
    });
    fft.re.set(totalRe);
    fft.im.set(totalIm);
    const sums = new Float64Array(this.size);
    fft.inverse(sums);
    const { reach } = this;
    return Float64Array.from({ length: 2 * reach + 1 }, (_, i) => sums[(i - reach + this.size) % this.size]);
  }

  /**
   * The shift (ln of the factor) that fits best away from zero, and its score.
   * @param {Float32Array[]} pictures
   */
  best(pictures) {
    const curve = this.curve(pictures);
    const nearby = runningMean(curve, this.grid.width);
    let score = -Infinity;
    let shift = 0;
    for (let i = 0; i < curve.length; i += 1) {
      const at = (i - this.reach) * this.grid.step;
      if (Math.abs(at) <= this.grid.hole) continue;
      const value = curve[i] - 0.5 * nearby[i];
      if (value > score) [score, shift] = [value, at];
    }
    return { score, shift };
  }
}

/**
 * Where the points of the logarithmic axis lie on an even one, and how many steps a bin has.
 * @param {Float64Array} axis
 * @param {Float64Array} hz
 * @param {number} step
 */
function places(axis, hz, step) {
  const width = axis[1] - axis[0];
  const lower = new Int32Array(hz.length);
  const share = new Float32Array(hz.length);
  const density = new Float32Array(hz.length);
  for (let i = 0; i < hz.length; i += 1) {
    const place = (hz[i] - axis[0]) / width;
    lower[i] = Math.max(0, Math.min(axis.length - 2, Math.floor(place)));
    share[i] = place - lower[i];
    density[i] = (hz[i] * step) / width;
  }
  return { lower, share, density };
}
