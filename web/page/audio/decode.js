// SPDX-License-Identifier: MIT
/**
 * Turns a file into blocks of its channels at the file's own rate.
 *
 * Linear WAV is streamed. All else goes through `decodeAudioData`, the only decoder that every
 * browser has: it wants and gives the whole sound at once, 8 bytes a stereo sample. Beyond
 * `MOST_BYTES` of compressed input or `MOST_S` of sound the page refuses rather than lose its tab;
 * the decoded buffer is handed on in blocks, so no second copy is made.
 */

import { AudioProblem } from "./errors.js";
import { sniff } from "./sniff.js";
import { wavBlocks, wavLayout } from "./wav.js";

/**
 * @typedef {{rateHz: number, channels: number, codec: string, sha256: string,
 *   notes: string[],
 *   blocks: () => AsyncIterable<Float32Array[]>}} Sound each call of blocks reads from the start
 */

/** Seconds in one block on the way to the worker, as in Python. */
const BLOCK_S = 2;

/** Largest compressed file: an hour and a half of stereo mp3 at 320 kbit/s decodes to 2 GB. */
export const MOST_BYTES = 220e6;

/** The rate asked of the browser where the file does not tell its own. */
const USUAL_HZ = 48000;

/** Rates that an OfflineAudioContext must support (Web Audio API). */
const [LOWEST_HZ, HIGHEST_HZ] = [8000, 96000];

/**
 * @param {Blob} file
 * @param {(bytes: ArrayBuffer) => Promise<string>} hash
 * @returns {Promise<Sound>}
 */
export async function openSound(file, hash) {
  const head = await sniff(file);
  const layout = await wavLayout(file);
  if (layout) {
    const notes = layout.missing ? [`the header promises ${layout.missing} more bytes of sound`] : [];
    const sha256 = file.size <= 2e9 ? await hash(await file.arrayBuffer()) : "";
    const { rateHz, channels } = layout;
    const codec = layout.bits === 8 ? "pcm_u8" : `pcm_${layout.float ? "f" : "s"}${layout.bits}le`;
    return { rateHz, channels, codec, sha256, notes, blocks: () => wavBlocks(file, layout, BLOCK_S) };
  }
  if (file.size > MOST_BYTES) {
    throw new AudioProblem(
      "TooLong",
      `expected at most ${MOST_BYTES / 1e6} MB of compressed sound, got ${Math.round(file.size / 1e6)} MB: ` +
        "a browser decodes a whole file in memory",
    );
  }
  const bytes = await file.arrayBuffer();
  const sha256 = await hash(bytes);
  const buffer = await decode(bytes, head.rateHz);
  const notes = head.rateHz === buffer.sampleRate ? [] : [`decoded at ${buffer.sampleRate} Hz by the browser`];
  const channels = head.channels ?? buffer.numberOfChannels;
  return { rateHz: buffer.sampleRate, channels, codec: head.codec || "unknown", sha256, notes, blocks: () => blocksOf(buffer) };
}

/**
 * @param {ArrayBuffer} bytes taken over by the browser
 * @param {number | null} rateHz
 */
async function decode(bytes, rateHz) {
  const usable = rateHz !== null && rateHz >= LOWEST_HZ && rateHz <= HIGHEST_HZ;
  const context = new OfflineAudioContext(1, 1, usable ? rateHz : USUAL_HZ);
  try {
    return await context.decodeAudioData(bytes);
  } catch {
    throw new AudioProblem(
      "UnreadableAudio",
      "this browser cannot decode the file; check that it plays, or convert it to FLAC, WAV or MP3",
    );
  }
}

/** @param {AudioBuffer} buffer */
async function* blocksOf(buffer) {
  const step = Math.round(BLOCK_S * buffer.sampleRate);
  for (let at = 0; at < buffer.length; at += step) {
    yield Array.from({ length: buffer.numberOfChannels }, (_, c) => {
      const part = new Float32Array(Math.min(step, buffer.length - at));
      buffer.copyFromChannel(part, c, at);
      return part;
    });
  }
}
