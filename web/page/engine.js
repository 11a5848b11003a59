// SPDX-License-Identifier: MIT
/** The page's hold on the worker: calls that answer with promises, and whole scans. */

import { AudioProblem, failure } from "./audio/errors.js";
import { openSound } from "./audio/decode.js";
import { PLAIN, mixNotes, mixed } from "./audio/mixing.js";

/**
 * @typedef {import("./numerics/analyzer.js").Analysis} Analysis
 * @typedef {{
 *   constants: import("./bundle.js").Constants, calibration: import("./numerics/decide.js").Calibration,
 *   detector: string, card: any, sampleRateHz: number, windowS: number, provider: string, threads: number,
 * }} Detector
 * @typedef {{facts: import("./score.js").Facts, analysis: Analysis | null,
 *   error: {type: string, message: string} | null, notes: string[],
 *   mix?: import("./audio/mixing.js").Mix}} Scanned
 */

export class Engine {
  /** @param {string} base address of the page's folder */
  constructor(base) {
    this.base = base;
    this._worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
    this._open = new Map();
    this._last = 0;
    this._worker.onmessage = ({ data: { id, value, error } }) => {
      const waiting = this._open.get(id);
      this._open.delete(id);
      if (error) waiting?.reject(new AudioProblem(error.type, error.message));
      else waiting?.resolve(value);
    };
    this._worker.onerror = (event) => {
      const error = new Error(`the detector could not start (${event.message || "its file did not load"}); load the page again`);
      for (const waiting of this._open.values()) waiting.reject(error);
      this._open.clear();
    };
  }

  /**
   * @param {string} action
   * @param {object} [message]
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  call(action, message = {}, transfer = []) {
    this._last += 1;
    const id = this._last;
    return new Promise((resolve, reject) => {
      this._open.set(id, { resolve, reject });
      this._worker.postMessage({ id, action, ...message }, transfer);
    });
  }

  /**
   * Load bundle and graph.
   * @param {boolean} webgpu
   * @returns {Promise<Detector>}
   */
  open(webgpu = false) {
    return this.call("open", { base: this.base, webgpu });
  }

  /** End the worker. */
  close() {
    this._worker.terminate();
  }

  /**
   * Scan one file; whatever is wrong with it stands in the result, nothing is thrown.
   * @param {File} file
   * @param {(windows: [number, number][], heardS: number) => void} [onWindows]
   * @returns {Promise<Scanned>}
   */
  async scan(file, onWindows) {
    /** @type {import("./score.js").Facts} */
    const facts = { name: file.name, sha256: "", rateHz: null, channels: null, codec: "", durationS: null };
    const track = Math.random();
    try {
      const sound = await openSound(file, (bytes) => digest(bytes));
      Object.assign(facts, { sha256: sound.sha256, rateHz: sound.rateHz, channels: sound.channels, codec: sound.codec });
      let mix = PLAIN;
      let done = await this._pass(sound, track, mix, onWindows);
      if (done.again) {
        mix = done.again;
        done = await this._pass(sound, track, mix, onWindows);
      }
      facts.durationS = done.durationS;
      facts.notes = [...mixNotes(mix), ...done.notes];
      const error = cut(sound.notes) ?? done.error; // the cause before what follows from it
      return { facts, analysis: done.error ? null : done.analysis, error, notes: sound.notes, mix };
    } catch (error) {
      this.call("drop", { track });
      return { facts, analysis: null, error: failure(error), notes: [] };
    }
  }

  /**
   * One reading of a file.
   * @param {import("./audio/decode.js").Sound} sound
   * @param {number} track
   * @param {import("./audio/mixing.js").Mix} mix
   * @param {(windows: [number, number][], heardS: number) => void} [onWindows]
   */
  async _pass(sound, track, mix, onWindows) {
    await this.call("start", { track, rateHz: sound.rateHz, live: false, mix });
    for await (const channels of sound.blocks()) {
      const answer = await this.call("block", { track, channels }, channels.map((part) => part.buffer));
      onWindows?.(answer.windows, answer.heardS);
    }
    return this.call("finish", { track });
  }

  /**
   * Part of a file as one mono array, for the explanation as sound.
   * @param {File} file
   * @param {number} startS
   * @param {number} lengthS
   * @param {import("./audio/mixing.js").Mix} [mix] as it was judged
   */
  async part(file, startS, lengthS, mix = PLAIN) {
    const sound = await openSound(file, async () => "");
    const first = Math.round(startS * sound.rateHz);
    const samples = new Float32Array(Math.round(lengthS * sound.rateHz));
    let at = 0;
    for await (const channels of sound.blocks()) {
      const block = mixed(channels, mix);
      const from = Math.max(0, first - at);
      const into = Math.max(0, at - first);
      if (from < block.length && into < samples.length) {
        samples.set(block.subarray(from, from + Math.min(block.length - from, samples.length - into)), into);
      }
      at += block.length;
      if (at >= first + samples.length) break;
    }
    return { samples: samples.slice(0, Math.max(0, Math.min(samples.length, at - first))), rateHz: sound.rateHz };
  }
}

/** @param {string[]} notes */
function cut(notes) {
  const note = notes.find((text) => text.includes("promises"));
  return note ? { type: "TruncatedAudio", message: `expected a complete file, but ${note}; fetch or export it again` } : null;
}

/** @param {ArrayBuffer} bytes */
async function digest(bytes) {
  const { sha256 } = await import("./bundle.js");
  return sha256(bytes);
}
