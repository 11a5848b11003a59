// SPDX-License-Identifier: MIT
/** Colours of the style sheet for canvases, colour maps, and axes. */

/**
 * @typedef {{paper: string, panel: string, ink: string, soft: string, line: string, grid: string,
 *   ai: string, aiInk: string, aiTint: string, human: string, humanInk: string, humanTint: string,
 *   neutral: string, neutralTint: string}} Theme
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 */

/**
 * Read the colours in force (light, dark or print).
 * @param {Element} element
 * @returns {Theme}
 */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const get = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: get("paper"),
    panel: get("panel"),
    ink: get("ink"),
    soft: get("soft"),
    line: get("line"),
    grid: get("grid"),
    ai: get("ai"),
    aiInk: get("ai-ink"),
    aiTint: get("ai-tint"),
    human: get("human"),
    humanInk: get("human-ink"),
    humanTint: get("human-tint"),
    neutral: get("neutral"),
    neutralTint: get("neutral-tint"),
  };
}

/** Nine points of cividis (Nuñez, Anderton and Renslow, 2018): even lightness for all colour vision. */
const CIVIDIS = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [225, 204, 85],
  [254, 232, 56],
];

/**
 * Colours from quiet to loud. Shape: `[256 * 3]`.
 * @returns {Uint8Array}
 */
export function colourMap() {
  const map = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i += 1) {
    const place = (i / 255) * (CIVIDIS.length - 1);
    const low = Math.min(CIVIDIS.length - 2, Math.floor(place));
    for (let c = 0; c < 3; c += 1) {
      map[3 * i + c] = CIVIDIS[low][c] + (place - low) * (CIVIDIS[low + 1][c] - CIVIDIS[low][c]);
    }
  }
  return map;
}

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';

/**
 * Round steps that cut a span into at most `most` parts.
 * @param {number} span
 * @param {number} most
 */
export function roundStep(span, most) {
  const rough = span / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((v) => v * unit).find((v) => v >= rough - 1e-12) ?? 10 * unit;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} most
 */
export function ticks(low, high, most) {
  const step = roundStep(high - low, most);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) found.push(i * step);
  return found;
}

/**
 * Round times of a track.
 * @param {number} endS
 * @param {number} most
 */
export function timeTicks(endS, most) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];
  const step = steps.find((v) => v * most >= endS) ?? 7200;
  return Array.from({ length: Math.floor(endS / step + 1e-9) + 1 }, (_, i) => i * step);
}

/**
 * Prepare a canvas for its CSS size and the screen's density; returns a context in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
function prepare(canvas, width, height) {
  const density = Math.max(1, Math.min(3, globalThis.devicePixelRatio || 1));
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.height = `${height}px`;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/**
 * Paint a canvas at the width that it has on the page.
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 * @param {(context: CanvasRenderingContext2D, width: number) => void} paint
 */
export function draw(canvas, height, paint) {
  const width = canvas.clientWidth || 640;
  paint(prepare(canvas, width, height), width);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {{colour: string, align?: CanvasTextAlign, size?: number, weight?: number, halo?: string}} look
 */
export function write(context, text, x, y, { colour, align = "left", size = 11, weight = 400, halo }) {
  context.font = `${weight} ${size}px ${FONT}`;
  context.textAlign = align;
  context.textBaseline = "alphabetic";
  if (halo) {
    context.strokeStyle = halo;
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeText(text, x, y);
  }
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

/**
 * A line of whole pixels.
 * @param {CanvasRenderingContext2D} context
 * @param {number[]} points x and y in turn
 * @param {string} colour
 * @param {number} [width]
 * @param {number[]} [dash]
 */
export function stroke(context, points, colour, width = 1, dash = []) {
  context.beginPath();
  for (let i = 0; i < points.length; i += 2) {
    if (i) context.lineTo(points[i], points[i + 1]);
    else context.moveTo(points[i], points[i + 1]);
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}
