// SPDX-License-Identifier: MIT
/**
 * Finds the comb of lines that upsampling leaves, and the decoders that explain it: the twin of
 * `unsung.audio.combs`, of the rank scores behind it and of `unsung.scanning._comb`. Units: Hz.
 */

import { deviation, roundEven } from "./arrays.js";
import { normalTail, rank } from "./ranks.js";
import { general, rounded } from "./text.js";

/**
 * @typedef {{name: string, sample_rate_hz: number, products: number[]}} Decoder
 * @typedef {{
 *   limit: number, most_candidates: number, known_hz: number[], free_hz: number[],
 *   band_hz: [number, number], shifts: number[], neighbours: number, neighbour_count: number,
 *   min_bins: number, sub_bands: number, cap: number, tie: number, tolerance: number, least_spread: number,
 *   rates_hz: number[], primes: number[], decoders: Decoder[],
 * }} CombValues
 * @typedef {{spacing_hz: number, p_value: number, strength: number, explained_by: string[]}} Comb
 * @typedef {{capped: number, plain: number}} Stand deviations above chance
 */

/** Ranks of the bins of a band, by sub-band, and the scores of combs laid over them. */
class RankedBand {
  /**
   * @param {Float64Array} values
   * @param {number} firstHz
   * @param {number} stepHz
   * @param {CombValues} c
   */
  constructor(values, firstHz, stepHz, c) {
    this.c = c;
    this.firstHz = firstHz;
    this.stepHz = stepHz;
    const edges = Array.from({ length: c.sub_bands + 1 }, (_, i) => roundEven((i * values.length) / c.sub_bands));
    this.limitsHz = edges.map((edge) => firstHz + (edge - 0.5) * stepHz);
    this.scores = new Float64Array(values.length);
    for (let s = 0; s < c.sub_bands; s += 1) {
      const part = values.subarray(edges[s], edges[s + 1]);
      rank(part).forEach((place, i) => {
        this.scores[edges[s] + i] = ((place - 0.5) / part.length - 0.5) * Math.sqrt(12); // deviation 1
      });
    }
  }

  /**
   * How high the bins at the teeth of a comb stand.
   * @param {number} spacingHz
   * @param {number} shift of the teeth, in spacings
   * @returns {Stand}
   */
  stand(spacingHz, shift) {
    const first = this.limitsHz.map((hz) => Math.ceil(hz / spacingHz - shift));
    let [capped, plain, used, count] = [0, 0, 0, 0];
    for (let s = 0; s + 1 < first.length; s += 1) {
      let total = 0;
      for (let tooth = first[s]; tooth < first[s + 1]; tooth += 1) {
        total += this.scores[roundEven(((tooth + shift) * spacingHz - this.firstHz) / this.stepHz)];
      }
      const number = first[s + 1] - first[s];
      capped += Math.min(total / Math.sqrt(Math.max(number, 1)), this.c.cap);
      plain += total;
      count += number;
      used += number > 0 ? 1 : 0;
    }
    return { capped: capped / Math.sqrt(Math.max(used, 1)), plain: plain / Math.sqrt(Math.max(count, 1)) };
  }
}

/**
 * The chance that a bin at a tooth stands higher than one between teeth; null without both.
 * @param {Float64Array} values
 * @param {Float64Array} hz
 * @param {number} stepHz
 * @param {number} spacingHz
 */
function strengthOf(values, hz, stepHz, spacingHz) {
  const away = hz.map((at) => Math.abs(at / spacingHz - roundEven(at / spacingHz)) * spacingHz);
  const counted = values.filter((_, i) => away[i] <= 0.5 * stepHz || away[i] > 1.5 * stepHz);
  const tooth = away.filter((far) => far <= 0.5 * stepHz || far > 1.5 * stepHz).map((far) => Number(far <= 0.5 * stepHz));
  const teeth = tooth.reduce((sum, one) => sum + one, 0);
  const others = tooth.length - teeth;
  if (!teeth || !others) return null;
  const ranks = rank(counted).reduce((sum, place, i) => sum + place * tooth[i], 0);
  return (ranks - (teeth * (teeth + 1)) / 2) / (teeth * others);
}

/**
 * The best of the given spacings, where it passes the limit.
 * @param {Float64Array} values of the bins in the band
 * @param {Float64Array} hz
 * @param {number} stepHz
 * @param {number[]} grid ascending
 * @param {CombValues} c
 * @returns {Comb | null}
 */
function estimate(values, hz, stepHz, grid, c) {
  const tooCoarse = grid[0] < c.min_bins * stepHz;
  if (tooCoarse || values.length < (2 * c.sub_bands * grid[0]) / stepHz) return null;
  const band = new RankedBand(values, hz[0], stepHz, c);
  const stands = grid.map((spacing) => band.stand(spacing, 0));
  const best = choose(stands, c.tie);
  const around = Array.from({ length: c.neighbour_count }, (_, i) => {
    const place = -c.neighbours + (i * 2 * c.neighbours) / (c.neighbour_count - 1);
    return grid[best] * Math.exp(place);
  });
  const chance = c.shifts.flatMap((shift) => around.map((spacing) => band.stand(spacing, shift).capped));
  const centre = chance.reduce((sum, v) => sum + v, 0) / chance.length;
  const spread = Math.max(deviation(chance), c.least_spread);
  const p = Math.min(1, grid.length * normalTail((centre - stands[best].capped) / spread));
  const strength = strengthOf(values, hz, stepHz, grid[best]);
  if (strength === null || p > c.limit) return null;
  const tolerance = Math.max(c.tolerance, (2 * stepHz) / hz[hz.length - 1]);
  return {
    spacing_hz: rounded(grid[best], 3),
    p_value: p,
    strength: rounded(strength, 4),
    explained_by: candidates(grid[best], tolerance, c).slice(0, c.most_candidates),
  };
}

/**
 * The best spacing; where capped scores tie, the one that all bins favour.
 * @param {Stand[]} stands
 * @param {number} tie share of the best that still ties with it
 */
function choose(stands, tie) {
  const most = Math.max(...stands.map((one) => one.capped));
  const top = stands.map((one) => one.capped >= Math.max(tie * most, 0));
  const worth = stands.map((one, i) => (top.some(Boolean) ? (top[i] ? one.plain : -Infinity) : one.capped));
  return worth.indexOf(Math.max(...worth));
}

/**
 * Rates, strides and decoders that explain a spacing, in words, known decoders first.
 * @param {number} spacingHz
 * @param {number} tolerance relative error allowed
 * @param {CombValues} c
 */
function candidates(spacingHz, tolerance, c) {
  const found = [];
  for (const rate of c.rates_hz) {
    const stride = roundEven(rate / spacingHz);
    const fits = stride >= 2 && Math.abs(rate / stride / spacingHz - 1) <= tolerance;
    if (!fits || !smooth(stride, c.primes)) continue;
    const same = c.decoders.filter((one) => one.sample_rate_hz === rate && one.products.includes(stride));
    found.push({ rate, stride, names: same.map((one) => one.name) });
  }
  found.sort((a, b) => b.names.length - a.names.length || a.rate - b.rate);
  return found.map(({ rate, stride, names }) => {
    const text = `${general(rate / 1000, 6)} kHz, stride ${stride}`;
    return names.length ? `${text} (${names.join(", ")})` : text;
  });
}

/** @param {number} value @param {number[]} primes */
function smooth(value, primes) {
  let rest = value;
  for (const prime of primes) while (rest % prime === 0) rest /= prime;
  return rest === 1;
}

/**
 * The comb that stands out of a residual, or null. The spacings of known decoders come first: the
 * fewer are tried, the more a fit says.
 * @param {Float32Array} residual
 * @param {Float64Array} freqsHz
 * @param {CombValues} c
 */
export function findComb(residual, freqsHz, c) {
  const stepHz = (freqsHz[freqsHz.length - 1] - freqsHz[0]) / (freqsHz.length - 1);
  const inside = (/** @type {unknown} */ _, /** @type {number} */ i) =>
    freqsHz[i] >= c.band_hz[0] && freqsHz[i] <= c.band_hz[1];
  const values = Float64Array.from(residual).filter(inside);
  if (!values.every(Number.isFinite)) return null;
  const hz = freqsHz.filter(inside);
  return estimate(values, hz, stepHz, c.known_hz, c) ?? estimate(values, hz, stepHz, c.free_hz, c);
}

/**
 * The evidence of an analysis, which also tells the comb, in figures and in words.
 * @param {import("../bundle.js").Bundle} bundle
 * @param {import("./analyzer.js").Analysis} analysis
 */
export function withComb(bundle, { evidence, residual }) {
  if (evidence === null || residual === null) return evidence;
  const comb = findComb(residual, bundle.frontEnds[bundle.reference].freqsHz, bundle.constants.comb);
  if (comb === null) return evidence;
  let line = `lines stand at every multiple of ${comb.spacing_hz.toFixed(2)} Hz (p ${general(comb.p_value, 1)})`;
  if (comb.explained_by.length) line += `, as ${comb.explained_by[0]} would leave them`;
  return { ...evidence, words: [...evidence.words, line], comb, comb_hz: comb.spacing_hz };
}
