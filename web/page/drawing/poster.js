// SPDX-License-Identifier: MIT
/** One picture of a result, to keep or to show: verdict, scale, time and spectrum, in light colours. */

import { clock, number, percent } from "../words.js";
import { drawGauge, GAUGE_PX } from "./gauge.js";
import { drawHzAxis, drawResidual, drawShares } from "./spectrum.js";
import { FONT, write } from "./theme.js";
import { drawSpectrogram, drawTimeAxis, drawTimeline } from "./time.js";

const WIDTH = 1200;
const HEIGHT = 1290;
const LEFT = 90;

/**
 * @param {{score: import("../score.js").Score, statement: import("../words.js").Statement,
 *   analysis: import("../numerics/analyzer.js").Analysis, windowS: number,
 *   calibration: import("../numerics/decide.js").Calibration,
 *   limits: import("../numerics/decide.js").Thresholds}} subject
 * @param {import("./theme.js").Theme} theme
 * @returns {Promise<Blob>}
 */
export function poster(subject, theme) {
  const { score, statement, analysis, limits, calibration, windowS } = subject;
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  const box = (/** @type {number} */ y, /** @type {number} */ height) => ({ x: LEFT, y, width: WIDTH - LEFT - 50, height });
  const colour = theme.ink;
  context.fillStyle = { ai: theme.aiTint, human: theme.humanTint }[statement.key] ?? theme.neutralTint;
  context.fillRect(50, 86, WIDTH - 100, 92);
  write(context, fitted(context, score.path, WIDTH - 100), 50, 60, { colour, size: 28, weight: 650 });
  const verdict = statement.headline.charAt(0).toUpperCase() + statement.headline.slice(1);
  write(context, verdict, 74, 143, { colour, size: 30, weight: 650 });
  const numbers = `probability of AI ${percent(score.probability, 1)} · logit ${number(score.logit, 2, true)} · ${clock(score.duration_s)}`;
  write(context, numbers, WIDTH - 74, 141, { colour, size: 18, align: "right" });
  const about = `Set for ${percent(score.false_alarm_rate)} false alarms; calibrated on “${score.calibration}”, ${percent(score.prior)} of tracks assumed AI.`;
  write(context, about, 50, 206, { colour: theme.soft, size: 14 });
  write(context, statement.caution, 50, 228, { colour: theme.soft, size: 14 });
  const endS = score.duration_s || 1;
  drawGauge(context, box(256, GAUGE_PX), theme, { logit: score.logit ?? 0, calibration, limits });
  title(context, "Spectrogram and relevance: orange speaks for AI, blue against", 474, theme);
  drawSpectrogram(context, box(486, 250), theme, { analysis, endS, relevance: true });
  drawTimeAxis(context, box(736, 22), theme, endS);
  title(context, "Logit of each window", 790, theme);
  drawTimeline(context, box(800, 120), theme, { windows: score.windows, endS, windowS, limits });
  drawTimeAxis(context, box(920, 22), theme, endS);
  title(context, "Residual spectrum, and what each frequency adds", 974, theme);
  drawResidual(context, box(984, 180), theme, analysis);
  drawShares(context, box(1172, 60), theme, analysis);
  drawHzAxis(context, box(1232, 22), theme, analysis.spectra?.freqsHz ?? new Float64Array([0, 1]));
  write(context, `unsung · ${score.detector} · SHA-256 ${score.sha256.slice(0, 16)}`, 50, HEIGHT - 14, { colour: theme.soft, size: 12 });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser could not make the picture"))), "image/png");
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} y
 * @param {import("./theme.js").Theme} theme
 */
const title = (context, text, y, theme) => write(context, text, LEFT, y, { colour: theme.soft, size: 13 });

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} width
 */
function fitted(context, text, width) {
  context.font = `650 28px ${FONT}`;
  let short = text;
  while (short.length > 8 && context.measureText(short).width > width) short = `${short.slice(0, -4)}…`;
  return short;
}
