// SPDX-License-Identifier: MIT
/**
 * An explanation as sound: what speaks for AI alone, the song without it, the part amplified.
 *
 * The relevance of each window becomes a mask between 0 and 1 on a spectrum of about one second a
 * frame; masks, levels and loudness are those of `unsung.explainers._listen`. "Without" is levelled,
 * not cut out: a hole in the spectrum would be a trace of its own.
 */

import { quantile } from "./arrays.js";
import { RealFFT } from "./fft.js";
import { hann } from "./residual-spectrum.js";

/**
 * @typedef {import("./analyzer.js").Analysis} Analysis
 * @typedef {import("../bundle.js").Constants["listening"]} Values
 * @typedef {(re: Float64Array, im: Float64Array, timeS: number) => void} Change
 */

/**
 * @param {Float32Array} samples one channel
 * @param {number} rateHz
 * @param {Analysis} analysis of these samples
 * @param {Values} values
 * @returns {{sounds: Record<"relevant" | "without" | "amplified", Float32Array>, gainDb: number}}
 */
export function listen(samples, rateHz, analysis, values) {
  const size = frameSize(samples.length, rateHz);
  const stepHz = rateHz / size;
  const masks = placedMasks(analysis, values.share, size / 2 + 1, stepHz);
  const maskAt = (/** @type {number} */ timeS) => masks[windowAt(analysis.relevance, timeS)];
  const neighbours = Math.max(3, Math.round(values.surroundings_hz / stepHz) | 1);
  const scaled = (/** @type {(mask: number) => number} */ gain) =>
    reshape(samples, rateHz, size, (re, im, timeS) => {
      const mask = maskAt(timeS);
      for (let k = 0; k < re.length; k += 1) {
        const g = gain(mask[k]);
        re[k] *= g;
        im[k] *= g;
      }
    });
  const without = reshape(samples, rateHz, size, (re, im, timeS) => {
    const mask = maskAt(timeS);
    const level = levelGains(re, im, neighbours);
    for (let k = 0; k < re.length; k += 1) {
      const g = 1 - mask[k] + mask[k] * level[k];
      re[k] *= g;
      im[k] *= g;
    }
  });
  const more = 10 ** (values.amplify_db / 20) - 1;
  const relevant = safe(scaled((m) => m), values, true);
  return {
    sounds: {
      relevant: relevant.sound,
      without: safe(without, values, false).sound,
      amplified: safe(scaled((m) => 1 + more * m), values, false).sound,
    },
    gainDb: relevant.gainDb,
  };
}

/**
 * About a second, a power of two, no longer than the sound.
 * @param {number} length
 * @param {number} rateHz
 */
function frameSize(length, rateHz) {
  return 2 ** Math.min(Math.round(Math.log2(rateHz)), Math.floor(Math.log2(Math.max(length, 16))));
}

/**
 * @param {Analysis["relevance"]} windows
 * @param {number} timeS
 */
function windowAt(windows, timeS) {
  let found = 0;
  for (let i = 1; i < windows.length; i += 1) if (timeS >= windows[i].startS) found = i;
  return found;
}

/**
 * One mask for each window on the axis of the spectrum: zero outside the detector's own band;
 * where the spectrum is coarser than the relevance, the largest value of each bin counts.
 * @param {Analysis} analysis
 * @param {number} share of the cells for which the mask is full
 * @param {number} bins
 * @param {number} stepHz
 */
function placedMasks(analysis, share, bins, stepHz) {
  const { relevance, spectra } = analysis;
  if (!spectra) return [new Float32Array(bins)];
  const total = relevance.reduce((sum, w) => sum + w.weight, 0);
  const each = relevance.map((w) => {
    // Relevance of a frame: windows are as long as each other, but for the last.
    const scale = w.weight / total / w.lengthS;
    return w.shares.map((v) => Math.max(0, v * scale));
  });
  const all = new Float32Array(each.reduce((sum, row) => sum + row.length, 0));
  each.forEach((row, i) => all.set(row, i * row.length));
  const full = quantile(all, 1 - share) || all.reduce((a, b) => Math.max(a, b), 0) || 1;
  return each.map((row) => {
    const mask = new Float32Array(bins);
    row.forEach((v, i) => {
      const low = Math.round((spectra.freqsHz[i] - spectra.stepHz / 2) / stepHz + 1e-9);
      const high = Math.max(low, Math.round((spectra.freqsHz[i] + spectra.stepHz / 2) / stepHz - 1e-9));
      for (let k = low; k <= high && k < bins; k += 1) mask[k] = Math.max(mask[k], Math.min(1, v / full));
    });
    return mask;
  });
}

/**
 * Gains that level every bin to the geometric mean of its surroundings.
 * @param {Float64Array} re
 * @param {Float64Array} im
 * @param {number} size
 */
function levelGains(re, im, size) {
  const log = re.map((v, k) => 0.5 * Math.log(Math.max(v * v + im[k] * im[k], 1e-24)));
  const half = (size - 1) / 2;
  const sums = new Float64Array(log.length + 1);
  for (let k = 0; k < log.length; k += 1) sums[k + 1] = sums[k] + log[k];
  return log.map((v, k) => {
    const [a, b] = [Math.max(0, k - half), Math.min(log.length, k + half + 1)];
    return Math.exp((sums[b] - sums[a]) / (b - a) - v);
  });
}

/**
 * Change a sound's short-time spectrum and go back to sound of the same length.
 * @param {Float32Array} samples
 * @param {number} rateHz
 * @param {number} size
 * @param {Change} change
 */
export function reshape(samples, rateHz, size, change) {
  const fft = RealFFT.of(size);
  const window = hann(size);
  const hop = size / 4;
  const padded = new Float32Array(samples.length + 2 * size);
  padded.set(samples, size);
  const out = new Float64Array(padded.length + size);
  const weight = new Float64Array(out.length);
  const frame = new Float64Array(size);
  for (let start = hop; start < size + samples.length; start += hop) {
    fft.forward(padded, start, window);
    change(fft.re, fft.im, Math.max(0, (start + size / 2 - size) / rateHz));
    fft.inverse(frame);
    for (let i = 0; i < size; i += 1) {
      out[start + i] += frame[i] * window[i];
      weight[start + i] += window[i] * window[i];
    }
  }
  return Float32Array.from(samples, (_, i) => out[size + i] / Math.max(weight[size + i], 1e-9));
}

/**
 * Bring sound to a loudness that hurts nobody.
 * @param {Float32Array} sound
 * @param {Values} values
 * @param {boolean} lift also raise quiet sound to it
 */
function safe(sound, values, lift) {
  let energy = 0;
  let peak = 0;
  for (const v of sound) {
    energy += v * v;
    peak = Math.max(peak, Math.abs(v));
  }
  const rms = Math.sqrt(energy / Math.max(1, sound.length));
  if (rms < 10 ** (values.quietest_db / 20) / 10) return { sound, gainDb: 0 };
  let gain = Math.min(10 ** (values.rms_db / 20) / rms, 10 ** (values.peak_db / 20) / peak);
  if (!lift) gain = Math.min(gain, 1);
  return { sound: sound.map((v) => v * gain), gainDb: 20 * Math.log10(gain) };
}
