// SPDX-License-Identifier: MIT
/**
 * Time-averaged dB spectrum minus its smooth envelope: the twin of
 * `unsung.frontends.residual_spectrum`, which says what it is for.
 *
 * A picture is a Float32Array of `channels × bins`, one channel after the other: all widths of the
 * first statistic, then of the next.
 */

import { deviation, runningMinimum } from "./arrays.js";
import { RealFFT } from "./fft.js";

/**
 * @typedef {{
 *   sample_rate_hz: number, n_fft: number, hop: number, low_hz: number, high_hz: number,
 *   envelope: string, widths: number[], clip_db: number, normalise: string, unit_window: boolean,
 *   open_band: boolean, floor: number, ceiling: number, statistics?: string[],
 *   product_clip_db?: number,
 * }} Parameters
 * @typedef {{
 *   level: Float64Array, product: Float64Array, re: Float64Array, im: Float64Array,
 *   frames: number, pairs: number,
 * }} Sums dB residuals, dB² products of neighbouring frames, and their cross-spectra
 */

const DB = 10 / Math.LN10;

const STATISTICS = ["mean", "persistence", "coherence"];

/**
 * The periodic Hann window.
 * @param {number} length
 */
export function hann(length) {
  return Float64Array.from({ length }, (_, i) =>
    Math.fround(0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length)),
  );
}

export class ResidualSpectrum {
  /**
   * @param {Parameters} parameters as they stand in bundle.json
   * @param {{silence_power: number, spread_floor_db: number, loudest: number}} constants
   */
  constructor(parameters, constants) {
    const p = parameters;
    if (p.envelope !== "local" && p.envelope !== "minimum") {
      throw new Error(
        `this page cannot compute the envelope "${p.envelope}" of the bundle's front end; ` +
          "use a bundle with local or minimum, or the command line",
      );
    }
    this.statistics = p.statistics ?? ["mean"];
    const unknown = this.statistics.find((name) => !STATISTICS.includes(name));
    if (unknown) {
      throw new Error(
        `this page cannot compute the statistic "${unknown}" of the bundle's front end; ` +
          "reload the page for a newer one, or use the command line",
      );
    }
    this.parameters = p;
    this.constants = constants;
    this.nFft = p.n_fft;
    this.hop = p.hop;
    const step = p.sample_rate_hz / p.n_fft;
    const [low, high] = p.open_band ? [p.low_hz + 1e-9, p.high_hz - 1e-9] : [p.low_hz - 1e-9, p.high_hz + 1e-9];
    this.first = Math.ceil(low / step);
    this.bins = Math.floor(high / step) - this.first + 1;
    this.freqsHz = Float64Array.from({ length: this.bins }, (_, i) => (this.first + i) * step);
    const window = hann(p.n_fft);
    const energy = window.reduce((sum, v) => sum + v * v, 0);
    this.window = p.unit_window ? window.map((v) => Math.fround(v / Math.sqrt(energy))) : window;
    this.silence = constants.silence_power * (p.unit_window ? 1 : energy);
    this.channels = p.widths.length * this.statistics.length;
    this._level = new Float64Array(this.bins);
    this._sums = new Float64Array(this.bins + 1);
    this._around = new Float64Array(this.bins);
    const has = (/** @type {string} */ name) => this.statistics.includes(name);
    const wide = p.widths.length * this.bins;
    this._rests = new Float64Array(has("persistence") ? wide : 0);
    this._before = new Float64Array(this._rests.length);
    this._even = complex(has("coherence") ? this.bins : 0);
    this._evenBefore = complex(this._even.re.length);
    this._amplitude = new Float64Array(this._even.re.length);
  }

  /**
   * Add up the frames of a signal without silence.
   * @param {Float32Array} signal
   * @param {Float64Array | null} levels plain dB spectra are added to it
   * @returns {Sums}
   */
  accumulate(signal, levels) {
    const { bins } = this;
    const local = this.parameters.envelope === "local";
    const sums = {
      level: new Float64Array((local ? this.parameters.widths.length : 1) * bins),
      product: new Float64Array(this._rests.length),
      ...complex(this._even.re.length),
      frames: 0,
      pairs: 0,
    };
    let joined = false; // is the frame before this one no silence?
    const last = Math.max(0, signal.length - this.nFft);
    for (let start = 0; start <= last; start += this.hop) {
      if (!this._measure(signal, start)) {
        joined = false;
        continue;
      }
      sums.frames += 1;
      sums.pairs += joined ? 1 : 0;
      const level = this._level;
      if (levels) for (let i = 0; i < bins; i += 1) levels[i] += DB * level[i];
      if (local) this._residuals(sums.level);
      else for (let i = 0; i < bins; i += 1) sums.level[i] += level[i];
      this._pairs(sums, joined);
      joined = true;
    }
    for (let i = 0; i < sums.level.length; i += 1) sums.level[i] *= DB;
    for (let i = 0; i < sums.product.length; i += 1) sums.product[i] *= DB * DB;
    return sums;
  }

  /**
   * Add the products of this frame with the one before it, and keep this one.
   * @param {Sums} sums
   * @param {boolean} joined
   */
  _pairs(sums, joined) {
    const { _rests: rests, _before: before, _even: even, _evenBefore: old } = this;
    if (joined) {
      for (let i = 0; i < rests.length; i += 1) sums.product[i] += rests[i] * before[i];
      for (let i = 0; i < even.re.length; i += 1) {
        sums.re[i] += even.re[i] * old.re[i] + even.im[i] * old.im[i];
        sums.im[i] += even.im[i] * old.re[i] - even.re[i] * old.im[i];
      }
    }
    [this._rests, this._before] = [before, rests];
    [this._even, this._evenBefore] = [old, even];
  }

  /**
   * Put a frame's logarithmic spectrum into `_level`; false for silence.
   * @param {Float32Array} signal
   * @param {number} start
   */
  _measure(signal, start) {
    const { floor, ceiling } = this.parameters;
    const fft = RealFFT.of(this.nFft);
    fft.forward(signal, start, this.window);
    const { re, im } = fft;
    const level = this._level;
    let sum = 0;
    for (let i = 0, k = this.first; i < level.length; i += 1, k += 1) {
      const power = re[k] * re[k] + im[k] * im[k];
      level[i] = power;
      sum += power;
    }
    if (!(sum / level.length > this.silence)) return false;
    for (let i = 0; i < level.length; i += 1) {
      const power = level[i];
      level[i] = power < floor ? floor : power > ceiling ? ceiling : power;
    }
    if (this._even.re.length) this._levelled(re, im);
    for (let i = 0; i < level.length; i += 1) level[i] = Math.log(level[i]);
    return true;
  }

  /**
   * Divide each bin by its surroundings' amplitude; no bin stays above `loudest`.
   * @param {Float64Array} re
   * @param {Float64Array} im
   */
  _levelled(re, im) {
    const { _level: power, _even: even, first } = this;
    const { loudest } = this.constants;
    const amplitude = this._amplitude;
    for (let i = 0; i < power.length; i += 1) amplitude[i] = Math.sqrt(power[i]);
    const around = this._means(amplitude, Math.max(...this.parameters.widths));
    for (let i = 0; i < around.length; i += 1) {
      const gain = Math.min(1 / around[i], loudest / amplitude[i]);
      even.re[i] = re[first + i] * gain;
      even.im[i] = im[first + i] * gain;
    }
  }

  /**
   * The running mean over frequency, with repeated ends: a buffer that the next call overwrites.
   * @param {Float64Array} values
   * @param {number} width
   */
  _means(values, width) {
    const { _sums: sums, _around: around, bins } = this;
    for (let i = 0; i < bins; i += 1) sums[i + 1] = sums[i] + values[i];
    const left = Math.floor(width / 2);
    for (let i = 0; i < bins; i += 1) {
      let a = i - left;
      let b = a + width;
      let outside = 0;
      if (a < 0) {
        outside -= a * values[0];
        a = 0;
      }
      if (b > bins) {
        outside += (b - bins) * values[bins - 1];
        b = bins;
      }
      around[i] = (sums[b] - sums[a] + outside) / width;
    }
    return around;
  }

  /**
   * Add the clipped distance to the running means, for each width.
   * @param {Float64Array} total
   */
  _residuals(total) {
    const { _level: level, _rests: rests, bins } = this;
    const limit = this.parameters.clip_db / DB;
    const wide = (this.parameters.product_clip_db ?? 0) / DB;
    this.parameters.widths.forEach((width, channel) => {
      const offset = channel * bins;
      const around = this._means(level, width);
      for (let i = 0; i < bins; i += 1) {
        const rest = level[i] - around[i];
        total[offset + i] += rest < -limit ? -limit : rest > limit ? limit : rest;
        if (rests.length) rests[offset + i] = rest < -wide ? -wide : rest > wide ? wide : rest;
      }
    });
  }

  /**
   * Turn sums over frames into the picture.
   * @param {Sums} sums
   */
  finish(sums) {
    const { bins } = this;
    const { envelope, normalise, widths, clip_db: clip } = this.parameters;
    const pairs = Math.max(1, sums.pairs);
    const mean = sums.level.map((v) => v / Math.max(1, sums.frames));
    const steady = sums.re.map((v, i) => Math.fround(Math.sqrt(v * v + sums.im[i] ** 2) / pairs));
    const picture = new Float32Array(this.channels * bins);
    this.statistics.forEach((statistic, number) => {
      widths.forEach((width, index) => {
        const from = index * bins;
        const start = (number * widths.length + index) * bins;
        const row = picture.subarray(start, start + bins);
        if (statistic === "persistence") {
          for (let i = 0; i < bins; i += 1) row[i] = sums.product[from + i] / pairs;
        } else if (statistic === "coherence") {
          const around = this._means(steady, width);
          for (let i = 0; i < bins; i += 1) row[i] = steady[i] - around[i];
        } else if (envelope === "local") {
          row.set(mean.subarray(from, from + bins));
        } else {
          const lower = runningMinimum(mean, width);
          for (let i = 0; i < bins; i += 1) row[i] = Math.max(0, Math.min(clip, mean[i] - lower[i]));
        }
        let unit = 1;
        if (normalise === "peak") unit = row.reduce((a, b) => Math.max(a, b), -Infinity) + 1e-6;
        if (normalise === "deviation") unit = deviation(row) + this.constants.spread_floor_db;
        for (let i = 0; i < bins; i += 1) row[i] /= unit;
      });
    });
    return picture;
  }
}

/**
 * @param {number} length
 * @returns {{re: Float64Array, im: Float64Array}}
 */
function complex(length) {
  return { re: new Float64Array(length), im: new Float64Array(length) };
}
