// SPDX-License-Identifier: MIT
/** Errors of one file, by the names that Python uses; the other files go on. */

export class AudioProblem extends Error {
  /**
   * @param {string} type name of the error in a score
   * @param {string} message what was expected, what came, what to do
   */
  constructor(type, message) {
    super(message);
    this.name = type;
  }
}

/**
 * The error field of a score.
 * @param {unknown} error
 * @returns {{type: string, message: string}}
 */
export function failure(error) {
  if (error instanceof Error) return { type: error.name, message: error.message };
  return { type: "Error", message: String(error) };
}
