// SPDX-License-Identifier: MIT
/** Runs in the audio thread: collects mono blocks of a tenth of a second and posts them. */

/* global AudioWorkletProcessor, registerProcessor, sampleRate */

// @ts-expect-error the types of the audio worklet's own scope are not part of TypeScript's DOM
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    // @ts-expect-error as above
    this.block = new Float32Array(Math.round(sampleRate / 10));
    this.used = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const channels = inputs[0];
    if (!channels.length) return true;
    for (let i = 0; i < channels[0].length; i += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.block[this.used] = sum / channels.length;
      this.used += 1;
      if (this.used === this.block.length) {
        // @ts-expect-error as above
        this.port.postMessage(this.block.slice());
        this.used = 0;
      }
    }
    return true;
  }
}

// @ts-expect-error as above
registerProcessor("capture", Capture);
