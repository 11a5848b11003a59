// SPDX-License-Identifier: MIT
/** The pictures of a result on canvases, each with words and a table that say the same. */

import { h, headRow, scrolling } from "./dom.js";
import { drawGauge, GAUGE_PX } from "./drawing/gauge.js";
import { drawHzAxis, drawResidual, drawShares } from "./drawing/spectrum.js";
import { draw, themeOf } from "./drawing/theme.js";
import { drawSpectrogram, drawTimeAxis, drawTimeline, GUTTER, zone } from "./drawing/time.js";
import { clock, number, percent } from "./words.js";

/**
 * @typedef {{score: import("./score.js").Score, analysis: import("./numerics/analyzer.js").Analysis,
 *   limits: import("./numerics/decide.js").Thresholds,
 *   calibration: import("./numerics/decide.js").Calibration, windowS: number, stretches: string}} Subject
 */

const RIGHT = 12;
const AXIS_PX = 22;

/** @param {string} label */
const picture = (label) => h("canvas", { class: "figure", role: "img", "aria-label": label });

/**
 * Sections with pictures, and what draws them in the colours and the width in force.
 * @param {Subject} subject
 */
export function figures(subject) {
  const gauge = picture(gaugeWords(subject));
  const timeline = picture(timelineWords(subject));
  const spectrogram = picture(
    `Spectrogram up to ${number((subject.analysis.sketch?.topHz ?? 0) / 1000, 0)} kHz, with the relevance of each ` +
      "window and frequency: the tables of windows and of the sum say what adds how much.",
  );
  const spectrum = picture(spectrumWords(subject));
  const overlay = h("input", { type: "checkbox", id: "overlay", checked: true });
  const redraw = () => {
    const theme = themeOf(document.documentElement);
    draw(gauge, GAUGE_PX, (context, width) => drawGauge(context, inner(width, GAUGE_PX, 8), theme, { ...subject, logit: subject.score.logit ?? 0 }));
    const endS = subject.score.duration_s || 1;
    draw(spectrogram, 240 + AXIS_PX, (context, width) => {
      const box = inner(width, 240);
      drawSpectrogram(context, box, theme, { analysis: subject.analysis, endS, relevance: overlay.checked });
      drawTimeAxis(context, { ...box, y: 240 }, theme, endS);
    });
    draw(timeline, 130 + AXIS_PX, (context, width) => {
      const box = inner(width, 130);
      const { windows } = subject.score;
      drawTimeline(context, box, theme, { windows, endS, windowS: subject.windowS, limits: subject.limits });
      drawTimeAxis(context, { ...box, y: 130 }, theme, endS);
    });
    draw(spectrum, 210 + 96 + AXIS_PX, (context, width) => {
      drawResidual(context, inner(width, 200), theme, subject.analysis);
      drawShares(context, { ...inner(width, 96), y: 210 }, theme, subject.analysis);
      const freqs = subject.analysis.spectra?.freqsHz ?? new Float64Array([0, 1]);
      drawHzAxis(context, { ...inner(width, 96), y: 306 }, theme, freqs);
    });
  };
  overlay.addEventListener("change", redraw);
  const shift = subject.analysis.evidence?.shift ?? null;
  const sections = [
    h("section", { "aria-labelledby": "h-gauge" }, h("h2", { id: "h-gauge" }, "Where the score falls"), gauge, limitsLine(subject)),
    h(
      "section",
      { "aria-labelledby": "h-time" },
      h("div", { class: "figure-head" }, h("h2", { id: "h-time" }, "Over time"), h("label", null, overlay, "Show relevance")),
      spectrogram,
      legend("speaks for AI", "speaks against AI"),
      h("p", { class: "panel-name" }, "Logit of each window; dashed the threshold for AI, dotted for human (set for whole tracks, single windows scatter more)"),
      timeline,
      subject.stretches && h("p", { id: "stretches", class: "reason" }, subject.stretches),
      windowTable(subject),
    ),
    h(
      "section",
      { "aria-labelledby": "h-residual" },
      h("h2", { id: "h-residual" }, "Residual spectrum"),
      h("p", { class: "panel-name" }, "Above: dB above the lower envelope of the mean spectrum, with the lines that weigh most. Below: what each frequency adds to the logit."),
      spectrum,
      shift !== null && h("p", { class: "fine" }, `The lines fit best with all frequencies ${number(100 * shift, 2, true)} % off; what the shifted lines add stands in the sum below as “shifted lines”.`),
    ),
  ];
  return { sections, redraw };
}

/**
 * @param {number} width
 * @param {number} height
 * @param {number} [left]
 */
const inner = (width, height, left = GUTTER) => ({ x: left, y: 0, width: width - left - RIGHT, height });

/** @param {string} ai @param {string} human */
function legend(ai, human) {
  return h(
    "p",
    { class: "legend" },
    h("span", null, h("span", { class: "swatch-box ai" }), ai),
    h("span", null, h("span", { class: "swatch-box human" }), human),
  );
}

/** @param {Subject} subject */
function limitsLine({ limits, score }) {
  const parts = [];
  if (limits.human !== null) parts.push(`Human at ${number(limits.human, 2, true)} or below`);
  if (limits.ai !== null) parts.push(`AI-generated at ${number(limits.ai, 2, true)} or above`);
  if (!parts.length) return "";
  return h("p", { class: "fine" }, `${parts.join(", ")}, set for a false-alarm rate of ${percent(score.false_alarm_rate)}.`);
}

/** @param {Subject} subject */
function windowTable({ score, limits }) {
  const rows = score.windows.map(([start, logit]) => {
    const word = { ai: "AI", human: "human", undecided: "undecided" }[zone(logit, limits)];
    return h("tr", null, h("td", { class: "n" }, clock(start)), h("td", { class: "n" }, number(logit, 2, true)), h("td", null, word));
  });
  const table = h("table", null, headRow(["Start"], ["Logit"], "Zone"), h("tbody", null, ...rows));
  return h("details", null, h("summary", null, `Table of the ${rows.length} windows`), scrolling("Windows", table));
}

/** @param {Subject} subject */
function gaugeWords({ score, limits }) {
  const parts = [`Scale of the logit, human on the left, AI on the right: this track ${number(score.logit, 2, true)}`];
  if (limits.human !== null) parts.push(`human below ${number(limits.human, 2, true)}`);
  if (limits.ai !== null) parts.push(`AI-generated above ${number(limits.ai, 2, true)}`);
  return `${parts.join(", ")}.`;
}

/** @param {Subject} subject */
function timelineWords({ score }) {
  if (!score.windows.length) return "No windows.";
  const sorted = [...score.windows].sort((a, b) => a[1] - b[1]);
  const [low, high] = [sorted[0], sorted[sorted.length - 1]];
  return (
    `Logit of ${sorted.length} windows over time, lowest ${number(low[1], 2, true)} at ${clock(low[0])}, ` +
    `highest ${number(high[1], 2, true)} at ${clock(high[0])}.`
  );
}

/** @param {Subject} subject */
function spectrumWords({ analysis }) {
  const peaks = analysis.evidence?.peaks ?? [];
  const ai = peaks.filter((peak) => peak.contribution > 0).length;
  return (
    `Residual spectrum with ${peaks.length} marked peaks: ${ai} speak for AI, ${peaks.length - ai} for human. ` +
    "The table of peaks lists them all."
  );
}
