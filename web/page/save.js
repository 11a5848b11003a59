// SPDX-License-Identifier: MIT
/** Files that the page makes: JSON with a score's own field names, pictures, sounds. */

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/**
 * A file name without suffix that every file system takes.
 * @param {string} name
 */
export function stem(name) {
  const plain = name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_.]+/gu, "-");
  return plain.replace(/^[-._]+|[-._]+$/g, "").slice(0, 80) || "track";
}

/** @param {unknown} value */
export const jsonBlob = (value) => new Blob([JSON.stringify(value, null, 1) + "\n"], { type: "application/json" });

/**
 * Mono sound as a 16-bit WAV file.
 * @param {Float32Array} samples
 * @param {number} rateHz
 */
export function wavBlob(samples, rateHz) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (/** @type {number} */ at, /** @type {string} */ word) =>
    [...word].forEach((sign, i) => view.setUint8(at + i, sign.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, 2 * rateHz, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  for (let i = 0; i < samples.length; i += 1) {
    view.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, samples[i]))), true);
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
