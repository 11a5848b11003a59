// SPDX-License-Identifier: MIT
/**
 * Reads from a file's first bytes what it is and its sample rate: `decodeAudioData` converts to the
 * rate of its context, so the file's own rate must be known before, or the page would measure the
 * browser's resampler. Contents that are no sound are named.
 */

import { AudioProblem } from "./errors.js";

/**
 * @typedef {{codec: string, rateHz: number | null, channels: number | null,
 *   durationS: number | null}} Head
 */

/** @type {[number[] | string, string][]} */
const FOREIGN = [
  ["PK\x03\x04", "a ZIP archive"],
  ["%PDF-", "a PDF document"],
  ["\x1f\x8b", "a gzip archive"],
  ["7z\xbc\xaf", "a 7-Zip archive"],
  ["Rar!", "a RAR archive"],
  ["\x89PNG", "a PNG picture"],
  ["\xff\xd8\xff", "a JPEG picture"],
  ["GIF8", "a GIF picture"],
  ["MThd", "a MIDI file (notes, no sound)"],
  ["#EXTM3U", "a playlist"],
  ["<!doctype html", "an HTML page"],
  ["<!DOCTYPE html", "an HTML page"],
  ["<html", "an HTML page"],
  ["<?xml", "an XML document"],
];

/** How many bytes `sniff` wants; ID3 tags with pictures are skipped by a second look. */
export const HEAD_BYTES = 1 << 16;

/** @param {Uint8Array} bytes @param {number} from @param {number} length */
const ascii = (bytes, from, length) => String.fromCharCode(...bytes.subarray(from, from + length));

/**
 * @param {Blob} file
 * @returns {Promise<Head>}
 */
export async function sniff(file) {
  if (!file.size) throw new AudioProblem("EmptyAudio", "expected sound, the file holds no bytes; export it again");
  let head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const text = ascii(head, 0, 16);
  for (const [mark, what] of FOREIGN) {
    if (text.startsWith(/** @type {string} */ (mark))) {
      throw new AudioProblem("NotAudio", `expected a sound file, got ${what}`);
    }
  }
  if (text.startsWith("ID3")) {
    const size = (head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9];
    head = new Uint8Array(await file.slice(10 + size, 10 + size + HEAD_BYTES).arrayBuffer());
    if (ascii(head, 0, 4) !== "fLaC") return mp3(head) ?? unknown("mp3");
  }
  if (ascii(head, 4, 4) === "ftyp") return mp4(await movie(file));
  return headOf(head) ?? unknown("");
}

/**
 * The first bytes of an MP4 file's index, which may stand before or behind the sound.
 * @param {Blob} file
 */
async function movie(file) {
  for (let at = 0; at + 16 <= file.size; ) {
    const view = new DataView(await file.slice(at, at + 16).arrayBuffer());
    const short = view.getUint32(0);
    const length = short === 1 ? Number(view.getBigUint64(8)) : short || file.size - at;
    if (ascii(new Uint8Array(view.buffer), 4, 4) === "moov") {
      return new Uint8Array(await file.slice(at, at + Math.min(length, 4 * HEAD_BYTES)).arrayBuffer());
    }
    if (length < 8) break;
    at += length;
  }
  return new Uint8Array(0);
}

/** @param {string} codec @returns {Head} */
const unknown = (codec) => ({ codec, rateHz: null, channels: null, durationS: null });

/**
 * @param {Uint8Array} bytes
 * @returns {Head | null}
 */
function headOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = ascii(bytes, 0, 4);
  if (mark === "RIFF" || mark === "RF64") return wav(bytes, view);
  if (mark === "fLaC" && bytes.length > 26) {
    const word = view.getUint32(18);
    const samples = (word & 15) * 2 ** 32 + view.getUint32(22);
    const rateHz = word >>> 12;
    return { codec: "flac", rateHz, channels: ((word >>> 9) & 7) + 1, durationS: samples / rateHz || null };
  }
  if (mark === "OggS") return ogg(bytes, view);
  if (view.byteLength > 4 && view.getUint32(0) === 0x1a45dfa3) return matroska(bytes, view);
  return mp3(bytes);
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Head | null} */
function wav(bytes, view) {
  for (let at = 12; at + 24 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (ascii(bytes, at, 4) === "fmt ") {
      const bits = view.getUint16(at + 22, true);
      const rateHz = view.getUint32(at + 12, true);
      return { codec: `wav/pcm_${bits}`, rateHz, channels: view.getUint16(at + 10, true), durationS: null };
    }
    at += 8 + length + (length % 2);
  }
  return null;
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Head | null} */
function ogg(bytes, view) {
  const start = 27 + bytes[26];
  if (ascii(bytes, start, 8) === "OpusHead") {
    return { codec: "opus", rateHz: 48000, channels: bytes[start + 9], durationS: null };
  }
  if (ascii(bytes, start + 1, 6) === "vorbis") {
    const rateHz = view.getUint32(start + 12, true);
    return { codec: "vorbis", rateHz, channels: bytes[start + 11], durationS: null };
  }
  if (ascii(bytes, start + 1, 4) === "FLAC") {
    const word = view.getUint32(start + 27);
    return { codec: "flac", rateHz: word >>> 12, channels: ((word >>> 9) & 7) + 1, durationS: null };
  }
  return unknown("ogg");
}

/**
 * The sample rate of the first audio track: of its sample entry.
 * @param {Uint8Array} bytes the index
 * @returns {Head}
 */
function mp4(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 36 < bytes.length; at += 1) {
    const name = bytes[at] === 0x6d || bytes[at] === 0x61 || bytes[at] === 0x4f ? ascii(bytes, at, 4) : "";
    if (name === "mp4a" || name === "alac" || name === "Opus") {
      const rateHz = view.getUint16(at + 28);
      const channels = view.getUint16(at + 20);
      if (rateHz >= 4000 && channels > 0 && channels < 65) {
        return { codec: name === "mp4a" ? "aac" : name.toLowerCase(), rateHz, channels, durationS: null };
      }
    }
  }
  return unknown("mp4");
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Head} */
function matroska(bytes, view) {
  for (let at = 4; at + 10 < bytes.length; at += 1) {
    if (bytes[at] !== 0xb5 || (bytes[at + 1] !== 0x84 && bytes[at + 1] !== 0x88)) continue;
    const rateHz = bytes[at + 1] === 0x84 ? view.getFloat32(at + 2) : view.getFloat64(at + 2);
    if (rateHz >= 4000 && rateHz <= 768000) {
      return { codec: "matroska", rateHz: Math.round(rateHz), channels: null, durationS: null };
    }
  }
  return unknown("matroska");
}

/** kbit/s by bits 12 to 15 of a layer III header: MPEG 1, then MPEG 2 and 2.5. */
const MP3_KBPS = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const MP3_RATES = [44100, 48000, 32000];

/**
 * Two frame headers that fit, one behind the other, are MP3.
 * @param {Uint8Array} bytes
 * @returns {Head | null}
 */
function mp3(bytes) {
  for (let at = 0; at + 4 < bytes.length; at += 1) {
    const frame = mp3Frame(bytes, at);
    if (!frame) continue;
    const next = mp3Frame(bytes, at + frame.bytes);
    if (!next || next.rateHz !== frame.rateHz) continue;
    return { codec: "mp3", rateHz: frame.rateHz, channels: frame.channels, durationS: null };
  }
  return null;
}

/** @param {Uint8Array} bytes @param {number} at */
function mp3Frame(bytes, at) {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1] & 0xe6) !== 0xe2) return null;
  const version = (bytes[at + 1] >> 3) & 3; // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const kbps = MP3_KBPS[version === 3 ? 0 : 1][bytes[at + 2] >> 4];
  const base = MP3_RATES[(bytes[at + 2] >> 2) & 3];
  if (version === 1 || !kbps || !base) return null;
  const rateHz = version === 3 ? base : version === 2 ? base / 2 : base / 4;
  const length = Math.floor(((version === 3 ? 144 : 72) * kbps * 1000) / rateHz) + ((bytes[at + 2] >> 1) & 1);
  return { rateHz, bytes: length, channels: bytes[at + 3] >> 6 === 3 ? 1 : 2 };
}
