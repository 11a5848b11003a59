// SPDX-License-Identifier: MIT
/**
 * Changes the sample rate of a stream, with the quality and the band of soxr's "HQ".
 *
 * Two stages. First a sharp linear-phase low pass by overlap-save, which also halves or doubles the
 * rate as often as needed (spectra are cut or padded); then a short polyphase interpolator, which
 * has an easy task because the band ends far below its Nyquist frequency. A direct polyphase
 * filter as sharp as the first stage would need 500 multiplications for each sample.
 */

import { RealFFT } from "./fft.js";

/** The pass band ends at this share of the lower Nyquist frequency, the stop band begins at 1. */
const PASS = 0.914;

/**
 * Attenuation in dB that windows are designed for. Both values make the measured response of soxr
 * HQ to 0.3 dB down to -95 dB: it takes the lower one where it divides the rate by 2 or 3 at once.
 * @param {number} ratio of the rates
 */
const stopDb = (ratio) => (ratio === 2 || ratio === 3 ? 128 : 134);

/** Smallest rate between the stages, in units of twice the band's upper end. */
const ROOM = 1.3;

const gcd = (/** @type {number} */ a, /** @type {number} */ b) => {
  while (b) [a, b] = [b, a % b];
  return a;
};

/**
 * Modified Bessel function of the first kind and order 0.
 * @param {number} x
 */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Kaiser's formulas: length for a width of transition in cycles a sample, and shape. */
const taps = (/** @type {number} */ width, /** @type {number} */ db) =>
  Math.ceil((db - 7.95) / (2.285 * 2 * Math.PI * width));

/**
 * Windowed sinc at a place.
 * @param {number} x samples from the centre
 * @param {number} cutoff cycles a sample
 * @param {number} half half the window's length
 * @param {number} db attenuation
 */
function kernel(x, cutoff, half, db) {
  const beta = 0.1102 * (db - 8.7);
  const inside = 1 - (x / half) ** 2;
  if (inside < 0) return 0;
  const angle = 2 * Math.PI * cutoff * x;
  const sinc = x === 0 ? 2 * cutoff : (2 * cutoff * Math.sin(angle)) / angle;
  return (sinc * bessel(beta * Math.sqrt(inside))) / bessel(beta);
}

/** Samples that were made and not yet taken. */
class Out {
  constructor() {
    this.values = new Float32Array(1 << 15);
    this.used = 0;
  }

  /**
   * Make room for more samples; return the array to write behind `used`.
   * @param {number} count
   */
  room(count) {
    if (this.used + count > this.values.length) {
      const larger = new Float32Array(2 * (this.used + count));
      larger.set(this.values);
      this.values = larger;
    }
    return this.values;
  }

  /** @param {Float64Array} made */
  add(made) {
    this.room(made.length).set(made, this.used);
    this.used += made.length;
  }
}

/** First stage: low pass by overlap-save, the rate times a power of two. */
class Sharp {
  /**
   * @param {number} pass end of the pass band, cycles an input sample
   * @param {number} stop begin of the stop band
   * @param {number} power log2 of the change of rate
   * @param {number} db attenuation
   */
  constructor(pass, stop, power, db) {
    const half = Math.ceil(taps(stop - pass, db) / 2);
    this.down = power < 0 ? 2 ** -power : 1;
    this.up = power > 0 ? 2 ** power : 1;
    this.reach = Math.ceil((half + 1) / this.down) * this.down;
    const size = 2 ** Math.max(13, Math.ceil(Math.log2(8 * this.reach)));
    this._fft = RealFFT.of(size);
    this._back = RealFFT.of((size * this.up) / this.down);
    this._gain = new Float64Array(this._fft.bins);
    const response = new Float64Array(size);
    for (let i = -half; i <= half; i += 1) {
      response[(i + size) % size] = kernel(i, (pass + stop) / 2, half + 1, db);
    }
    this._fft.forward(response);
    this._gain.set(this._fft.re); // even response: its spectrum is real
    this._out = new Float64Array(this._back.size);
    this._buffer = new Float32Array(size);
    this._held = this.reach; // silence before the first sample
    this._size = size;
  }

  /**
   * Take samples, hand each finished stretch to `give`.
   * @param {Float32Array} samples
   * @param {(made: Float64Array) => void} give
   */
  push(samples, give) {
    let at = 0;
    while (at < samples.length) {
      const count = Math.min(this._size - this._held, samples.length - at);
      this._buffer.set(samples.subarray(at, at + count), this._held);
      this._held += count;
      at += count;
      if (this._held === this._size) this._block(give);
    }
  }

  /** @param {(made: Float64Array) => void} give */
  _block(give) {
    const { _fft: fft, _back: back, _gain: gain, reach, up, down } = this;
    fft.forward(this._buffer);
    const kept = Math.min(fft.bins, back.bins);
    const scale = up / down;
    for (let k = 0; k < kept; k += 1) {
      back.re[k] = fft.re[k] * gain[k] * scale;
      back.im[k] = fft.im[k] * gain[k] * scale;
    }
    back.re.fill(0, kept);
    back.im.fill(0, kept);
    back.inverse(this._out);
    give(this._out.subarray((reach * up) / down, ((this._size - reach) * up) / down));
    this._buffer.copyWithin(0, this._size - 2 * reach);
    this._held = 2 * reach;
  }
}

/** Second stage: values between the samples of a signal that is band-limited well below Nyquist. */
class Between {
  /**
   * @param {number} step input samples for each output sample, as a fraction
   * @param {number} phases its denominator
   * @param {number} band upper end of the sound, cycles an input sample
   * @param {number} db attenuation
   */
  constructor(step, phases, band, db) {
    this.count = Math.ceil(taps(1 - 2 * band, db) / 2) * 2;
    this.step = step;
    this.phases = phases;
    const half = this.count / 2;
    this.table = new Float64Array(phases * this.count);
    for (let phase = 0; phase < phases; phase += 1) {
      for (let i = 0; i < this.count; i += 1) {
        const x = i - (half - 1) - phase / phases;
        this.table[phase * this.count + i] = kernel(x, 0.5, half, db);
      }
    }
    this._line = new Float64Array(1 << 16);
    this._held = half - 1;
    this._place = 0; // numerator of the next output's place from the line's sample half - 1
  }

  /**
   * @param {Float64Array} samples
   * @param {Out} out
   */
  push(samples, out) {
    for (let at = 0; at < samples.length; ) {
      const room = Math.min(this._line.length - this._held, samples.length - at);
      this._line.set(samples.subarray(at, at + room), this._held);
      this._held += room;
      at += room;
      this._run(out);
    }
  }

  /** @param {Out} out */
  _run(out) {
    const { _line: line, count, phases, step, table } = this;
    const ready = Math.max(0, Math.ceil(((this._held - count) * phases) / step) + 2);
    const values = out.room(ready);
    let used = out.used;
    let place = this._place;
    let first = Math.floor(place / phases);
    while (first + count <= this._held) {
      const row = (place - first * phases) * count;
      let sum = 0;
      for (let i = 0; i < count; i += 1) sum += line[first + i] * table[row + i];
      values[used] = sum;
      used += 1;
      place += step;
      first = Math.floor(place / phases);
    }
    out.used = used;
    const gone = Math.min(first, this._held);
    line.copyWithin(0, gone, this._held);
    this._held -= gone;
    this._place = place - gone * phases;
  }
}

/** Takes blocks in order; `flush` gives the rest, `round(n · to / from)` samples in all. */
export class Resampler {
  /**
   * @param {number} fromHz
   * @param {number} toHz
   */
  constructor(fromHz, toHz) {
    if (!(fromHz > 0) || !(toHz > 0)) {
      throw new RangeError(`expected sample rates above 0 Hz, got ${fromHz} and ${toHz}`);
    }
    this.fromHz = Math.round(fromHz);
    this.toHz = Math.round(toHz);
    this._in = 0;
    this._made = 0;
    this._out = new Out();
    /** @type {Sharp | null} */
    this._sharp = null;
    /** @type {Between | null} */
    this._between = null;
    this._start();
  }

  _start() {
    const { fromHz, toHz } = this;
    this._in = 0;
    this._made = 0;
    this._out.used = 0;
    if (fromHz === toHz) return;
    const top = Math.min(fromHz, toHz) / 2;
    const power = Math.ceil(Math.log2((2 * ROOM * top) / fromHz) - 1e-9);
    const middle = fromHz * 2 ** power;
    const db = stopDb(fromHz / toHz);
    this._sharp = new Sharp((PASS * top) / fromHz, top / fromHz, power, db);
    if (middle === toHz) return;
    // A rate between the stages need not be whole (11025 / 2): the fraction is taken over `fromHz`.
    const numerator = power >= 0 ? middle : fromHz;
    const denominator = power >= 0 ? toHz : toHz * 2 ** -power;
    const shared = gcd(numerator, denominator);
    this._between = new Between(numerator / shared, denominator / shared, top / middle, db);
  }

  /**
   * Return what is ready after this block (may be empty); a fresh array.
   * @param {Float32Array} block
   */
  push(block) {
    if (!this._sharp) return block;
    this._in += block.length;
    this._sharp.push(block, (made) => this._further(made));
    return this._take();
  }

  /** Return the rest and start afresh. */
  flush() {
    if (!this._sharp) return new Float32Array(0);
    const wanted = Math.round((this._in * this.toHz) / this.fromHz);
    const silence = new Float32Array(4096);
    while (this._made + this._out.used < wanted) {
      this._sharp.push(silence, (made) => this._further(made));
    }
    const surplus = this._made + this._out.used - wanted;
    const rest = this._take();
    const found = rest.slice(0, Math.max(0, rest.length - surplus));
    this._start();
    return found;
  }

  /** @param {Float64Array} made */
  _further(made) {
    if (this._between) this._between.push(made, this._out);
    else this._out.add(made);
  }

  _take() {
    const made = this._out.values.slice(0, this._out.used);
    this._made += made.length;
    this._out.used = 0;
    return made;
  }
}
