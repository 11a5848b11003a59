// SPDX-License-Identifier: MIT
/** Ranks, and the normal distribution's lower tail, with SciPy's conventions. */

/**
 * Ranks from 1; equal values share the mean of theirs (scipy.stats.rankdata).
 * @param {ArrayLike<number>} values
 */
export function rank(values) {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let end = i + 1;
    while (end < order.length && values[order[end]] === values[order[i]]) end += 1;
    for (let j = i; j < end; j += 1) ranks[order[j]] = (i + end + 1) / 2;
    i = end;
  }
  return ranks;
}

/**
 * The chance that a standard normal value lies below z (scipy.special.ndtr), precise in the tail.
 * @param {number} z
 */
export function normalTail(z) {
  const x = Math.abs(z) / Math.SQRT2;
  const upper = x < 2 ? 0.5 * (1 - errorFunction(x)) : 0.5 * complement(x);
  return z < 0 ? upper : 1 - upper;
}

/**
 * erf by its series (Abramowitz and Stegun 7.1.6), which loses nothing for small x.
 * @param {number} x
 */
function errorFunction(x) {
  let term = x;
  let sum = x;
  for (let n = 1; term > 1e-17 * sum; n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/**
 * erfc by its continued fraction (Abramowitz and Stegun 7.1.14), from the inside out.
 * @param {number} x at least 2
 */
function complement(x) {
  let fraction = 0;
  for (let n = 60; n >= 1; n -= 1) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction));
}
