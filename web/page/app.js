// SPDX-License-Identifier: MIT
/** Wires the page: files, microphone and tab in; a list of songs and one open result out. */

import { failure } from "./audio/errors.js";
import { byId, h } from "./dom.js";
import { poster } from "./drawing/poster.js";
import { draw, themeOf } from "./drawing/theme.js";
import { drawTimeAxis, drawTimeline, GUTTER } from "./drawing/time.js";
import { Engine } from "./engine.js";
import { Listener } from "./listener.js";
import { stratum, thresholds } from "./numerics/decide.js";
import { download, jsonBlob, stem, wavBlob } from "./save.js";
import { makeScore } from "./score.js";
import { filesOf, Songs } from "./songs.js";
import { showResult } from "./view.js";
import { clock, number, percent, Words } from "./words.js";

/** @typedef {import("./songs.js").Song} Song */

const base = new URL("./", document.baseURI).href;
const main = byId("main", HTMLElement);
const status = byId("status", HTMLElement);
const loading = byId("loading", HTMLElement);
const problem = byId("problem", HTMLElement);
const resultPlace = byId("result", HTMLElement);
const rate = byId("rate", HTMLSelectElement);
const prior = byId("prior", HTMLInputElement);
const gpu = byId("gpu", HTMLInputElement);

let engine = new Engine(base);
/** @type {import("./engine.js").Detector} */
let detector;
/** @type {Words} */
let words;
let redraw = () => {};
const songs = new Songs(byId("rows", HTMLElement), open);

const settings = () => ({ falseAlarmRate: Number(rate.value), prior: Number(prior.value) / 100 });

/** @param {Song} song */
const scoreOf = (song) => {
  if (!song.scanned) throw new Error("the song is not scanned yet");
  return makeScore(detector, song.scanned.facts, song.scanned.analysis, settings(), song.scanned.error);
};

/** @param {unknown} error */
function complain(error) {
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
}

async function start() {
  try {
    detector = await engine.open(gpu.checked);
  } catch (error) {
    loading.hidden = true;
    complain(error);
    return;
  }
  const { constants, calibration, card, provider, threads } = detector;
  words = new Words(constants, /** @type {any} */ ({ calibration }));
  const threading = threads > 1 ? `, ${threads} threads` : "";
  loading.textContent = `Ready. Detector ${detector.detector.split("@")[0]} (${provider === "wasm" ? "WebAssembly" : "WebGPU"}${threading}).`;
  main.dataset.ready = provider;
  if (!rate.options.length) {
    for (const value of constants.settings.rates) rate.append(h("option", { value }, percent(value)));
    rate.value = String(constants.settings.false_alarm_rate);
    prior.value = String(100 * constants.settings.prior);
  }
  byId("version", HTMLElement).textContent = `unsung ${constants.version} · ${detector.detector}`;
  showCard(card);
  work();
}

/** @param {any} card */
function showCard(card) {
  const lines = [
    ["The detector", card.summary],
    ["Meant for", card.intended_use],
    ["Not to be used for", card.forbidden_use],
    ["Patents", card.patent_note],
  ];
  const failures = Array.isArray(card.failures) ? card.failures : [card.failures].filter(Boolean);
  byId("card", HTMLElement).replaceChildren(
    ...lines.filter(([, text]) => text).flatMap(([name, text]) => [h("h3", null, name), h("p", null, text)]),
    h("h3", null, "Where it was seen to fail"),
    h("ul", null, ...failures.map((/** @type {string} */ line) => h("li", null, line))),
  );
}

/** @param {File[]} files */
function take(files) {
  problem.hidden = true;
  for (const file of files) songs.add(file.name, file);
  byId("queue", HTMLElement).hidden = songs.empty;
  work();
}

let working = false;

async function work() {
  if (working || !detector) return;
  working = true;
  const now = byId("now", HTMLElement);
  for (let song = songs.next(); song; song = songs.next()) {
    const { file } = song;
    if (!file) continue;
    songs.scanning(song);
    now.hidden = false;
    byId("h-now", HTMLElement).textContent = `Scanning ${song.name} …`;
    byId("progress", HTMLProgressElement).removeAttribute("value");
    /** @type {[number, number][]} */
    const windows = [];
    song.scanned = await engine.scan(file, (fresh, heardS) => {
      windows.push(...fresh);
      drawNow(windows, heardS);
    });
    finish(song);
  }
  now.hidden = true;
  working = false;
}

/**
 * @param {[number, number][]} windows
 * @param {number} heardS
 */
function drawNow(windows, heardS) {
  const endS = Math.max(heardS, 60);
  const limits = thresholds(stratum(detector.calibration, heardS), settings().falseAlarmRate);
  draw(byId("now-canvas", HTMLCanvasElement), 122, (context, width) => {
    const box = { x: GUTTER, y: 0, width: width - GUTTER - 12, height: 100 };
    const theme = themeOf(document.documentElement);
    drawTimeline(context, box, theme, { windows, endS, windowS: detector.windowS, limits });
    drawTimeAxis(context, { ...box, y: 100 }, theme, endS);
  });
}

/** @param {Song} song */
function finish(song) {
  const score = scoreOf(song);
  songs.done(song, score, words.statement(score));
  status.textContent = `${song.name}: ${words.statement(score).headline}${score.logit === null ? "" : `, logit ${number(score.logit, 2, true)}`}.`;
  if (!songs.opened || songs.opened === song) open(song);
}

/** @param {Song} song */
function open(song) {
  songs.mark(song);
  const { scanned } = song;
  if (!scanned) return;
  const score = scoreOf(song);
  const { analysis } = scanned;
  const limits = thresholds(stratum(detector.calibration, score.covered_s), score.false_alarm_rate);
  const statement = words.statement(score);
  const canPlay = analysis !== null && analysis.logit !== null && (song.file !== null || song.samples !== null);
  redraw = showResult(resultPlace, {
    score,
    scanned,
    words,
    priors: detector.constants.settings.priors,
    windowS: detector.windowS,
    actions: {
      json: () => download(jsonBlob(score), `${stem(song.name)}.json`),
      print: () => window.print(),
      png: async () => {
        if (!analysis) return;
        const subject = { score, statement, analysis, limits, calibration: detector.calibration, windowS: detector.windowS };
        download(await poster(subject, themeOf(byId("light", HTMLElement))), `${stem(song.name)}.png`);
      },
      sounds: canPlay ? (place) => makeSounds(song, place) : null,
    },
  });
}

/**
 * @param {Song} song
 * @param {HTMLElement} place
 */
async function makeSounds(song, place) {
  const windows = song.scanned?.analysis?.windows ?? [];
  const loudest = windows.reduce((a, b) => (b[1] > a[1] ? b : a));
  const { seconds } = detector.constants.listening;
  const middle = loudest[0] + detector.windowS / 2;
  const startS = Math.max(0, Math.min(middle - seconds / 2, (song.scanned?.facts.durationS ?? 0) - seconds));
  const part = song.file ? await engine.part(song.file, startS, seconds, song.scanned?.mix) : song.samples;
  if (!part) return;
  const heard = await engine.call("listen", part);
  const from = song.file ? startS : 0;
  const range = `${clock(from)} to ${clock(from + part.samples.length / part.rateHz)}`;
  const captions = {
    original: `The part that is played, ${range}`,
    relevant: `What speaks for AI, alone (${number(heard.gainDb, 0, true)} dB)`,
    without: "The song without it",
    amplified: `The same part ${detector.constants.listening.amplify_db} dB louder`,
  };
  const sounds = { original: part.samples, ...heard.sounds };
  place.replaceChildren(
    ...Object.entries(captions).map(([name, caption]) => {
      const source = URL.createObjectURL(wavBlob(sounds[/** @type {"original"} */ (name)], part.rateHz));
      return h("figure", null, h("figcaption", null, caption), h("audio", { controls: true, src: source, "aria-label": caption, "data-sound": name }));
    }),
  );
}

/** Judge all again after a change of the settings: nothing is measured anew. */
function again() {
  if (!prior.checkValidity() || !(Number(prior.value) > 0)) return;
  for (const song of songs.finished()) {
    const score = scoreOf(song);
    songs.done(song, score, words.statement(score));
  }
  if (songs.opened?.scanned) open(songs.opened);
}

const drop = byId("drop", HTMLElement);
for (const name of ["dragover", "dragenter"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer) take(await filesOf(event.dataTransfer));
});
byId("files", HTMLInputElement).addEventListener("change", (event) => {
  const input = /** @type {HTMLInputElement} */ (event.target);
  take([...(input.files ?? [])]);
  input.value = "";
});
rate.addEventListener("change", again);
prior.addEventListener("input", again);
gpu.addEventListener("change", async () => {
  const before = engine;
  engine = new Engine(base);
  loading.textContent = "Loading the detector …";
  await start();
  before.close();
});
byId("export-all", HTMLButtonElement).addEventListener("click", () => {
  download(jsonBlob(songs.finished().map(scoreOf)), "unsung-scores.json");
});
byId("clear", HTMLButtonElement).addEventListener("click", () => {
  songs.clear();
  byId("queue", HTMLElement).hidden = true;
  resultPlace.hidden = true;
  redraw = () => {};
});

new Listener({
  engine: () => engine,
  words: () => words,
  detector: () => detector,
  settings,
  onProblem: (error) => complain(failure(error).message),
  onDone: (scanned, samples) => {
    const song = songs.add(scanned.facts.name, null, scanned, samples);
    byId("queue", HTMLElement).hidden = false;
    finish(song);
    open(song);
  },
});

let width = 0;
new ResizeObserver(() => {
  if (main.clientWidth === width) return; // redrawing itself changes heights only
  width = main.clientWidth;
  redraw();
}).observe(main);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("light");
  redraw();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("light");
  redraw();
});

byId("gpu-field", HTMLElement).hidden = !("gpu" in navigator);
byId("tab", HTMLElement).hidden = !navigator.mediaDevices?.getDisplayMedia;
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("sw.js").then(
    () => navigator.serviceWorker.ready.then(() => (byId("offline", HTMLElement).hidden = false)),
    () => {}, // without it the page works, only not offline
  );
}
start();
