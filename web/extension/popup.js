// SPDX-License-Identifier: MIT
/** The window behind the button: opening it starts the scan of the current tab, or shows the running one. */

import { byId, icon } from "./dom.js";
import { draw, themeOf } from "./drawing/theme.js";
import { drawTimeAxis, drawTimeline, GUTTER } from "./drawing/time.js";
import { capital, clock, number } from "./words.js";

/** @typedef {import("./offscreen.js").State} State */

const PHASES = { idle: "", loading: "Loading the detector …", listening: "So far", done: "Verdict", failed: "No result" };

/** @param {State} state */
function show(state) {
  const { phase, score, statement, windows, limits, heardS } = state;
  byId("title", HTMLElement).textContent = state.title || "unsung";
  byId("phase", HTMLElement).textContent = `${PHASES[phase]}${heardS ? `, ${clock(heardS)} heard` : ""}`;
  const word = byId("word", HTMLElement);
  const key = phase === "failed" ? "failed" : (statement?.key ?? "undecided");
  word.textContent = phase === "failed" ? "no result" : (statement?.headline ?? (phase === "listening" ? "listening …" : ""));
  byId("verdict", HTMLElement).className = `verdict ${key}`;
  byId("icon", HTMLElement).replaceChildren(icon(key, 32));
  const logit = score?.logit === null || score === null ? "" : `Logit ${number(score.logit, 2, true)}. `;
  byId("text", HTMLElement).textContent = state.message || (statement ? `${logit}${capital(statement.text)}` : "Play the music; a first verdict comes after a few seconds.");
  byId("rate", HTMLElement).textContent = statement?.rate ?? "";
  byId("stop", HTMLElement).hidden = phase !== "listening";
  byId("again", HTMLElement).hidden = phase !== "done" && phase !== "failed";
  const canvas = byId("timeline", HTMLCanvasElement);
  canvas.hidden = !windows.length || limits === null;
  if (canvas.hidden || limits === null) return;
  draw(canvas, 112, (context, width) => {
    const theme = themeOf(document.documentElement);
    const box = { x: GUTTER, y: 0, width: width - GUTTER - 12, height: 90 };
    const endS = Math.max(heardS, 60);
    drawTimeline(context, box, theme, { windows, endS, windowS: state.windowS, limits });
    drawTimeAxis(context, { ...box, y: 90 }, theme, endS);
  });
}

async function ensureListener() {
  if (await chrome.offscreen.hasDocument()) return;
  await chrome.offscreen.createDocument({
    url: "offscreen.html",
    reasons: [chrome.offscreen.Reason.USER_MEDIA],
    justification: "Measures the sound of the tab while the popup is closed.",
  });
}

/** @param {object} message @returns {Promise<State>} */
const ask = (message) => chrome.runtime.sendMessage({ to: "offscreen", ...message });

async function scan() {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  const targetTabId = Number(new URLSearchParams(location.search).get("tab")) || tab?.id;
  const streamId = await chrome.tabCapture.getMediaStreamId({ targetTabId });
  show(await ask({ action: "start", streamId, title: tab?.title ?? "Current tab" }));
}

/** @param {unknown} error */
function fail(error) {
  const message = error instanceof Error ? error.message : String(error);
  const title = "unsung";
  show({ phase: "failed", title, heardS: 0, windows: [], windowS: 10, score: null, statement: null, limits: null, message });
}

chrome.runtime.onMessage.addListener((message) => {
  if (message?.to === "popup") show(message.state);
});
byId("stop", HTMLButtonElement).addEventListener("click", () => ask({ action: "stop" }));
byId("again", HTMLButtonElement).addEventListener("click", () => scan().catch(fail));

async function open() {
  await ensureListener();
  const state = await ask({ action: "state" });
  if (state?.phase === "listening" || state?.phase === "loading") show(state);
  else await scan();
}

open().catch(fail);
