// SPDX-License-Identifier: MIT
/**
 * Discrete Fourier transforms of real signals whose length is a power of two.
 *
 * Stockham's radix-4 scheme (sorted by itself, no bit reversal) on half as many complex points.
 * Double precision: the transforms are then no source of difference to the Python engine.
 */

/** A plan for complex transforms of one length; working memory is part of it. */
class ComplexFFT {
  /** @param {number} size a power of two */
  constructor(size) {
    this.size = size;
    this.cos = new Float64Array(size);
    this.sin = new Float64Array(size);
    for (let i = 0; i < size; i += 1) {
      this.cos[i] = Math.cos((2 * Math.PI * i) / size);
      this.sin[i] = -Math.sin((2 * Math.PI * i) / size);
    }
    this.spareRe = new Float64Array(size);
    this.spareIm = new Float64Array(size);
  }

  /**
   * Transform in place (forward, no scaling).
   * @param {Float64Array} re
   * @param {Float64Array} im
   */
  transform(re, im) {
    /** @type {Float64Array} */
    let fromRe = re;
    /** @type {Float64Array} */
    let fromIm = im;
    /** @type {Float64Array} */
    let toRe = this.spareRe;
    /** @type {Float64Array} */
    let toIm = this.spareIm;
    let rest = this.size;
    let stride = 1;
    while (rest > 1) {
      if (rest % 4 === 0) {
        this._four(rest, stride, fromRe, fromIm, toRe, toIm);
        rest /= 4;
        stride *= 4;
      } else {
        two(stride, fromRe, fromIm, toRe, toIm);
        rest /= 2;
        stride *= 2;
      }
      const doneRe = toRe;
      const doneIm = toIm;
      toRe = fromRe;
      toIm = fromIm;
      fromRe = doneRe;
      fromIm = doneIm;
    }
    if (fromRe !== re) {
      re.set(fromRe);
      im.set(fromIm);
    }
  }

  /**
   * One pass of butterflies over four parts.
   * @param {number} n
   * @param {number} s
   * @param {Float64Array} xr
   * @param {Float64Array} xi
   * @param {Float64Array} yr
   * @param {Float64Array} yi
   */
  _four(n, s, xr, xi, yr, yi) {
    const { cos, sin } = this;
    const quarter = n / 4;
    const jump = s * quarter;
    for (let p = 0; p < quarter; p += 1) {
      const w = p * s;
      const c1 = cos[w];
      const s1 = sin[w];
      const c2 = cos[2 * w];
      const s2 = sin[2 * w];
      const c3 = cos[3 * w];
      const s3 = sin[3 * w];
      for (let q = 0; q < s; q += 1) {
        const a = q + s * p;
        const b = a + jump;
        const c = b + jump;
        const d = c + jump;
        const acr = xr[a] + xr[c];
        const aci = xi[a] + xi[c];
        const amr = xr[a] - xr[c];
        const ami = xi[a] - xi[c];
        const bdr = xr[b] + xr[d];
        const bdi = xi[b] + xi[d];
        const jr = xi[d] - xi[b]; // i (b - d)
        const ji = xr[b] - xr[d];
        const o = q + s * 4 * p;
        yr[o] = acr + bdr;
        yi[o] = aci + bdi;
        const ur = amr - jr;
        const ui = ami - ji;
        yr[o + s] = ur * c1 - ui * s1;
        yi[o + s] = ur * s1 + ui * c1;
        const vr = acr - bdr;
        const vi = aci - bdi;
        yr[o + 2 * s] = vr * c2 - vi * s2;
        yi[o + 2 * s] = vr * s2 + vi * c2;
        const tr = amr + jr;
        const ti = ami + ji;
        yr[o + 3 * s] = tr * c3 - ti * s3;
        yi[o + 3 * s] = tr * s3 + ti * c3;
      }
    }
  }
}

/**
 * The last pass where the length is no power of four.
 * @param {number} s
 * @param {Float64Array} xr
 * @param {Float64Array} xi
 * @param {Float64Array} yr
 * @param {Float64Array} yi
 */
function two(s, xr, xi, yr, yi) {
  for (let q = 0; q < s; q += 1) {
    yr[q] = xr[q] + xr[q + s];
    yi[q] = xi[q] + xi[q + s];
    yr[q + s] = xr[q] - xr[q + s];
    yi[q + s] = xi[q] - xi[q + s];
  }
}

/** @type {Map<number, RealFFT>} */
const plans = new Map();

/**
 * A plan for real transforms of one length: `re` and `im` hold bins 0 to size / 2 of the last
 * forward transform, and what the next inverse one takes.
 */
export class RealFFT {
  /** @param {number} size a power of two, at least 8 */
  constructor(size) {
    if (size < 8 || (size & (size - 1)) !== 0) {
      throw new RangeError(`expected a power of two from 8, got ${size}`);
    }
    this.size = size;
    this.bins = size / 2 + 1;
    this.re = new Float64Array(this.bins);
    this.im = new Float64Array(this.bins);
    const half = size / 2;
    this._half = new ComplexFFT(half);
    this._zr = new Float64Array(half);
    this._zi = new Float64Array(half);
    this._cos = new Float64Array(this.bins);
    this._sin = new Float64Array(this.bins);
    for (let k = 0; k < this.bins; k += 1) {
      this._cos[k] = Math.cos((2 * Math.PI * k) / size);
      this._sin[k] = -Math.sin((2 * Math.PI * k) / size);
    }
  }

  /**
   * Return the shared plan of a length (its buffers are shared as well).
   * @param {number} size
   */
  static of(size) {
    let plan = plans.get(size);
    if (!plan) {
      plan = new RealFFT(size);
      plans.set(size, plan);
    }
    return plan;
  }

  /**
   * Transform `size` samples, times a window where one is given; beyond the signal it is silent.
   * @param {ArrayLike<number>} signal
   * @param {number} [start] first sample
   * @param {ArrayLike<number> | null} [window]
   */
  forward(signal, start = 0, window = null) {
    const { size, re, im, _zr: zr, _zi: zi, _cos: cos, _sin: sin } = this;
    const half = size / 2;
    const held = Math.max(0, Math.min(size, signal.length - start));
    for (let i = 0, n = start; i < half; i += 1, n += 2) {
      const j = 2 * i;
      zr[i] = j < held ? signal[n] : 0;
      zi[i] = j + 1 < held ? signal[n + 1] : 0;
    }
    if (window) {
      for (let i = 0; i < half; i += 1) {
        zr[i] *= window[2 * i];
        zi[i] *= window[2 * i + 1];
      }
    }
    this._half.transform(zr, zi);
    for (let k = 0; k <= half; k += 1) {
      const a = k === half ? 0 : k;
      const b = k === 0 ? 0 : half - k;
      const er = 0.5 * (zr[a] + zr[b]);
      const ei = 0.5 * (zi[a] - zi[b]);
      const or = 0.5 * (zi[a] + zi[b]);
      const oi = 0.5 * (zr[b] - zr[a]);
      re[k] = er + or * cos[k] - oi * sin[k];
      im[k] = ei + or * sin[k] + oi * cos[k];
    }
  }

  /**
   * Transform `re` and `im` back, scaled so that a forward transform is undone.
   * @param {Float64Array} out `size` samples
   */
  inverse(out) {
    const { size, re, im, _zr: zr, _zi: zi, _cos: cos, _sin: sin } = this;
    const half = size / 2;
    for (let k = 0; k < half; k += 1) {
      const b = half - k;
      const er = 0.5 * (re[k] + re[b]);
      const ei = 0.5 * (im[k] - im[b]);
      const dr = 0.5 * (re[k] - re[b]);
      const di = 0.5 * (im[k] + im[b]);
      const or = dr * cos[k] + di * sin[k]; // times the conjugate twiddle
      const oi = di * cos[k] - dr * sin[k];
      zr[k] = er - oi;
      zi[k] = ei + or;
    }
    this._half.transform(zi, zr); // swapped parts: the inverse transform
    for (let i = 0; i < half; i += 1) {
      out[2 * i] = zr[i] / half;
      out[2 * i + 1] = zi[i] / half;
    }
  }
}
