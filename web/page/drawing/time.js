// SPDX-License-Identifier: MIT
/** What happens over time: the windows' logits, and the spectrogram with relevance over it. */

import { clock, number } from "../words.js";
import { colourMap, stroke, ticks, timeTicks, write } from "./theme.js";

/**
 * @typedef {import("./theme.js").Theme} Theme
 * @typedef {import("./theme.js").Box} Box
 * @typedef {import("../numerics/decide.js").Thresholds} Thresholds
 * @typedef {import("../numerics/analyzer.js").Analysis} Analysis
 */

const RANGE_DB = 90;

/** The colour is full at this quantile of the relevance, so that one cell cannot pale the rest. */
const STRONG = 0.995;
const RELEVANCE_ROWS = 130;

/** Left of every drawing: room for the numbers on its vertical axis. */
export const GUTTER = 52;

/**
 * @param {number} logit
 * @param {Thresholds} limits
 * @returns {"ai" | "human" | "undecided"}
 */
export function zone(logit, limits) {
  if (limits.ai !== null && logit >= limits.ai) return "ai";
  return limits.human !== null && logit <= limits.human ? "human" : "undecided";
}

/**
 * One bar a window, from zero; dashed and dotted lines are the thresholds of whole tracks.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {{windows: [number, number][], endS: number, windowS: number, limits: Thresholds}} data
 */
export function drawTimeline(context, box, theme, { windows, endS, windowS, limits }) {
  const values = [0, ...windows.map(([, v]) => v), ...[limits.ai, limits.human].filter((v) => v !== null)];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const margin = 0.08 * (most - least || 2);
  const up = (/** @type {number} */ v) =>
    box.y + box.height * (1 - (v - least + margin) / (most - least + 2 * margin));
  const across = (/** @type {number} */ s) => box.x + (box.width * s) / endS;
  for (const at of timeTicks(endS, box.width / 90)) {
    stroke(context, [across(at), box.y, across(at), box.y + box.height], theme.grid);
  }
  for (const v of ticks(least, most, 5)) {
    write(context, number(v, Number.isInteger(v) ? 0 : 1, true), box.x - 8, up(v) + 4, { colour: theme.soft, align: "right" });
  }
  const fills = { ai: theme.ai, human: theme.human, undecided: theme.neutral };
  windows.forEach(([start, logit], i) => {
    const end = Math.min(endS, windows[i + 1]?.[0] ?? start + 1.5 * windowS, start + 1.5 * windowS);
    const [a, b] = [across(start), across(end)];
    const [top, bottom] = [Math.min(up(logit), up(0)), Math.max(up(logit), up(0))];
    context.fillStyle = fills[zone(logit, limits)];
    const gap = b - a > 5 ? 1 : 0;
    context.fillRect(a, top, Math.max(1, b - a - gap), Math.max(1, bottom - top));
  });
  stroke(context, [box.x, up(0), box.x + box.width, up(0)], theme.neutral);
  for (const [value, dash] of /** @type {[number | null, number[]][]} */ ([[limits.ai, [6, 4]], [limits.human, [2, 3]]])) {
    if (value === null) continue;
    const line = [box.x, up(value), box.x + box.width, up(value)];
    stroke(context, line, theme.paper, 3);
    stroke(context, line, theme.ink, 1.5, dash);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box of the drawing above
 * @param {Theme} theme
 * @param {number} endS
 */
export function drawTimeAxis(context, box, theme, endS) {
  for (const at of timeTicks(endS, box.width / 90)) {
    const x = box.x + (box.width * at) / endS;
    stroke(context, [x, box.y, x, box.y + 4], theme.neutral);
    write(context, clock(at), x, box.y + 16, { colour: theme.soft, align: x > box.x + box.width - 14 ? "right" : "center" });
  }
}

/**
 * The spectrogram; relevance, where wanted, tints it: orange speaks for AI, blue against.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Theme} theme
 * @param {{analysis: Analysis, endS: number, relevance: boolean}} data
 */
export function drawSpectrogram(context, box, theme, { analysis, endS, relevance }) {
  const { sketch } = analysis;
  context.fillStyle = theme.panel;
  context.fillRect(box.x, box.y, box.width, box.height);
  if (sketch && sketch.frames) {
    const half = sketch.frames > 1 ? (sketch.timesS[sketch.frames - 1] - sketch.timesS[0]) / (sketch.frames - 1) / 2 : endS / 2;
    const from = Math.max(0, sketch.timesS[0] - half);
    const to = Math.min(endS, sketch.timesS[sketch.frames - 1] + half);
    const image = spectrogramImage(sketch, relevance ? greyOf(theme) : null);
    const x = box.x + (box.width * from) / endS;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, x, box.y, (box.width * (to - from)) / endS, box.height);
    if (relevance) {
      context.imageSmoothingEnabled = false;
      const { image: tint, lowHz, highHz } = relevanceImage(analysis, endS);
      const y = box.y + box.height * (1 - highHz / sketch.topHz);
      context.drawImage(tint, box.x, y, box.width, (box.height * (highHz - lowHz)) / sketch.topHz);
    }
    for (const hz of ticks(0, sketch.topHz, box.height / 50)) {
      const at = box.y + box.height * (1 - hz / sketch.topHz);
      stroke(context, [box.x - 4, at, box.x, at], theme.neutral);
      write(context, `${hz / 1000} kHz`, box.x - 7, Math.max(box.y + 9, at + 4), { colour: theme.soft, align: "right" });
    }
  }
}

/**
 * Grey of silence and of the loudest sound, near the page's own ground.
 * @param {Theme} theme
 */
const greyOf = (theme) => (parseInt(theme.paper.slice(1, 3), 16) < 128 ? [22, 205] : [248, 58]);

/**
 * @param {NonNullable<Analysis["sketch"]>} sketch
 * @param {number[] | null} grey from quiet to loud, where the colours are left to the relevance
 */
function spectrogramImage(sketch, grey) {
  const { db, rows, frames } = sketch;
  const canvas = new OffscreenCanvas(frames, rows);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(frames, rows);
  const sorted = db.slice().sort();
  const top = sorted[Math.floor(0.999 * (sorted.length - 1))];
  const floor = Math.max(top - RANGE_DB, sorted[0]);
  const map = colourMap();
  for (let frame = 0; frame < frames; frame += 1) {
    for (let row = 0; row < rows; row += 1) {
      const share = Math.max(0, Math.min(1, (db[frame * rows + row] - floor) / (top - floor || 1)));
      const at = 4 * ((rows - 1 - row) * frames + frame);
      const level = Math.round(255 * share);
      for (let c = 0; c < 3; c += 1) image.data[at + c] = grey ? grey[0] + (grey[1] - grey[0]) * share : map[3 * level + c];
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Relevance of each window and stretch of frequency, as the sum of its bins.
 * @param {Analysis} analysis
 */
export function relevanceGrid(analysis) {
  const { relevance, spectra } = analysis;
  const total = relevance.reduce((sum, w) => sum + w.weight, 0) || 1;
  const bins = spectra ? spectra.freqsHz.length : 0;
  return relevance.map((window) => {
    const rows = new Float32Array(RELEVANCE_ROWS);
    for (let i = 0; i < bins; i += 1) {
      rows[Math.floor((i * RELEVANCE_ROWS) / bins)] += (window.shares[i] * window.weight) / total;
    }
    return rows;
  });
}

/**
 * @param {Analysis} analysis
 * @param {number} endS
 */
function relevanceImage(analysis, endS) {
  const grid = relevanceGrid(analysis);
  const width = 600;
  const canvas = new OffscreenCanvas(width, RELEVANCE_ROWS);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, RELEVANCE_ROWS);
  const sizes = Float64Array.from(grid.flatMap((rows) => Array.from(rows, Math.abs))).sort();
  const full = sizes[Math.floor(STRONG * (sizes.length - 1))] || 1;
  analysis.relevance.forEach((window, index) => {
    const from = Math.round((width * window.startS) / endS);
    const to = Math.min(width, Math.round((width * (window.startS + window.lengthS)) / endS));
    for (let row = 0; row < RELEVANCE_ROWS; row += 1) {
      const value = grid[index][row];
      const [r, g, b] = value > 0 ? [213, 94, 0] : [0, 114, 178];
      const alpha = 235 * Math.min(1, Math.abs(value) / full) ** 1.2;
      for (let x = from; x < to; x += 1) {
        const at = 4 * ((RELEVANCE_ROWS - 1 - row) * width + x);
        image.data.set([r, g, b, alpha], at);
      }
    }
  });
  context.putImageData(image, 0, 0);
  const freqs = analysis.spectra?.freqsHz ?? new Float64Array([0, 1]);
  return { image: canvas, lowHz: freqs[0], highHz: freqs[freqs.length - 1] };
}
