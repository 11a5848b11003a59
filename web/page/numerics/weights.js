// SPDX-License-Identifier: MIT
/** Reads safetensors files: an 8-byte length, a JSON header, raw arrays. Nothing in it is executed. */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Map<string, Float32Array>} arrays by name; other number types are converted
 */
export function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const found = new Map();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const raw = buffer.slice(8 + length + from, 8 + length + to);
    if (entry.dtype === "F32") found.set(name, new Float32Array(raw));
    else if (entry.dtype === "F64") found.set(name, Float32Array.from(new Float64Array(raw)));
    else if (entry.dtype === "F16") found.set(name, Float32Array.from(new Uint16Array(raw), half));
    else throw new Error(`weights.safetensors: "${name}" has the type ${entry.dtype}, expected F16, F32 or F64`);
  }
  return found;
}

/**
 * The number that 16 bits stand for (IEEE 754 binary16).
 * @param {number} bits
 */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
