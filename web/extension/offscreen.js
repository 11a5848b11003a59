// SPDX-License-Identifier: MIT
/**
 * Listens to one tab and measures it: the page's own engine, in a document without a window, so
 * that the scan goes on while the popup is closed. The tab stays audible.
 */

import { failure } from "./audio/errors.js";
import { Engine } from "./engine.js";
import { scanLive } from "./live.js";
import { stratum, thresholds } from "./numerics/decide.js";
import { makeScore } from "./score.js";
import { Words } from "./words.js";

/**
 * @typedef {{phase: "idle" | "loading" | "listening" | "done" | "failed", title: string,
 *   heardS: number, windows: [number, number][], windowS: number,
 *   score: import("./score.js").Score | null, statement: import("./words.js").Statement | null,
 *   limits: import("./numerics/decide.js").Thresholds | null, message: string}} State
 */

const engine = new Engine(new URL("./", document.baseURI).href);
const opened = engine.open();
/** @type {{stop: () => void} | null} */
let running = null;
/** @type {State} */
let state = fresh("idle", "");

/** @param {State["phase"]} phase @param {string} title @returns {State} */
function fresh(phase, title) {
  return { phase, title, heardS: 0, windows: [], windowS: 10, score: null, statement: null, limits: null, message: "" };
}

/** @param {Partial<State>} news */
function tell(news) {
  state = { ...state, ...news };
  const badge = { idle: "none", loading: "listening", failed: "none", listening: "listening", done: "none" }[state.phase];
  const shown = state.phase === "listening" || state.phase === "done" ? state.score?.verdict : null;
  send({ to: "background", badge: shown ?? badge });
  send({ to: "popup", state });
}

/** @param {object} message */
function send(message) {
  chrome.runtime.sendMessage(message).catch(() => {}); // the popup may be closed
}

/** @param {string} streamId @param {string} title */
async function start(streamId, title) {
  running?.stop();
  tell(fresh("loading", title));
  const tab = { chromeMediaSource: "tab", chromeMediaSourceId: streamId };
  // `mandatory` is Chromium's own form for captured tabs; the types know the standard's only.
  const stream = await navigator.mediaDevices.getUserMedia(/** @type {any} */ ({ audio: { mandatory: tab } }));
  const detector = await opened;
  const words = new Words(detector.constants, /** @type {any} */ (detector));
  const { false_alarm_rate: falseAlarmRate, prior, looks_s: looksS } = detector.constants.settings;
  const looks = looksS.length + 1;
  /** @param {number} heardS */
  const limitsAt = (heardS) => thresholds(stratum(detector.calibration, heardS), falseAlarmRate / looks);
  /** @type {(analysis: any, heardS: number, error: any) => Partial<State>} */
  const judged = (analysis, heardS, error) => {
    const facts = { name: title, sha256: "", rateHz: null, channels: 1, codec: "live", durationS: heardS, looks };
    const score = makeScore(detector, facts, analysis, { falseAlarmRate, prior }, error);
    return { score, statement: words.statement(score), limits: limitsAt(score.covered_s), heardS };
  };
  tell({ phase: "listening", limits: limitsAt(0), windowS: detector.windowS });
  running = await scanLive(engine, stream, {
    name: title,
    keepS: 1,
    looksS,
    audible: true,
    onWindows: (windows, heardS) => {
      if (windows.length || Math.floor(heardS) > Math.floor(state.heardS)) {
        tell({ windows: [...state.windows, ...windows], heardS });
      }
    },
    onRunning: (analysis, heardS) => tell(judged(analysis, heardS, null)),
    onDone: ({ analysis, error, facts }) => {
      running = null;
      tell({ phase: "done", windows: analysis?.windows ?? [], ...judged(analysis, facts.durationS ?? 0, error) });
    },
  });
}

chrome.runtime.onMessage.addListener((message, _sender, reply) => {
  if (message?.to !== "offscreen") return;
  if (message.action === "start") {
    start(message.streamId, message.title).catch((error) => tell({ phase: "failed", message: failure(error).message }));
  }
  if (message.action === "stop") running?.stop();
  reply(state);
});
