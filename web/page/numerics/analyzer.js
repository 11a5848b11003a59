// SPDX-License-Identifier: MIT
/**
 * Measures one track from a stream of mono blocks: the twin of `unsung.runtime.analyzer`.
 *
 * Windows are measured as they fill and wait for the graph, which the browser runs asynchronously:
 * `settle` scores all that wait in one batch. Memory does not grow with the length, but for the
 * relevance (one row of bins a window) and the bounded spectrogram.
 */

import { UNKNOWN } from "./attribution.js";
import { bandwidthHz, contributions, explain, linearLogit, measureSpectra } from "./evidence.js";
import { Moments } from "./moments.js";
import { Resampler } from "./resampler.js";
import { Sketch } from "./sketch.js";

/**
 * @typedef {import("../bundle.js").Bundle} Bundle
 * @typedef {(pictures: Float32Array[], batch: number) => Promise<Float32Array>} Graph
 *   logits of a batch: for each front end its pictures, one after the other
 * @typedef {{startS: number, lengthS: number, active: number, pictures: Float32Array[]}} Waiting
 * @typedef {{startS: number, lengthS: number, logit: number, weight: number, shares: Float32Array}} Window
 * @typedef {{
 *   windows: [number, number][], logit: number | null, linear: number | null, coveredS: number,
 *   evidence: import("./evidence.js").Evidence | null, family: string | null, reason: string,
 *   doubt?: string,
 *   bandwidthHz: number | null, residual: Float32Array | null,
 *   spectra: import("./evidence.js").Spectra | null, shares: Float32Array | null,
 *   relevance: Window[], sketch: ReturnType<Sketch["finish"]> | null, durationS: number,
 * }} Analysis
 */

export class Analyzer {
  /**
   * @param {Bundle} bundle
   * @param {number} rateHz of the blocks
   */
  constructor(bundle, rateHz) {
    this.bundle = bundle;
    this.rateHz = rateHz;
    this.rate = bundle.sampleRateHz;
    this.resampler = new Resampler(rateHz, this.rate);
    this.size = Math.round(bundle.windowS * this.rate);
    this.tail = Math.max(...bundle.frontEnds.map((f) => f.nFft));
    this.buffer = new Float32Array(2 * (this.size + this.tail));
    this.held = 0;
    this.startS = 0;
    this.offsets = bundle.frontEnds.map(() => 0);
    this.moments = bundle.frontEnds.map((f) => new Moments(f.channels * f.bins));
    this.levels = new Float64Array(bundle.frontEnds[bundle.reference].bins);
    this.frames = 0;
    this.weightedLogit = 0;
    this.coveredS = 0;
    /** @type {Waiting[]} */
    this.waiting = [];
    /** @type {Window[]} */
    this.windows = [];
    this.sketch = new Sketch(this.rate, bundle.constants.sketch);
  }

  /**
   * Add the next samples at the rate given at construction.
   * @param {Float32Array} block
   */
  push(block) {
    this._take(this.resampler.push(block));
  }

  /**
   * Score the windows that wait; returns them.
   * @param {Graph} graph
   */
  async settle(graph) {
    const batch = this.waiting;
    this.waiting = [];
    if (!batch.length) return [];
    const joined = this.moments.map(({ length }, index) => {
      const all = new Float32Array(length * batch.length);
      batch.forEach((item, i) => all.set(item.pictures[index], i * length));
      return all;
    });
    const logits = await graph(joined, batch.length);
    return batch.map((item, i) => this._add(item, logits[i]));
  }

  /**
   * @param {Waiting} item
   * @param {number} logit
   */
  _add(item, logit) {
    this.weightedLogit += logit * item.active;
    this.coveredS += item.active;
    item.pictures.forEach((picture, index) => this.moments[index].add(picture, item.active));
    const { startS, lengthS, active } = item;
    const shares = contributions(this.bundle, item.pictures);
    const window = { startS, lengthS, logit, weight: active, shares };
    this.windows.push(window);
    return window;
  }

  /** What has come so far, as a track of its own: measured while the sound goes on. */
  snapshot() {
    const twin = new Analyzer(this.bundle, this.rate);
    twin.buffer.set(this.buffer.subarray(0, this.held));
    twin.held = this.held;
    twin.startS = this.startS;
    twin.offsets = this.offsets.slice();
    twin.moments = this.moments.map((m) => m.clone());
    twin.levels = this.levels.slice();
    twin.frames = this.frames;
    twin.weightedLogit = this.weightedLogit;
    twin.coveredS = this.coveredS;
    twin.waiting = this.waiting.slice();
    twin.windows = this.windows.slice();
    twin.sketch = this.sketch.clone();
    return twin;
  }

  /**
   * Measure what is left and return the result.
   * @param {Graph} graph
   * @returns {Promise<Analysis>}
   */
  async finish(graph) {
    this._drain();
    await this.settle(graph);
    const { bundle } = this;
    const windows = /** @type {[number, number][]} */ (
      this.windows.map((w) => [Math.round(w.startS * 1000) / 1000, w.logit])
    );
    const durationS = this.startS;
    const empty = { windows, linear: null, spectra: null, shares: null, relevance: [], durationS, family: null, residual: null };
    if (!this.coveredS) {
      const reason = "no frame is louder than -90 dB re full scale";
      return { ...empty, logit: null, coveredS: 0, evidence: null, reason, bandwidthHz: null, sketch: null };
    }
    const pictures = this.moments.map((m) => m.mean());
    const deviations = this.moments.map((m) => m.deviation());
    const varied = /** @type {Float32Array[] | null} */ (deviations.includes(null) ? null : deviations);
    let linear = this.weightedLogit / this.coveredS;
    if (bundle.variation && varied) linear += linearLogit(bundle.variation, varied);
    const { logit, added, shift } = this._joined(linear, pictures);
    const spectra = measureSpectra(bundle, this.levels.map((v) => v / this.frames));
    const shares = contributions(bundle, pictures, varied);
    const edge = bandwidthHz(spectra);
    return {
      windows,
      logit,
      linear,
      coveredS: Math.round(this.coveredS * 1000) / 1000,
      evidence: explain(bundle, pictures, spectra, shares, { linear, added, shift }),
      family: this._family(pictures, shift),
      reason: this._whyNot(edge),
      bandwidthHz: edge,
      residual: this._residual(pictures),
      spectra,
      shares,
      relevance: this.windows,
      sketch: this.sketch.finish(),
      durationS,
    };
  }

  /**
   * The logit, what each further score added to the linear one, and the shift that decides.
   * @param {number} linear
   * @param {Float32Array[]} pictures
   * @returns {{logit: number, added: Record<string, number>, shift: number | null}}
   */
  _joined(linear, pictures) {
    const { shift: shifted, copies, constants } = this.bundle;
    if (!shifted || !Number.isFinite(linear)) return { logit: linear, added: {}, shift: null };
    if (this.coveredS < shifted.join.fromS) return { logit: linear, added: {}, shift: null };
    const { score, shift } = shifted.search.best(pictures);
    const { shifted: shiftedName, copied } = constants.evidence;
    let logit = shifted.join.logit(linear, score);
    const added = { [shiftedName]: logit - linear };
    if (copies) {
      const before = logit;
      logit = shifted.join.logit(linear, score, linearLogit(copies, pictures));
      added[copied] = logit - before;
    }
    return { logit, added, shift: shifted.join.favoursShift(linear, score) ? shift : null };
  }

  /**
   * Name the family that the pictures resemble; lines out of place fit no template.
   * @param {Float32Array[]} pictures
   * @param {number | null} shift
   */
  _family(pictures, shift) {
    const { attribution } = this.bundle;
    if (!attribution) return null;
    return shift === null ? attribution.name(pictures) : UNKNOWN;
  }

  /**
   * The mean residual over the widest surroundings, in which a comb is looked for.
   * @param {Float32Array[]} pictures
   */
  _residual(pictures) {
    const { bins, parameters } = this.bundle.frontEnds[this.bundle.reference];
    const last = parameters.widths.length;
    return pictures[this.bundle.reference].slice((last - 1) * bins, last * bins);
  }

  /** @param {number} edgeHz */
  _whyNot(edgeHz) {
    const { min_active_s: least, min_bandwidth_hz: band } = this.bundle.info.limits;
    if (this.coveredS < least) {
      return `only ${this.coveredS.toFixed(1)} s of sound above silence; ${least} s are needed`;
    }
    if (edgeHz < band) {
      return (
        `the sound ends at ${(edgeHz / 1000).toFixed(1)} kHz; the evidence lies up to 8 kHz and ` +
        `at least ${band / 1000} kHz are needed`
      );
    }
    return "";
  }

  /** @param {Float32Array} samples */
  _take(samples) {
    // Half a window stays behind, so that the last one is never short.
    const enough = this.size + Math.floor(this.size / 2) + this.tail;
    for (let at = 0; at < samples.length; ) {
      const count = Math.min(this.buffer.length - this.held, samples.length - at);
      this.buffer.set(samples.subarray(at, at + count), this.held);
      this.held += count;
      at += count;
      if (this.held >= enough) {
        this._window(this.size);
        this._drop(this.size);
      }
    }
  }

  /** @param {number} length */
  _drop(length) {
    this.buffer.copyWithin(0, length, this.held);
    this.held -= length;
  }

  _drain() {
    this._take(this.resampler.flush());
    while (this.held) {
      // A rest shorter than half a window joins the last whole one.
      const length = this.held >= 1.5 * this.size ? this.size : this.held;
      this._window(length);
      this._drop(length);
    }
    this.offsets.fill(0);
  }

  /** @param {number} length */
  _window(length) {
    const signal = this.buffer.subarray(0, this.held);
    /** @type {Float32Array[]} */
    const pictures = [];
    let active = 0;
    this.bundle.frontEnds.forEach((frontEnd, index) => {
      const reference = index === this.bundle.reference;
      const { piece, starts } = this._framesOf(index, signal, length);
      const sums = frontEnd.accumulate(piece, reference ? this.levels : null);
      pictures.push(frontEnd.finish(sums));
      if (reference) {
        active = ((sums.frames / starts) * Math.min(length, signal.length)) / this.rate;
        this.frames += sums.frames;
      }
    });
    const lengthS = length / this.rate;
    if (active > 0) this.waiting.push({ startS: this.startS, lengthS, active, pictures });
    this.sketch.push(signal.subarray(0, length), this.startS);
    this.startS += lengthS;
  }

  /**
   * The samples of a front end's next frames and how many frames they hold. Frames go on across
   * windows at the front end's own hop; sound shorter than one frame is one frame, padded.
   * @param {number} index
   * @param {Float32Array} signal
   * @param {number} length
   */
  _framesOf(index, signal, length) {
    const { hop, nFft } = this.bundle.frontEnds[index];
    const first = this.offsets[index];
    const end = Math.min(length, signal.length - nFft + 1);
    if (first >= end) {
      this.offsets[index] = 0;
      return { piece: signal.subarray(0, length), starts: 1 };
    }
    const starts = Math.ceil((end - first) / hop);
    const last = first + (starts - 1) * hop;
    this.offsets[index] = last + hop - length;
    return { piece: signal.subarray(first, last + nFft), starts };
  }
}
