// SPDX-License-Identifier: MIT
/** Names what is wrong with the sound on its way: the twin of `unsung.audio.health`. */

import { AudioProblem } from "./errors.js";

export class HealthMeter {
  /**
   * @param {number} rateHz
   * @param {{shortest_s: number, silent_dbfs: number, loudest: number, most_broken: number}} values
   */
  constructor(rateHz, values) {
    this.rateHz = rateHz;
    this.values = values;
    this.count = 0;
    this.broken = 0;
    this.cut = 0;
    this.low = Infinity;
    this.high = -Infinity;
  }

  /**
   * Measure a block; samples that are no usable numbers are repaired in place.
   * @param {Float32Array} block
   */
  push(block) {
    const most = this.values.loudest;
    for (let i = 0; i < block.length; i += 1) {
      let v = block[i];
      if (!Number.isFinite(v)) {
        this.broken += 1;
        v = 0;
        block[i] = v;
      } else if (v > most || v < -most) {
        this.cut += 1;
        v = Math.max(-most, Math.min(most, v));
        block[i] = v;
      }
      if (v < this.low) this.low = v;
      if (v > this.high) this.high = v;
    }
    this.count += block.length;
  }

  /** Say what was repaired, where that was little enough to judge the rest. */
  notes() {
    if (!this.broken) return [];
    return [`${this.broken} of ${this.count} samples are NaN or infinite and count as 0`];
  }

  /** Why the sound cannot show that it is free of traces although it is judged, or "". */
  get doubt() {
    return this.cut ? `${this.cut} of ${this.count} samples lie above ${this.values.loudest} times full scale` : "";
  }

  /** Whether so many samples were cut that no verdict holds, not even "AI". */
  get spoilt() {
    return this.cut > this.values.most_broken * this.count;
  }

  /** Say why the sound cannot be judged, or null. */
  problem() {
    const seconds = this.count / this.rateHz;
    if (!this.count) {
      return new AudioProblem("EmptyAudio", "expected sound, the file holds no samples; export it again");
    }
    if (seconds < this.values.shortest_s) {
      return new AudioProblem(
        "TooShort",
        `expected at least ${this.values.shortest_s} s, got ${seconds.toFixed(3)} s; give a longer piece`,
      );
    }
    if (this.broken < this.count && this.high - this.low < 10 ** (this.values.silent_dbfs / 20)) {
      const level = this.high || this.low ? "a constant level" : "digital silence";
      return new AudioProblem(
        "SilentAudio",
        `expected sound, got ${level} over ${seconds.toFixed(1)} s; check the export or the recording channel`,
      );
    }
    if (this.broken > this.values.most_broken * this.count) {
      const share = ((100 * this.broken) / this.count).toFixed(2);
      return new AudioProblem(
        "NotFinite",
        `expected finite samples, ${this.broken} of ${this.count} (${share}%) are NaN or infinite; export the file again`,
      );
    }
    return null;
  }
}
