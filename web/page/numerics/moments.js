// SPDX-License-Identifier: MIT
/** Mean and deviation of every bin over a track's windows: the twin of `runtime.analyzer.Moments`. */

/** With fewer effective windows there is no variation to speak of. */
const LEAST_WINDOWS = 1.5;

export class Moments {
  /** @param {number} length bins of all channels */
  constructor(length) {
    this.length = length;
    this.weight = 0;
    this.squares = 0;
    this.total = new Float64Array(length);
    this.rest = new Float64Array(length);
  }

  /**
   * Add one window, which weighs the seconds of sound it holds.
   * @param {Float32Array} values
   * @param {number} weight
   */
  add(values, weight) {
    this.weight += weight;
    this.squares += weight * weight;
    const share = weight / this.weight;
    const { total, rest } = this;
    for (let i = 0; i < this.length; i += 1) {
      const away = values[i] - total[i];
      total[i] += away * share;
      rest[i] += weight * away * (values[i] - total[i]);
    }
  }

  mean() {
    return Float32Array.from(this.total);
  }

  /** The deviation over windows, unbiased for normal values; null of a single window. */
  deviation() {
    const n = this.squares ? this.weight ** 2 / this.squares : 0;
    if (n < LEAST_WINDOWS) return null;
    const bessel = n / (n - 1) / this.weight;
    const root = (4 * n - 3) / (4 * n - 4);
    return Float32Array.from(this.rest, (v) => Math.sqrt(v * bessel) * root);
  }

  clone() {
    const twin = new Moments(this.length);
    twin.weight = this.weight;
    twin.squares = this.squares;
    twin.total.set(this.total);
    twin.rest.set(this.rest);
    return twin;
  }
}
