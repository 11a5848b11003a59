// SPDX-License-Identifier: MIT
/**
 * A loaded bundle: every constant, the linear part, the search over shifts and the graph's bytes.
 * `constants` are those of the Python engine that no bundle holds; the build writes them.
 */

import { Attribution } from "./numerics/attribution.js";
import { ResidualSpectrum } from "./numerics/residual-spectrum.js";
import { Join, ShiftSearch } from "./numerics/shift.js";
import { readSafetensors } from "./numerics/weights.js";

/**
 * @typedef {{
 *   bundle_format: number,
 *   front_end: {silence_power: number, spread_floor_db: number, loudest: number},
 *   shift: import("./numerics/shift.js").Grid,
 *   sketch: import("./numerics/sketch.js").SketchValues,
 *   evidence: {band_edges_hz: number[], envelope_hz: number, max_peaks: number,
 *     peak_spreads: number, peak_db: number, peak_surroundings: number, peak_gap_hz: number,
 *     candidates: number, note_cents: number, least_notes: number,
 *     shifted: string, copied: string, told: number},
 *   comb: import("./numerics/combs.js").CombValues,
 *   segments: import("./numerics/segments.js").SegmentValues,
 *   health: {shortest_s: number, silent_dbfs: number, loudest: number, most_broken: number},
 *   mixing: import("./audio/mixing.js").MixingValues,
 *   listening: {rms_db: number, peak_db: number, quietest_db: number, amplify_db: number,
 *     share: number, surroundings_hz: number, seconds: number},
 *   settings: {false_alarm_rate: number, prior: number, priors: number[], rates: number[],
 *     looks_s: number[]},
 *   words: import("./words.js").WordTable,
 *   version: string,
 * }} Constants
 */

/** A bundle that cannot be used; the message says why. */
export class BundleError extends Error {
  name = "BundleError";
}

/**
 * @param {ArrayBuffer} bytes
 * @returns {Promise<string>} lower-case hexadecimal
 */
export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) {
    throw new BundleError(
      "this address is not secure, so the browser offers no SHA-256; open the page over https or from localhost",
    );
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (v) => v.toString(16).padStart(2, "0")).join("");
}

export class Bundle {
  /**
   * @param {any} info bundle.json
   * @param {string} hash of bundle.json
   * @param {Map<string, Float32Array>} arrays weights.safetensors
   * @param {ArrayBuffer} graph model.onnx
   * @param {Constants} constants
   */
  constructor(info, hash, arrays, graph, constants) {
    this.info = info;
    this.hash = hash;
    this.graph = graph;
    this.constants = constants;
    this.name = `${info.name}-${info.version}`;
    this.sampleRateHz = Math.round(info.sample_rate_hz);
    this.windowS = Number(info.window_s);
    this.reference = Number(info.reference);
    /** @type {ResidualSpectrum[]} */
    this.frontEnds = info.front_ends.map((/** @type {any} */ entry) => {
      if (entry.name !== "residual_spectrum") {
        throw new BundleError(
          `the bundle's front end "${entry.name}" cannot be computed in this page; expected residual_spectrum`,
        );
      }
      return new ResidualSpectrum(entry.parameters, constants.front_end);
    });
    /** @type {string[]} */
    this.inputs = info.front_ends.map((/** @type {any} */ entry) => entry.input);
    const each = (/** @type {string} */ part) => this.inputs.map((input) => need(arrays, `${input}.${part}`));
    this.linear = { baseline: need(arrays, "baseline")[0], weights: each("weight"), means: each("mean") };
    /** What each bin's deviation over a track's windows adds; null in bundles without. */
    this.variation = info.variation
      ? { baseline: 0, weights: each("variation_weight"), means: each("variation_mean") }
      : null;
    const axes = this.frontEnds.map((f) => f.freqsHz);
    /** @type {{search: ShiftSearch, join: Join} | null} */
    this.shift = info.shift
      ? {
          search: new ShiftSearch(axes, each("shift_weight"), each("shift_mean"), constants.shift),
          join: new Join(info.shift),
        }
      : null;
    /** A second linear model, fitted on copies through rooms and codecs too. */
    this.copies =
      (info.shift?.copies_limit ?? null) === null
        ? null
        : { baseline: need(arrays, "copies_baseline")[0], weights: each("copies_weight"), means: this.linear.means };
    /** @type {Attribution | null} */
    this.attribution = info.attribution ? new Attribution(info.attribution, each("family_weight")) : null;
  }

  /** @returns {import("./numerics/decide.js").Calibration} */
  get calibration() {
    return this.info.calibration;
  }

  /** What a score's `detector` says: name, version and the bundle's hash. */
  get detector() {
    return `${this.name}@${this.hash.slice(0, 12)}`;
  }
}

/**
 * Read a bundle through `get`, which returns the bytes of a file, and check its hashes.
 * @param {(name: string) => Promise<ArrayBuffer>} get
 * @param {Constants} constants
 */
export async function loadBundle(get, constants) {
  const names = ["bundle.json", "weights.safetensors", "model.onnx"];
  const [document, weights, graph] = await Promise.all(names.map(get));
  const info = JSON.parse(new TextDecoder().decode(document));
  if (info.format !== constants.bundle_format) {
    throw new BundleError(
      `the bundle has format ${info.format}, this page reads ${constants.bundle_format}; build the page again`,
    );
  }
  for (const [name, bytes] of Object.entries({ "weights.safetensors": weights, "model.onnx": graph })) {
    const came = await sha256(bytes);
    if (came !== info.files[name]) {
      throw new BundleError(
        `${name} has hash ${came.slice(0, 12)}, bundle.json says ${String(info.files[name]).slice(0, 12)}; ` +
          "the copy is damaged: load the page again",
      );
    }
  }
  return new Bundle(info, await sha256(document), readSafetensors(weights), graph, constants);
}

/**
 * @param {Map<string, Float32Array>} arrays
 * @param {string} name
 */
function need(arrays, name) {
  const found = arrays.get(name);
  if (!found) throw new BundleError(`weights.safetensors has no "${name}"; export the bundle again`);
  return found;
}
