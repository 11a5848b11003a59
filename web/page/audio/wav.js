// SPDX-License-Identifier: MIT
/**
 * Streams WAV files of linear samples, so that hours need no more memory than a block; what it does
 * not know (compressed WAV) goes to the browser's decoder.
 */

import { AudioProblem } from "./errors.js";

/**
 * @typedef {{rateHz: number, channels: number, bits: number, float: boolean, start: number,
 *   bytes: number, missing: number}} WavLayout
 */

/**
 * @param {Blob} file
 * @returns {Promise<WavLayout | null>} null where another decoder must try
 */
export async function wavLayout(file) {
  const read = async (/** @type {number} */ at, /** @type {number} */ length) =>
    new DataView(await file.slice(at, at + length).arrayBuffer());
  const name = (/** @type {DataView} */ view, /** @type {number} */ at) =>
    String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
  const head = await read(0, 12);
  if (head.byteLength < 12 || name(head, 0) !== "RIFF" || name(head, 8) !== "WAVE") return null;
  let format = null;
  for (let at = 12; at + 8 <= file.size; ) {
    const chunk = await read(at, 48);
    const length = chunk.getUint32(4, true);
    if (name(chunk, 0) === "fmt " && chunk.byteLength >= 24) {
      const tag = chunk.getUint16(8, true);
      // WAVE_FORMAT_EXTENSIBLE says in its sub-format what the samples are.
      const kind = tag === 0xfffe && chunk.byteLength >= 34 ? chunk.getUint16(32, true) : tag;
      format = { kind, channels: chunk.getUint16(10, true), rateHz: chunk.getUint32(12, true), bits: chunk.getUint16(22, true) };
    }
    if (name(chunk, 0) === "data" && format) {
      const float = format.kind === 3;
      const known = float ? [32, 64] : [8, 16, 24, 32];
      if (![1, 3].includes(format.kind) || !known.includes(format.bits) || !format.channels) return null;
      const open = length === 0 || length >= 0xfffff000;
      const there = file.size - at - 8;
      const bytes = open ? there : Math.min(length, there);
      const { rateHz, channels, bits } = format;
      return { rateHz, channels, bits, float, start: at + 8, bytes, missing: open ? 0 : length - bytes };
    }
    at += 8 + length + (length % 2);
  }
  return null;
}

/**
 * Yield blocks of all channels.
 * @param {Blob} file
 * @param {WavLayout} layout
 * @param {number} blockS
 */
export async function* wavBlocks(file, layout, blockS) {
  const { channels, bits, float, rateHz, start, bytes } = layout;
  if (!rateHz) throw new AudioProblem("UnreadableAudio", "expected a sample rate above 0 Hz in the WAV header");
  const frame = (channels * bits) / 8;
  const step = Math.max(1, Math.round(blockS * rateHz)) * frame;
  const end = start + Math.floor(bytes / frame) * frame;
  for (let at = start; at < end; at += step) {
    const view = new DataView(await file.slice(at, Math.min(end, at + step)).arrayBuffer());
    const read = reader(view, bits, float);
    const length = view.byteLength / frame;
    yield Array.from({ length: channels }, (_, c) =>
      Float32Array.from({ length }, (_unused, i) => read(i * frame + (c * bits) / 8)),
    );
  }
}

/**
 * @param {DataView} view
 * @param {number} bits
 * @param {boolean} float
 * @returns {(at: number) => number}
 */
function reader(view, bits, float) {
  if (float) return bits === 32 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (at) => view.getInt16(at, true) / 32768;
  if (bits === 24) return (at) => (view.getInt8(at + 2) * 65536 + view.getUint16(at, true)) / 8388608;
  return (at) => view.getInt32(at, true) / 2147483648;
}
