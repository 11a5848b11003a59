// SPDX-License-Identifier: MIT
/** Runs in the audio thread: collects stereo blocks of half a second and posts them. */

/* global AudioWorkletProcessor, registerProcessor, sampleRate */

// @ts-expect-error the types of the audio worklet's own scope are not part of TypeScript's DOM
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    // @ts-expect-error as above
    this.length = Math.round(sampleRate / 2);
    /** @type {Float32Array[]} */
    this.block = [];
    this.used = 0;
    this._empty();
  }

  _empty() {
    this.block = [new Float32Array(this.length), new Float32Array(this.length)];
    this.used = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const channels = inputs[0];
    if (!channels.length) return true;
    for (let i = 0; i < channels[0].length; i += 1) {
      this.block.forEach((part, c) => (part[this.used] = channels[Math.min(c, channels.length - 1)][i]));
      this.used += 1;
      if (this.used === this.length) {
        // @ts-expect-error as above
        this.port.postMessage(this.block, this.block.map((part) => part.buffer));
        this._empty();
      }
    }
    return true;
  }
}

// @ts-expect-error as above
registerProcessor("capture", Capture);
