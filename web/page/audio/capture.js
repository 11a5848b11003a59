// SPDX-License-Identifier: MIT
/** Microphone, shared tab or the extension's tab as a stream of stereo blocks. */

import { AudioProblem } from "./errors.js";

/**
 * @typedef {{rateHz: number, stop: () => void}} Capture
 * @typedef {{onBlock: (channels: Float32Array[]) => void, onEnd: () => void, audible?: boolean}} Hooks
 */

/** Sound as it is: the browser's own processing for calls would remove or add traces. */
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** @returns {Promise<MediaStream>} */
export async function openMicrophone() {
  return asked(() => navigator.mediaDevices.getUserMedia({ audio: PLAIN }), "microphone");
}

/** @returns {Promise<MediaStream>} */
export async function openTab() {
  if (!navigator.mediaDevices?.getDisplayMedia) {
    throw new AudioProblem("NoCapture", "this browser cannot share a tab; use a file or the microphone");
  }
  const options = { video: true, audio: { ...PLAIN, suppressLocalAudioPlayback: false } };
  const stream = await asked(() => navigator.mediaDevices.getDisplayMedia(options), "tab");
  if (!stream.getAudioTracks().length) {
    stream.getTracks().forEach((track) => track.stop());
    throw new AudioProblem(
      "NoCapture",
      "the shared tab or window came without sound; share a tab and tick its box for audio",
    );
  }
  return stream;
}

/**
 * @param {() => Promise<MediaStream>} ask
 * @param {string} what
 */
async function asked(ask, what) {
  try {
    return await ask();
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    if (name === "NotAllowedError") {
      throw new AudioProblem("NoCapture", `the browser did not get leave to use the ${what}`);
    }
    throw new AudioProblem("NoCapture", `no ${what} could be opened (${name || error})`);
  }
}

/**
 * @param {MediaStream} stream
 * @param {Hooks} hooks
 * @returns {Promise<Capture>}
 */
export async function startCapture(stream, { onBlock, onEnd, audible = false }) {
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL("./capture-worklet.js", import.meta.url));
  const source = context.createMediaStreamSource(new MediaStream(stream.getAudioTracks()));
  const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0, channelCount: 2, channelCountMode: "explicit" });
  node.port.onmessage = (event) => onBlock(event.data);
  source.connect(node);
  if (audible) source.connect(context.destination); // a captured tab falls silent otherwise
  await context.resume();
  let ended = false;
  const stop = () => {
    if (ended) return;
    ended = true;
    stream.getTracks().forEach((track) => track.stop());
    context.close();
    onEnd();
  };
  stream.getAudioTracks()[0].addEventListener("ended", stop);
  return { rateHz: context.sampleRate, stop };
}
