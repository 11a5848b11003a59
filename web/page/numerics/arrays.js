// SPDX-License-Identifier: MIT
/** The few array operations that NumPy and SciPy give the Python engine, with their conventions. */

/**
 * Round half to even, as Python's `round` does.
 * @param {number} value
 */
export function roundEven(value) {
  const whole = Math.round(value);
  return Math.abs(value % 1) === 0.5 && whole % 2 !== 0 ? whole - 1 : whole;
}

/**
 * Linear interpolation between order statistics.
 * @param {ArrayLike<number>} values
 * @param {number} share 0 to 1
 */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/** @param {ArrayLike<number>} values */
export const median = (values) => quantile(values, 0.5);

/**
 * Mean over `size` neighbours with repeated ends (scipy.ndimage.uniform_filter1d, "nearest").
 * @param {ArrayLike<number>} values
 * @param {number} size
 */
export function runningMean(values, size) {
  const count = values.length;
  const left = Math.floor(size / 2);
  const right = size - left - 1;
  const at = (/** @type {number} */ i) => values[i < 0 ? 0 : i >= count ? count - 1 : i];
  const out = new Float64Array(count);
  let sum = 0;
  for (let i = -left; i <= right; i += 1) sum += at(i);
  for (let i = 0; i < count; i += 1) {
    out[i] = sum / size;
    sum += at(i + right + 1) - at(i - left);
  }
  return out;
}

/**
 * Smallest of `size` neighbours with repeated ends (scipy.ndimage.minimum_filter1d, "nearest").
 * @param {ArrayLike<number>} values
 * @param {number} size
 */
export function runningMinimum(values, size) {
  const count = values.length;
  const left = Math.floor(size / 2);
  const out = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    let least = Infinity;
    const first = Math.max(0, i - left);
    const last = Math.min(count - 1, i - left + size - 1);
    for (let j = first; j <= last; j += 1) if (values[j] < least) least = values[j];
    out[i] = least;
  }
  return out;
}

/**
 * Median of an odd number of neighbours with repeated ends (scipy.ndimage.median_filter, "nearest").
 * @param {ArrayLike<number>} values
 * @param {number} size
 */
export function runningMedian(values, size) {
  const count = values.length;
  const half = (size - 1) / 2;
  const at = (/** @type {number} */ i) => values[i < 0 ? 0 : i >= count ? count - 1 : i];
  const window = new Float64Array(size);
  for (let i = 0; i < size; i += 1) window[i] = at(i - half);
  window.sort();
  const out = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    out[i] = window[half];
    replace(window, at(i - half), at(i + half + 1));
  }
  return out;
}

/**
 * Take one value out of a sorted array and put another in.
 * @param {Float64Array} sorted
 * @param {number} old
 * @param {number} fresh
 */
function replace(sorted, old, fresh) {
  let i = sorted.indexOf(old);
  while (i > 0 && sorted[i - 1] > fresh) {
    sorted[i] = sorted[i - 1];
    i -= 1;
  }
  while (i < sorted.length - 1 && sorted[i + 1] < fresh) {
    sorted[i] = sorted[i + 1];
    i += 1;
  }
  sorted[i] = fresh;
}

/**
 * Root mean square deviation from the mean.
 * @param {ArrayLike<number>} values
 */
export function deviation(values) {
  let mean = 0;
  for (let i = 0; i < values.length; i += 1) mean += values[i];
  mean /= values.length;
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += (values[i] - mean) ** 2;
  return Math.sqrt(sum / values.length);
}

/**
 * The next larger double (numpy.nextafter towards infinity).
 * @param {number} value
 */
export function nextAfter(value) {
  if (!Number.isFinite(value)) return value;
  if (value === 0) return Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return view.getFloat64(0);
}
