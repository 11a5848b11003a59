// SPDX-License-Identifier: MIT
/** How channels become the one signal that is judged: the twin of `unsung.audio.mixing`. */

import { RealFFT } from "../numerics/fft.js";

/**
 * @typedef {{channel: number | null, gain: number, difference: boolean}} Mix the mean of all channels
 *   (null), half the difference of two, or one of them, times a gain
 * @typedef {{frame_s: number, low_hz: number, high_hz: number, least_block: number,
 *   more: number, most_blocks: number, least_bin: number, most_bins: number, least_frames: number,
 *   usual: [number, number], target: number, silent: number, loud_part: number, few_steps: number,
 *   normal: number, empty_bin: number}} MixingValues
 */

/** The rule. @type {Mix} */
export const PLAIN = { channel: null, gain: 1, difference: false };

/** @param {Mix} mix */
export const isPlain = (mix) => mix.channel === null && mix.gain === 1 && !mix.difference;

/**
 * A fresh mono block.
 * @param {Float32Array[]} channels
 * @param {Mix} mix
 */
export function mixed(channels, { channel, gain, difference }) {
  const used = channel === null ? channels : [channels[channel]];
  const block = new Float32Array(used[0].length);
  const weight = gain / used.length;
  for (let i = 0; i < block.length; i += 1) {
    let sum = 0;
    for (const one of used) sum += one[i];
    if (difference) sum -= 2 * used[1][i];
    block[i] = sum * weight;
  }
  return block;
}

/** @param {Mix} mix */
export function mixNotes({ channel, gain, difference }) {
  const db = Math.round(20 * Math.log10(gain));
  return [
    ...(channel === null ? [] : [`the channels cancel in their mean; channel ${channel + 1} is judged`]),
    ...(difference ? ["the channels cancel in their mean; their difference is judged"] : []),
    ...(gain === 1 ? [] : [`judged at another level, ${db > 0 ? "+" : ""}${db} dB`]),
  ];
}

export class MixMeter {
  /**
   * @param {number} rateHz
   * @param {number} channels
   * @param {MixingValues} values
   */
  constructor(rateHz, channels, values) {
    this.values = values;
    this.size = 2 ** Math.max(3, Math.round(Math.log2(values.frame_s * rateHz)));
    const step = rateHz / this.size;
    this.first = Math.ceil(values.low_hz / step);
    this.last = Math.min(this.size / 2, Math.floor(values.high_hz / step));
    const bins = Math.max(0, this.last - this.first + 1);
    this.window = Float64Array.from({ length: this.size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (this.size - 1)));
    this.mean = new Float64Array(bins); // power of the mean of the channels
    this.apart = new Float64Array(bins); // power it would have were they unrelated
    this.power = new Float64Array(channels);
    this.blocks = 0;
    this.lost = [0, 0]; // blocks in which the mean cancels, and the difference of two
    this.coarse = 0;
    /** @type {Map<number, number>} */
    this.levels = new Map();
  }

  /**
   * Measure the next block of all channels, half a second or more.
   * @param {Float32Array[]} channels
   */
  push(channels) {
    if (!channels[0].length) return;
    const finite = channels.map((one) => (one.every(Number.isFinite) ? one : one.map((v) => (Number.isFinite(v) ? v : 0))));
    let energy = 0; // in double precision nothing overflows
    for (const one of finite) for (let i = 0; i < one.length; i += 1) energy += one[i] * one[i];
    const power = energy / (finite.length * finite[0].length);
    const { silent, usual, few_steps: few } = this.values;
    if (power <= 4 ** silent) return;
    let level = Math.round(Math.log2(power) / 2);
    if (level > usual[1]) level = this._withoutClicks(finite, level);
    this.levels.set(level, (this.levels.get(level) ?? 0) + 1);
    if (level < usual[0] && new Set(finite.flatMap((one) => [...one.subarray(0, this.size)])).size < few) this.coarse += 1;
    if (finite.length > 1) this._compare(finite);
  }

  /** Whether enough came to tell. */
  get settled() {
    return this.blocks >= this.values.least_frames;
  }

  /** Why the sound cannot show that it is free of traces, or "". */
  get doubt() {
    if (2 * this.coarse <= sum(this.levels.values())) return "";
    return (
      `the sound is so quiet that it takes fewer than ${this.values.few_steps} steps of its format, ` +
      "which hide faint lines"
    );
  }

  /**
   * How the whole track must be mixed.
   * @returns {Mix}
   */
  mix() {
    const gain = this._gain();
    /** @type {[Float64Array, number, boolean][]} */
    const ways = [[this.mean, this.lost[0], false]];
    if (this.power.length === 2) {
      const other = this.apart.map((apart, i) => 2 * apart - this.mean[i]); // |a - b|² = 2 |a|² + 2 |b|² - |a + b|²
      const more = sum(other) > this.values.more * sum(this.mean);
      ways.splice(more ? 0 : 1, 0, [other, this.lost[1], true]);
    }
    for (const [power, lost, difference] of ways) {
      if (!this._cancels(power, lost)) return { channel: null, gain, difference };
    }
    return { channel: this.power.indexOf(Math.max(...this.power)), gain, difference: false };
  }

  /**
   * @param {Float64Array} power
   * @param {number} lost
   */
  _cancels(power, lost) {
    const { most_blocks: mostBlocks, least_bin: leastBin, most_bins: mostBins, least_frames: least } = this.values;
    if (lost > mostBlocks * this.blocks) return true;
    if (this.blocks < least) return false;
    const floor = this.values.empty_bin * highest(this.apart);
    let [filled, few] = [0, 0];
    this.apart.forEach((apart, i) => {
      filled += Number(apart > floor);
      few += Number(apart > floor && power[i] < leastBin * apart);
    });
    return few > mostBins * filled;
  }

  _gain() {
    if (!this.levels.size) return 1;
    const { loud_part: loudPart, usual, target } = this.values;
    const middle = quantile(this.levels, 0.5);
    const loud = quantile(this.levels, loudPart);
    if (middle > usual[1]) return 2 ** (target - middle);
    return loud < usual[0] ? 2 ** (target - loud) : 1;
  }

  /**
   * The level of a loud block by the middle of its magnitudes; sparse ones keep theirs.
   * @param {Float32Array[]} channels
   * @param {number} level
   */
  _withoutClicks(channels, level) {
    const step = Math.max(1, (channels.length * channels[0].length) >> 12);
    const some = channels.flatMap((one) => Array.from({ length: Math.ceil(one.length / step) }, (_, i) => Math.abs(one[i * step])));
    some.sort((a, b) => a - b);
    const half = some.length >> 1;
    const middle = some.length % 2 ? some[half] : (some[half - 1] + some[half]) / 2;
    return middle ? Math.round(Math.log2(middle * this.values.normal)) : level;
  }

  /**
   * Set the spectrum of the mean against those of the channels.
   * @param {Float32Array[]} channels
   */
  _compare(channels) {
    const start = (channels[0].length - this.size) >> 1;
    if (start < 0) return;
    const fft = RealFFT.of(this.size);
    const [re, im, apart] = [0, 0, 0].map(() => new Float64Array(this.mean.length));
    const powers = channels.map((one) => {
      let power = 0;
      fft.forward(one.subarray(start, start + this.size), 0, this.window);
      for (let i = 0; i < re.length; i += 1) {
        const [x, y] = [fft.re[this.first + i], fft.im[this.first + i]];
        re[i] += x / channels.length;
        im[i] += y / channels.length;
        apart[i] += (x * x + y * y) / channels.length ** 2;
        power += x * x + y * y;
      }
      return power;
    });
    const floor = this.values.empty_bin * highest(apart);
    let [filled, share] = [0, 0];
    apart.forEach((value, i) => {
      if (value <= floor) return;
      filled += 1;
      share += (re[i] ** 2 + im[i] ** 2) / value;
    });
    if (!filled) return;
    powers.forEach((power, c) => (this.power[c] += power));
    apart.forEach((value, i) => {
      this.mean[i] += re[i] ** 2 + im[i] ** 2;
      this.apart[i] += value;
    });
    this.blocks += 1;
    this.lost[0] += Number(share / filled < this.values.least_block);
    this.lost[1] += Number(2 - share / filled < this.values.least_block);
  }
}

/** @param {Float64Array} values */
const highest = (values) => values.reduce((a, b) => Math.max(a, b), 0);

/** @param {Iterable<number>} values */
const sum = (values) => [...values].reduce((a, b) => a + b, 0);

/**
 * The level that this part of the blocks does not exceed.
 * @param {Map<number, number>} levels
 * @param {number} part
 */
function quantile(levels, part) {
  const wanted = part * sum(levels.values());
  let soFar = 0;
  const order = [...levels.keys()].sort((a, b) => a - b);
  return order.find((level) => (soFar += levels.get(level) ?? 0) >= wanted) ?? order[order.length - 1];
}
