// SPDX-License-Identifier: MIT
/** Live sound through the worker: a running verdict on all that was heard, then the result. */

import { startCapture } from "./audio/capture.js";
import { failure } from "./audio/errors.js";
import { PLAIN, mixNotes, mixed } from "./audio/mixing.js";
import { looksAt } from "./numerics/decide.js";

/**
 * @typedef {import("./engine.js").Scanned} Scanned
 * @typedef {{name: string, keepS: number, looksS: number[], audible?: boolean, doubt?: string,
 *   onRunning: (analysis: import("./numerics/analyzer.js").Analysis, heardS: number) => void,
 *   onWindows?: (windows: [number, number][], heardS: number) => void,
 *   onDone: (scanned: Scanned, last: {samples: Float32Array, rateHz: number}) => void}} Hooks
 */

/**
 * @param {import("./engine.js").Engine} engine
 * @param {MediaStream} stream
 * @param {Hooks} hooks keepS: seconds of the latest sound that are kept for the explanation; doubt: why
 *   no trace found is no sign of a human; onRunning: at each look, not in between
 * @returns {Promise<{stop: () => void}>}
 */
export async function scanLive(engine, stream, { name, keepS, looksS, audible, doubt = "", onRunning, onWindows, onDone }) {
  const track = Math.random();
  /** @type {Float32Array[]} */
  const kept = [];
  let held = 0;
  /** @type {import("./audio/capture.js").Capture} */
  let capture;
  let begun = false;
  let looks = 0;
  let mix = PLAIN;
  /** @param {Float32Array[]} channels */
  const push = async (channels) => {
    if (!begun) return;
    const block = mixed(channels, mix);
    kept.push(block);
    held += block.length;
    while (held - kept[0].length > keepS * capture.rateHz) held -= /** @type {Float32Array} */ (kept.shift()).length;
    const answer = await engine.call("block", { track, channels }, channels.map((part) => part.buffer));
    mix = answer.mix;
    onWindows?.(answer.windows, answer.heardS);
    if (answer.running && looksAt(looksS, answer.running.coveredS) > looks) {
      looks = looksAt(looksS, answer.running.coveredS);
      onRunning(doubted(answer.running), answer.heardS);
    }
  };
  /** @param {import("./numerics/analyzer.js").Analysis} analysis */
  const doubted = (analysis) => ({ ...analysis, doubt: analysis.doubt || doubt });
  const finish = async () => {
    const samples = new Float32Array(held);
    let at = 0;
    for (const block of kept) {
      samples.set(block, at);
      at += block.length;
    }
    const rateHz = capture.rateHz;
    /** @type {import("./score.js").Facts} */
    const facts = { name, sha256: "", rateHz, channels: 1, codec: "live", durationS: 0, looks: looksS.length + 1 };
    try {
      const done = await engine.call("finish", { track });
      facts.durationS = done.durationS;
      facts.notes = [...mixNotes(mix), ...done.notes];
      onDone({ facts, analysis: done.error ? null : doubted(done.analysis), error: done.error, notes: [] }, { samples, rateHz });
    } catch (error) {
      onDone({ facts, analysis: null, error: failure(error), notes: [] }, { samples, rateHz });
    }
  };
  capture = await startCapture(stream, {
    audible,
    onBlock: (channels) => {
      push(channels).catch(() => {}); // a scan that was ended takes no more blocks
    },
    onEnd: () => {
      begun = false;
      finish();
    },
  });
  await engine.call("start", { track, rateHz: capture.rateHz, live: true });
  begun = true;
  return { stop: capture.stop };
}
