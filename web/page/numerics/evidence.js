// SPDX-License-Identifier: MIT
/**
 * The reasons behind a logit: exact shares of its linear sum, peaks in Hz and dB, and words.
 * The twin of `unsung.runtime.evidence`; a test holds both to the same rows.
 */

import { median, roundEven, runningMean, runningMedian, runningMinimum } from "./arrays.js";
import { fixed, general, rounded, signed } from "./text.js";

/**
 * @typedef {import("../bundle.js").Bundle} Bundle
 * @typedef {{hz: number, height_db: number, contribution: number}} Peak
 * @typedef {{freqsHz: Float64Array, stepHz: number, meanDb: Float32Array, envelopeDb: Float32Array,
 *   residualDb: Float32Array, floorDb: number}} Spectra
 * @typedef {{words: string[], peaks: Peak[], baseline: number, terms: Record<string, number>,
 *   comb_hz: number | null, shift: number | null, comb: import("./combs.js").Comb | null}} Evidence
 */

/**
 * The mean spectrum with its running lower envelope.
 * @param {Bundle} bundle
 * @param {Float64Array} levels
 * @returns {Spectra}
 */
export function measureSpectra(bundle, levels) {
  const frontEnd = bundle.frontEnds[bundle.reference];
  const { freqsHz } = frontEnd;
  const stepHz = freqsHz[1] - freqsHz[0];
  const meanDb = Float32Array.from(levels);
  const width = roundEven(bundle.constants.evidence.envelope_hz / stepHz);
  const envelopeDb = Float32Array.from(runningMinimum(meanDb, width));
  const residualDb = meanDb.map((v, i) => v - envelopeDb[i]);
  return { freqsHz, stepHz, meanDb, envelopeDb, residualDb, floorDb: 10 * Math.log10(frontEnd.parameters.floor) };
}

/**
 * The highest frequency at which the sound stands above the numerical floor.
 * @param {Spectra} spectra
 */
export function bandwidthHz(spectra) {
  const smooth = runningMean(spectra.meanDb, roundEven(100 / spectra.stepHz));
  const limit = Math.max(spectra.floorDb + 4, smooth.reduce((a, b) => Math.max(a, b), -Infinity) - 85);
  for (let i = smooth.length - 1; i >= 0; i -= 1) if (smooth[i] > limit) return spectra.freqsHz[i];
  return 0;
}

/**
 * The logit that a linear model gives averaged pictures.
 * @param {{baseline: number, weights: Float32Array[], means: Float32Array[]}} linear
 * @param {Float32Array[]} pictures
 */
export function linearLogit({ baseline, weights, means }, pictures) {
  let total = baseline;
  pictures.forEach((picture, index) => {
    const [weight, mean] = [weights[index], means[index]];
    for (let i = 0; i < weight.length; i += 1) total += (picture[i] - mean[i]) * weight[i];
  });
  return total;
}

/**
 * The exact logit share of every bin on the reference front end's axis; the sum is kept: finer
 * axes are summed into the nearest bin, coarser ones split evenly.
 * @param {Bundle} bundle
 * @param {Float32Array[]} pictures
 * @param {Float32Array[] | null} [deviations] over the track's windows, where there are several
 */
export function contributions(bundle, pictures, deviations = null) {
  const target = bundle.frontEnds[bundle.reference].freqsHz;
  const total = new Float64Array(target.length);
  pictures.forEach((picture, index) => {
    const { freqsHz, bins } = bundle.frontEnds[index];
    const share = new Float64Array(bins);
    addShares(share, bundle.linear, index, picture);
    if (bundle.variation && deviations) addShares(share, bundle.variation, index, deviations[index]);
    const finer = bins >= target.length;
    const { near, counts } = finer ? nearest(freqsHz, target) : nearest(target, freqsHz);
    if (finer) for (let i = 0; i < bins; i += 1) total[near[i]] += share[i];
    else for (let i = 0; i < total.length; i += 1) total[i] += share[near[i]] / counts[near[i]];
  });
  return Float32Array.from(total);
}

/**
 * Add what each bin of one front end adds to the logit, all channels together.
 * @param {Float64Array} share
 * @param {{weights: Float32Array[], means: Float32Array[]}} linear
 * @param {number} index of the front end
 * @param {Float32Array} values
 */
function addShares(share, { weights, means }, index, values) {
  const [weight, mean] = [weights[index], means[index]];
  for (let start = 0; start < values.length; start += share.length) {
    for (let i = 0; i < share.length; i += 1) {
      share[i] += weight[start + i] * (values[start + i] - mean[start + i]);
    }
  }
}

/**
 * @typedef {{near: Int32Array, counts: Uint32Array}} Cells
 * @type {WeakMap<Float64Array, WeakMap<Float64Array, Cells>>} by values and axis: every window asks
 */
const known = new WeakMap();

/**
 * For each value the bin of an even axis whose cell holds it, and how many each bin holds.
 * @param {Float64Array} values
 * @param {Float64Array} axis
 * @returns {Cells}
 */
function nearest(values, axis) {
  const found = known.get(values)?.get(axis);
  if (found) return found;
  const step = axis[1] - axis[0];
  const counts = new Uint32Array(axis.length);
  const near = Int32Array.from(values, (v) => {
    // A value on the edge of two cells belongs to the lower one (searchsorted, left).
    const place = Math.ceil((v - axis[0]) / step + 0.5 - 1e-9) - 1;
    const bin = Math.max(0, Math.min(axis.length - 1, place));
    counts[bin] += 1;
    return bin;
  });
  if (!known.has(values)) known.set(values, new WeakMap());
  known.get(values)?.set(axis, { near, counts });
  return { near, counts };
}

/**
 * Narrow lines that the detector weighs, strongest contribution first, without those on the notes
 * of a tempered scale, and the number of these.
 * @param {Bundle} bundle
 * @param {Spectra} spectra
 * @param {Float32Array} shares
 * @returns {{peaks: Peak[], notes: number}}
 */
function findPeaks(bundle, spectra, shares) {
  const c = bundle.constants.evidence;
  const mean = spectra.meanDb;
  const lobe = shares.map((_, i) => {
    let sum = 0; // the main lobe of a Hann window: two bins on each side
    for (let j = Math.max(0, i - 2); j <= Math.min(shares.length - 1, i + 2); j += 1) sum += shares[j];
    return sum;
  });
  const around = runningMedian(mean, c.peak_surroundings);
  const above = mean.map((v, i) => v - around[i]);
  const limit = Math.max(c.peak_spreads * 1.4826 * median(above.map(Math.abs)), c.peak_db);
  const found = [];
  for (let i = 1; i < mean.length - 1; i += 1) {
    if (mean[i] > mean[i - 1] && mean[i] >= mean[i + 1] && above[i] > limit) found.push(i);
  }
  found.sort((a, b) => Math.abs(lobe[b]) - Math.abs(lobe[a]));
  /** @type {Peak[]} */
  const chosen = [];
  for (const index of found) {
    const hz = spectra.freqsHz[index];
    if (chosen.every((peak) => Math.abs(hz - peak.hz) > c.peak_gap_hz)) {
      const height = rounded(spectra.residualDb[index], 2);
      chosen.push({ hz: rounded(hz, 2), height_db: height, contribution: lobe[index] });
    }
    if (chosen.length === c.candidates) break;
  }
  const notes = onAScale(chosen.map((peak) => peak.hz), spectra.stepHz, c);
  const lines = chosen.filter((_, i) => !notes[i]);
  return { peaks: lines.slice(0, c.max_peaks), notes: notes.filter(Boolean).length };
}

/**
 * Which lines are notes of one tempered scale, whatever its tuning; none by chance.
 * @param {number[]} linesHz
 * @param {number} stepHz
 * @param {{note_cents: number, least_notes: number}} values
 */
function onAScale(linesHz, stepHz, { note_cents: noteCents, least_notes: least }) {
  const cents = linesHz.map((hz) => 1200 * Math.log2(hz / 440));
  const near = linesHz.map((hz) => noteCents + 1200 * Math.log2(1 + (0.5 * stepHz) / hz));
  /** @type {boolean[]} */
  let best = linesHz.map(() => false);
  let most = 0;
  for (const tuning of cents) {
    const held = cents.map((value, i) => {
      const turned = (tuning - value + 50) % 100;
      return Math.abs((turned < 0 ? turned + 100 : turned) - 50) <= near[i];
    });
    const count = held.filter(Boolean).length;
    if (count > most) [best, most] = [held, count];
  }
  return most >= Math.max(least, linesHz.length / 2 + 2) ? best : best.map(() => false);
}

/**
 * Terms by band (with the baseline they add up to the logit), peaks, and words.
 * @param {Bundle} bundle
 * @param {Float32Array[]} pictures the track's mean pictures
 * @param {Spectra} spectra
 * @param {Float32Array} shares of every bin
 * @param {{linear: number, added: Record<string, number>, shift: number | null}} scores added:
 *   what further scores add to the linear one, each a term of its own
 * @returns {Evidence}
 */
export function explain(bundle, pictures, spectra, shares, { linear, added, shift }) {
  const c = bundle.constants.evidence;
  /** @type {Record<string, number>} */
  const terms = {};
  for (let i = 0; i + 1 < c.band_edges_hz.length; i += 1) {
    const [low, high] = [c.band_edges_hz[i], c.band_edges_hz[i + 1]];
    const start = Math.max(low, spectra.freqsHz[0]);
    let sum = 0;
    spectra.freqsHz.forEach((hz, at) => {
      if (hz >= low && hz < high) sum += shares[at];
    });
    terms[`${general(start / 1000, 3)}–${general(Math.min(high, 8000) / 1000, 3)} kHz`] = sum;
  }
  const bands = Object.entries(terms);
  const baseline = linear - bands.reduce((sum, [, value]) => sum + value, 0);
  const band = bands.reduce((a, b) => (Math.abs(b[1]) > Math.abs(a[1]) ? b : a));
  Object.assign(terms, added);
  const logit = Object.values(added).reduce((sum, value) => sum + value, linear);
  const { peaks, notes } = findPeaks(bundle, spectra, shares);
  return {
    words: sentences(logit, peaks, notes, band, shift, added[c.copied] ?? 0, c.told),
    peaks,
    baseline,
    terms,
    comb_hz: null, // looked for by itself, see combs.js
    shift: shift === null ? null : rounded(Math.expm1(shift), 5),
    comb: null,
  };
}

/**
 * @param {number} logit
 * @param {Peak[]} peaks
 * @param {number} notes
 * @param {[string, number]} band
 * @param {number | null} shift
 * @param {number} copied what the second linear model adds
 * @param {number} told from which on the words speak of it
 */
function sentences(logit, peaks, notes, band, shift, copied, told) {
  const words = [];
  if (shift !== null) {
    words.push(
      "a decoder's lines fit best when all frequencies are taken to be " +
        `${signed(100 * Math.expm1(shift), 2)} % off (${signed((12 * shift) / Math.LN2, 2)} semitones): ` +
        "the sound was probably sped up, slowed down or pitched",
    );
  }
  if (copied >= told) {
    words.push(
      `${signed(copied, 2)} of the logit comes from a second model that has heard rooms and codecs ` +
        "as well; the logits of single windows do not hold it",
    );
  }
  if (peaks.length) {
    const sum = (/** @type {Peak[]} */ some) => some.reduce((total, peak) => total + peak.contribution, 0);
    const towards = peaks.filter((peak) => peak.contribution > 0);
    const against = peaks.filter((peak) => peak.contribution <= 0);
    words.push(
      `of the ${peaks.length} narrow lines that weigh most, ${towards.length} speak for AI ` +
        `(${signed(sum(towards), 2)} logit) and ${against.length} against (${signed(sum(against), 2)}); ` +
        `the heaviest, at ${fixed(peaks[0].hz, 1)} Hz, stands ${fixed(peaks[0].height_db, 1)} dB ` +
        "above the envelope",
    );
  } else if (!notes) {
    words.push("no narrow line stands out of the averaged spectrum");
  }
  if (notes) {
    words.push(
      `${notes} of the narrow lines lie on the notes of a tempered scale: they are taken for ` +
        "music, not for a decoder's",
    );
  }
  words.push(
    `the band ${band[0]} contributes most: ${signed(band[1], 2)} of the logit ${signed(logit, 2)}`,
  );
  if (logit > 0) {
    words.push(
      "such traces come from a neural decoder: a generator's, or that of a neural codec or " +
        "restoration tool that a human recording went through",
    );
  }
  return words;
}
