// SPDX-License-Identifier: MIT
/** Where a logit falls among the calibration set's human and AI tracks. */

import { number } from "../words.js";
import { stroke, ticks, write } from "./theme.js";

/**
 * @typedef {import("./theme.js").Theme} Theme
 * @typedef {import("./theme.js").Box} Box
 */

const POINTS = 140;
export const GAUGE_PX = 176;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {{logit: number, calibration: import("../numerics/decide.js").Calibration,
 *   limits: import("../numerics/decide.js").Thresholds}} data
 */
export function drawGauge(context, box, theme, { logit, calibration, limits }) {
  const known = [...calibration.human_logits, ...calibration.ai_logits];
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const margin = 0.1 * (most - least);
  const [low, high] = [least - margin, most + margin];
  const share = (/** @type {number} */ v) => Math.max(0, Math.min(1, (v - low) / (high - low)));
  const across = (/** @type {number} */ v) => box.x + box.width * share(v);
  const base = box.y + box.height - 22;
  zones(context, box, theme, limits, across);
  for (const v of ticks(low, high, box.width / 70)) {
    stroke(context, [across(v), box.y + 44, across(v), base + 4], theme.grid);
    write(context, number(v, 0, true), across(v), base + 18, { colour: theme.soft, align: "center" });
  }
  const rows = /** @type {const} */ ([
    ["human recordings", calibration.human_logits, theme.human, theme.humanInk],
    ["AI-generated tracks", calibration.ai_logits, theme.ai, theme.aiInk],
  ]);
  const names = rows.map(([name, values, fill, ink], i) => {
    const bottom = box.y + 96 + 52 * i;
    ridge(context, values, { low, high, bottom, fill, box });
    const right = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] < (low + high) / 2;
    const text = box.width < 420 ? name : `${name}, n = ${values.length}`;
    return () => write(context, text, right ? box.x + box.width : box.x, bottom - 30, { colour: ink, align: right ? "right" : "left", size: 12, halo: theme.paper });
  });
  stroke(context, [box.x, base, box.x + box.width, base], theme.neutral);
  if (limits.human !== null) stroke(context, [across(limits.human), box.y + 20, across(limits.human), base], theme.humanInk, 1.5, [2, 3]);
  if (limits.ai !== null) stroke(context, [across(limits.ai), box.y + 20, across(limits.ai), base], theme.aiInk, 1.5, [5, 4]);
  needle(context, box, theme, { logit, across, base, beyond: logit < low ? -1 : logit > high ? 1 : 0 });
  for (const name of names) name(); // over the needle: on a narrow screen it crosses them
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {import("../numerics/decide.js").Thresholds} limits
 * @param {(v: number) => number} across
 */
function zones(context, box, theme, limits, across) {
  if (limits.ai === null) return;
  const human = limits.human === null ? box.x : across(limits.human);
  const ai = across(limits.ai);
  const parts = /** @type {const} */ ([
    [box.x, human, theme.humanTint, "human"],
    [human, ai, theme.neutralTint, "undecided"],
    [ai, box.x + box.width, theme.aiTint, "AI"],
  ]);
  for (const [from, to, fill, word] of parts) {
    context.fillStyle = fill;
    context.fillRect(from, box.y + 20, to - from, 18);
    if (to - from > 8 * word.length) {
      write(context, word, (from + to) / 2, box.y + 33, { colour: theme.ink, align: "center", size: 12 });
    }
  }
}

/**
 * A Gaussian kernel with Silverman's width over the calibration logits.
 * @param {CanvasRenderingContext2D} context
 * @param {readonly number[]} values
 * @param {{low: number, high: number, bottom: number, fill: string, box: Box}} place
 */
function ridge(context, values, { low, high, bottom, fill, box }) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const spread = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  const width = Math.max(0.9 * spread * values.length ** -0.2, 0.006 * (high - low));
  const density = Array.from({ length: POINTS }, (_, i) => {
    const x = low + ((high - low) * i) / (POINTS - 1);
    return values.reduce((sum, v) => sum + Math.exp(-0.5 * ((x - v) / width) ** 2), 0);
  });
  const most = Math.max(...density);
  context.beginPath();
  context.moveTo(box.x, bottom);
  density.forEach((v, i) => context.lineTo(box.x + (box.width * i) / (POINTS - 1), bottom - (40 * v) / most));
  context.lineTo(box.x + box.width, bottom);
  context.closePath();
  context.globalAlpha = 0.3;
  context.fillStyle = fill;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = fill;
  context.lineWidth = 1.3;
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {{logit: number, across: (v: number) => number, base: number, beyond: number}} data
 */
function needle(context, box, theme, { logit, across, base, beyond }) {
  const x = across(logit);
  stroke(context, [x, box.y + 16, x, base + 2], theme.ink, 2);
  context.beginPath();
  context.moveTo(x, base - 1);
  context.lineTo(x + 5, base + 7);
  context.lineTo(x - 5, base + 7);
  context.closePath();
  context.fillStyle = theme.ink;
  context.fill();
  const place = (x - box.x) / box.width;
  const align = place < 0.28 ? "left" : place > 0.72 ? "right" : "center";
  const text = `${beyond < 0 ? "◀ " : ""}this track ${number(logit, 2, true)}${beyond > 0 ? " ▶" : ""}`;
  write(context, text, x, box.y + 12, { colour: theme.ink, align, size: 12.5, weight: 650 });
}
