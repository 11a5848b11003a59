// SPDX-License-Identifier: MIT
/**
 * The reasons behind a logit: exact shares of its linear sum, peaks in Hz and dB, and words.
 * The twin of `unsung.runtime.evidence`; a test holds both to the same rows.
 */

import { median, roundEven, runningMean, runningMedian, runningMinimum } from "./arrays.js";

/**
 * @typedef {import("../bundle.js").Bundle} Bundle
 * @typedef {{hz: number, height_db: number, contribution: number}} Peak
 * @typedef {{freqsHz: Float64Array, stepHz: number, meanDb: Float32Array, envelopeDb: Float32Array,
 *   residualDb: Float32Array, floorDb: number}} Spectra
 * @typedef {{words: string[], peaks: Peak[], baseline: number, terms: Record<string, number>,
 *   shift: number | null}} Evidence
 */

/** @param {number} value @param {number} digits */
const signed = (value, digits) => (value < 0 || Object.is(value, -0) ? "" : "+") + value.toFixed(digits);

/** @param {number} value @param {number} digits */
const rounded = (value, digits) => roundEven(value * 10 ** digits) / 10 ** digits;

/**
 * Python's `format(value, ".3g")` for the kilohertz of a band.
 * @param {number} value
 */
const general = (value) => String(Number(value.toPrecision(3)));

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
 * The exact logit share of every bin on the reference front end's axis; the sum is kept: finer
 * axes are summed into the nearest bin, coarser ones split evenly.
 * @param {Bundle} bundle
 * @param {Float32Array[]} pictures
 */
export function contributions(bundle, pictures) {
  const target = bundle.frontEnds[bundle.reference].freqsHz;
  const total = new Float64Array(target.length);
  pictures.forEach((picture, index) => {
    const { freqsHz, bins } = bundle.frontEnds[index];
    const { weights, means } = bundle.linear;
    const share = new Float64Array(bins);
    for (let at = 0; at < picture.length; at += 1) {
      share[at % bins] += weights[index][at] * (picture[at] - means[index][at]);
    }
    if (bins >= target.length) {
      const near = nearest(freqsHz, target);
      for (let i = 0; i < bins; i += 1) total[near[i]] += share[i];
    } else {
      const near = nearest(target, freqsHz);
      const counts = new Float64Array(bins);
      for (const place of near) counts[place] += 1;
      for (let i = 0; i < total.length; i += 1) total[i] += share[near[i]] / counts[near[i]];
    }
  });
  return Float32Array.from(total);
}

/**
 * For each value the bin of an even axis whose cell holds it.
 * @param {Float64Array} values
 * @param {Float64Array} axis
 */
function nearest(values, axis) {
  const step = axis[1] - axis[0];
  return Int32Array.from(values, (v) => {
    // A value on the edge of two cells belongs to the lower one (searchsorted, left).
    const place = Math.ceil((v - axis[0]) / step + 0.5 - 1e-9) - 1;
    return Math.max(0, Math.min(axis.length - 1, place));
  });
}

/**
 * Narrow lines that the detector weighs, strongest contribution first.
 * @param {Bundle} bundle
 * @param {Spectra} spectra
 * @param {Float32Array} shares
 * @returns {Peak[]}
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
    if (chosen.length === c.max_peaks) break;
  }
  return chosen;
}

/**
 * Terms by band (with the baseline they add up to the logit), peaks, and words.
 * @param {Bundle} bundle
 * @param {Float32Array[]} pictures the track's mean pictures
 * @param {Spectra} spectra
 * @param {Float32Array} shares of every bin
 * @param {{linear: number, logit: number, shift: number | null}} scores
 * @returns {Evidence}
 */
export function explain(bundle, pictures, spectra, shares, { linear, logit, shift }) {
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
    terms[`${general(start / 1000)}–${general(Math.min(high, 8000) / 1000)} kHz`] = sum;
  }
  const bands = Object.entries(terms);
  const baseline = linear - bands.reduce((sum, [, value]) => sum + value, 0);
  const band = bands.reduce((a, b) => (Math.abs(b[1]) > Math.abs(a[1]) ? b : a));
  if (bundle.shift) terms[c.shifted] = logit - linear;
  const peaks = findPeaks(bundle, spectra, shares);
  return {
    words: sentences(logit, peaks, band, shift),
    peaks,
    baseline,
    terms,
    shift: shift === null ? null : rounded(Math.expm1(shift), 5),
  };
}

/**
 * @param {number} logit
 * @param {Peak[]} peaks
 * @param {[string, number]} band
 * @param {number | null} shift
 */
function sentences(logit, peaks, band, shift) {
  const words = [];
  if (shift !== null) {
    words.push(
      "a decoder's lines fit best when all frequencies are taken to be " +
        `${signed(100 * Math.expm1(shift), 2)} % off (${signed((12 * shift) / Math.LN2, 2)} semitones): ` +
        "the sound was probably sped up, slowed down or pitched",
    );
  }
  if (peaks.length) {
    const sum = (/** @type {Peak[]} */ some) => some.reduce((total, peak) => total + peak.contribution, 0);
    const towards = peaks.filter((peak) => peak.contribution > 0);
    const against = peaks.filter((peak) => peak.contribution <= 0);
    words.push(
      `of the ${peaks.length} narrow lines that weigh most, ${towards.length} speak for AI ` +
        `(${signed(sum(towards), 2)} logit) and ${against.length} against (${signed(sum(against), 2)}); ` +
        `the heaviest, at ${peaks[0].hz.toFixed(1)} Hz, stands ${peaks[0].height_db.toFixed(1)} dB ` +
        "above the envelope",
    );
  } else {
    words.push("no narrow line stands out of the averaged spectrum");
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
