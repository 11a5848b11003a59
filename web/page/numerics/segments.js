// SPDX-License-Identifier: MIT
/**
 * Finds the stretches of a track that measure like AI, from its window logits: the twin of
 * `unsung.scanning.segments`, which says how its constants were chosen.
 */

import { median } from "./arrays.js";
import { stratum, thresholds } from "./decide.js";
import { rounded } from "./text.js";

/**
 * @typedef {{rate: number, level: number, switch: number, most: number, gap: number}} SegmentValues
 * @typedef {{start_s: number, end_s: number, logit: number}} Segment
 * @typedef {[number, number][]} Windows start in seconds and logit, in order
 */

/**
 * AI-like stretches; none where the calibration gives no threshold.
 * @param {import("./decide.js").Calibration} whole
 * @param {Windows} windows
 * @param {number} endS end of what was heard
 * @param {number} windowS
 * @param {SegmentValues} values
 * @returns {Segment[]}
 */
export function segmentsOf(whole, windows, endS, windowS, values) {
  const calibration = stratum(whole, windowS);
  const { ai } = thresholds(calibration, values.rate);
  if (ai === null || !calibration.human_logits.length) return [];
  const human = median(calibration.human_logits);
  /** @param {[number, number]} window What it says for AI; 0 is neither. */
  const speaks = ([, logit]) => {
    const place = (logit - human) / Math.max(ai - human, 1e-6);
    return Math.max(-values.most, Math.min(values.most, place - values.level));
  };
  return connected(windows, values.gap * windowS).flatMap(([from, to]) => {
    const part = windows.slice(from, to);
    return stretches(part.map(speaks), values.switch).map(([first, last]) => {
      const inside = part.slice(first, last + 1);
      const end = last + 1 < part.length ? part[last + 1][0] : to === windows.length ? endS : inside[inside.length - 1][0] + windowS;
      const logit = inside.reduce((sum, window) => sum + window[1], 0) / inside.length;
      return { start_s: inside[0][0], end_s: rounded(end, 3), logit: rounded(logit, 4) };
    });
  });
}

/**
 * First and next-to-last index of the parts between which nothing was heard.
 * @param {Windows} windows
 * @param {number} gapS
 * @returns {[number, number][]}
 */
function connected(windows, gapS) {
  const cuts = windows.flatMap(([start], i) => (i && start - windows[i - 1][0] > gapS ? [i] : []));
  const edges = [0, ...cuts, windows.length];
  return edges.slice(1).map((to, i) => /** @type {[number, number]} */ ([edges[i], to]));
}

/**
 * First and last window of each AI stretch of the best path (Viterbi, two states).
 * @param {number[]} evidence
 * @param {number} price of each change of state
 * @returns {[number, number][]}
 */
function stretches(evidence, price) {
  let [human, ai] = [0, -price]; // before the first window: the price of starting in AI is paid
  /** @type {[boolean, boolean][]} */
  const came = [];
  evidence.forEach((value, index) => {
    const fromAi = index > 0 && ai - price > human;
    const stays = index === 0 || ai >= human - price;
    came.push([fromAi, stays]);
    [human, ai] = [fromAi ? ai - price : human, (stays ? ai : human - price) + value];
  });
  let inAi = ai - price > human;
  /** @type {[number, number][]} */
  const found = [];
  for (let index = evidence.length - 1; index >= 0; index -= 1) {
    if (inAi && found[0]?.[0] === index + 1) found[0][0] = index;
    else if (inAi) found.unshift([index, index]);
    inAi = came[index][inAi ? 1 : 0];
  }
  return found;
}
