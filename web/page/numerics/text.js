// SPDX-License-Identifier: MIT
/** Numbers as Python writes and rounds them, so that both languages say the same sentences. */

import { roundEven } from "./arrays.js";

/**
 * Python's `format(value, ".2f")`: of two decimals that are as near, the even one.
 * @param {number} value
 * @param {number} digits
 */
export function fixed(value, digits) {
  // Only a multiple of 2^-(digits + 1) can lie just between two decimals.
  const halfway = Number.isInteger(value * 2 ** (digits + 1)) && Math.abs((value * 10 ** digits) % 1) === 0.5;
  return (halfway ? rounded(value, digits) : value).toFixed(digits);
}

/**
 * Python's `format(value, "+.2f")`.
 * @param {number} value
 * @param {number} digits
 */
export const signed = (value, digits) => (value < 0 || Object.is(value, -0) ? "" : "+") + fixed(value, digits);

/**
 * Python's `round(value, digits)`, but for the last bit of a decimal that no double holds.
 * @param {number} value
 * @param {number} digits
 */
export const rounded = (value, digits) => roundEven(value * 10 ** digits) / 10 ** digits;

/**
 * Python's `format(value, ".3g")`: the exponent has a sign and two digits and begins at 1e-05.
 * @param {number} value
 * @param {number} digits
 */
export function general(value, digits) {
  const [mantissa, power] = value.toExponential(digits - 1).split("e").map(Number);
  if (value === 0 || (power >= -4 && power < digits)) return String(Number(value.toPrecision(digits)));
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/**
 * Python's `format(value, ".0e")`.
 * @param {number} value
 */
export function exponential(value) {
  const [mantissa, power] = value.toExponential(0).split("e").map(Number);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
