// SPDX-License-Identifier: MIT
/** The spectrum behind the verdict: what stands out, the strongest lines, what each bin adds. */

import { hertz, number } from "../words.js";
import { stroke, ticks, write } from "./theme.js";

/**
 * @typedef {import("./theme.js").Theme} Theme
 * @typedef {import("./theme.js").Box} Box
 * @typedef {import("../numerics/analyzer.js").Analysis} Analysis
 */

const LABEL_PX = 15;
const LABEL_ROWS = 3;

/**
 * dB above the lower envelope, with the peaks that weigh most.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {Analysis} analysis
 */
export function drawResidual(context, box, theme, analysis) {
  const { spectra, evidence } = analysis;
  if (!spectra || !evidence) return;
  const axis = hzAxis(box, spectra.freqsHz);
  const head = LABEL_ROWS * LABEL_PX + 8;
  const columns = reduced(spectra.residualDb, Math.floor(box.width), Math.max);
  const most = Math.max(1, ...columns, ...evidence.peaks.map((p) => p.height_db)) * 1.04;
  const up = (/** @type {number} */ v) => box.y + head + (box.height - head) * (1 - v / most);
  grid(context, box, theme, axis);
  for (const v of ticks(0, most, 4)) {
    write(context, `${number(v, 0)} dB`, box.x - 8, up(v) + 4, { colour: theme.soft, align: "right" });
  }
  const points = Array.from(columns).flatMap((v, i) => [box.x + (i + 0.5) * (box.width / columns.length), up(v)]);
  context.beginPath();
  context.moveTo(box.x, up(0));
  for (let i = 0; i < points.length; i += 2) context.lineTo(points[i], points[i + 1]);
  context.lineTo(box.x + box.width, up(0));
  context.closePath();
  context.globalAlpha = 0.16;
  context.fillStyle = theme.neutral;
  context.fill();
  context.globalAlpha = 1;
  stroke(context, points, theme.neutral);
  drawPeaks(context, box, theme, evidence.peaks, axis, up);
  stroke(context, [box.x, box.y + box.height, box.x + box.width, box.y + box.height], theme.neutral);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {import("../numerics/evidence.js").Peak[]} peaks
 * @param {(hz: number) => number} axis
 * @param {(db: number) => number} up
 */
function drawPeaks(context, box, theme, peaks, axis, up) {
  /** @type {[number, number][][]} */
  const rows = Array.from({ length: LABEL_ROWS }, () => []);
  /** @type {(() => void)[]} texts come after all leaders, so that no line crosses one */
  const texts = [];
  for (const peak of peaks) {
    const [x, y] = [axis(peak.hz), up(peak.height_db)];
    const ai = peak.contribution > 0;
    const text = box.width < 500 ? hertz(peak.hz) : `${hertz(peak.hz)} ${number(peak.height_db, 1, true)} dB`;
    const half = 3.3 * text.length;
    const middle = Math.max(box.x + half, Math.min(box.x + box.width - half, x));
    const row = rows.findIndex((taken) => taken.every(([a, b]) => middle + half + 6 < a || middle - half - 6 > b));
    if (row >= 0) {
      rows[row].push([middle - half, middle + half]);
      const base = box.y + (LABEL_ROWS - row) * LABEL_PX - 3;
      stroke(context, [x, base + 4, x, y - 7], theme.neutral);
      const colour = ai ? theme.aiInk : theme.humanInk;
      texts.push(() => write(context, text, middle, base, { colour, align: "center", halo: theme.paper }));
    }
    context.beginPath();
    const tip = ai ? -5 : 5;
    context.moveTo(x, y + tip);
    context.lineTo(x + 4.5, y - tip * 0.7);
    context.lineTo(x - 4.5, y - tip * 0.7);
    context.closePath();
    context.fillStyle = ai ? theme.ai : theme.human;
    context.fill();
  }
  for (const text of texts) text();
}

/**
 * What each stretch of frequency adds to the linear logit.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {Analysis} analysis
 */
export function drawShares(context, box, theme, analysis) {
  const { spectra, shares } = analysis;
  if (!spectra || !shares) return;
  const axis = hzAxis(box, spectra.freqsHz);
  const count = Math.min(240, Math.floor(box.width / 2));
  const sums = reduced(shares, count, (a, b) => a + b);
  const [least, most] = [Math.min(0, ...sums), Math.max(0, ...sums)];
  const low = Math.min(least, -most / 5);
  const high = Math.max(most, -least / 5) || 1;
  const up = (/** @type {number} */ v) => box.y + 4 + (box.height - 8) * (1 - (v - low) / (high - low));
  grid(context, box, theme, axis);
  for (const v of ticks(low, high, 3)) {
    const digits = Math.max(0, 1 - Math.floor(Math.log10(high - low)));
    write(context, number(v, digits, true), box.x - 8, up(v) + 4, { colour: theme.soft, align: "right" });
  }
  sums.forEach((v, i) => {
    context.fillStyle = v > 0 ? theme.ai : theme.human;
    const [x, width] = [box.x + (box.width * i) / count, box.width / count];
    context.fillRect(x, Math.min(up(v), up(0)), Math.max(0.8, width - 0.4), Math.abs(up(v) - up(0)));
  });
  stroke(context, [box.x, up(0), box.x + box.width, up(0)], theme.neutral);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box of the drawing above
 * @param {Theme} theme
 * @param {Float64Array} freqs
 */
export function drawHzAxis(context, box, theme, freqs) {
  const axis = hzAxis(box, freqs);
  for (const hz of ticks(freqs[0], freqs[freqs.length - 1], box.width / (box.width < 420 ? 56 : 80))) {
    const x = axis(hz);
    stroke(context, [x, box.y, x, box.y + 4], theme.neutral);
    const last = x > box.x + box.width - 16;
    write(context, `${number(hz / 1000, hz % 1000 ? 1 : 0)} kHz`, x, box.y + 16, { colour: theme.soft, align: last ? "right" : "center" });
  }
}

/**
 * @param {Box} box
 * @param {Float64Array} freqs
 */
function hzAxis(box, freqs) {
  const [low, high] = [freqs[0], freqs[freqs.length - 1]];
  return (/** @type {number} */ hz) => box.x + (box.width * (hz - low)) / (high - low);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {(hz: number) => number} axis
 */
function grid(context, box, theme, axis) {
  for (let hz = 1000; axis(hz) <= box.x + box.width; hz += 1000) {
    stroke(context, [axis(hz), box.y, axis(hz), box.y + box.height], theme.grid);
  }
}

/**
 * @param {Float32Array} values
 * @param {number} count
 * @param {(a: number, b: number) => number} join
 */
function reduced(values, count, join) {
  const out = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const from = Math.floor((i * values.length) / count);
    const to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / count));
    let value = values[from];
    for (let j = from + 1; j < to; j += 1) value = join(value, values[j]);
    out[i] = value;
  }
  return out;
}
