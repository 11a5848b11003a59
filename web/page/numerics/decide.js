// SPDX-License-Identifier: MIT
/** From a logit to a verdict at a stated false-alarm rate: the twin of `unsung.runtime.decide`. */

import { nextAfter } from "./arrays.js";

/**
 * @typedef {{name: string, scale: number, shift: number, prior: number, miss_rate: number,
 *   human_logits: number[], ai_logits: number[], n_human?: number, n_ai?: number,
 *   n_groups?: number, from_s?: number, to_s?: number | null, strata?: Partial<Calibration>[]}} Calibration
 * @typedef {{ai: number | null, human: number | null, rate: number, nHuman: number, nAi: number,
 *   guarantee: string}} Thresholds
 * @typedef {"human" | "ai" | "undecided"} Verdict
 */

/**
 * The score that a new human recording passes with probability at most `rate`; null for too few.
 * @param {number[]} scores
 * @param {number} rate
 */
function conformal(scores, rate) {
  const sorted = Float64Array.from(scores).sort();
  const rank = Math.ceil((sorted.length + 1) * (1 - rate) - 1e-9);
  return rank > sorted.length ? null : nextAfter(sorted[rank - 1]);
}

/**
 * The part of a calibration that was made on recordings of which as much was heard.
 * @param {Calibration} calibration
 * @param {number | null} coveredS null: the whole
 * @returns {Calibration}
 */
export function stratum(calibration, coveredS) {
  const parts = calibration.strata;
  if (!parts || coveredS === null) return calibration;
  const fitting = parts.filter((part) => (part.from_s ?? 0) <= coveredS);
  return { ...calibration, ...(fitting.length ? fitting[fitting.length - 1] : parts[0]) };
}

/**
 * How much was heard of a stratum's recordings.
 * @param {Calibration} calibration
 */
function heard({ from_s: low, to_s: high }) {
  if (low === undefined) return "";
  if (high === null || high === undefined) return ` of ${low} s and more`;
  return low ? ` of ${low} to ${high} s` : ` of less than ${high} s`;
}

/**
 * Logits at and above which a track is called AI, and at and below which human.
 * @param {Calibration} calibration
 * @param {number} rate
 * @returns {Thresholds}
 */
export function thresholds(calibration, rate) {
  if (!(rate > 0 && rate <= 0.5)) {
    throw new RangeError(`expected a false-alarm rate above 0 and up to 0.5, got ${rate}`);
  }
  const { human_logits: human, ai_logits: ai } = calibration;
  const above = conformal(human, rate);
  const mirrored = conformal(ai.map((v) => -v), calibration.miss_rate);
  let below = mirrored === null ? null : -mirrored;
  // Never let the two verdicts overlap: human recordings have the first claim.
  if (above !== null && below !== null) below = Math.min(below, above);
  const guarantee =
    above !== null
      ? `cross-conformal over ${human.length} human recordings${heard(calibration)}`
      : `not available: ${human.length} human recordings${heard(calibration)}, ${Math.ceil(1 / rate - 1)} needed`;
  return { ai: above, human: below, rate, nHuman: human.length, nAi: ai.length, guarantee };
}

/**
 * The probability of AI from a log-likelihood ratio and the assumed share of AI.
 * @param {number} llrNats
 * @param {number} prior
 */
export function probability(llrNats, prior) {
  const logOdds = llrNats + Math.log(prior / (1 - prior));
  return 1 / (1 + Math.exp(-Math.max(-700, Math.min(700, logOdds))));
}

/**
 * How many looks at running sound were taken after so much of it. A verdict changes at a look only,
 * and each look, the end of the sound among them, spends its part of the false-alarm rate: whenever
 * one stops, a human recording was called AI at any of them with probability at most the stated one.
 * @param {number[]} looksS
 * @param {number} coveredS
 */
export const looksAt = (looksS, coveredS) => looksS.filter((second) => second <= coveredS).length;

/**
 * @param {Calibration} whole
 * @param {{logit: number | null, reason: string, coveredS: number, doubt?: string}} analysis
 * @param {number} rate
 * @param {number} prior
 * @returns {{verdict: Verdict, reason: string, llr_nats: number | null, probability: number | null}}
 */
export function decide(whole, analysis, rate, prior) {
  if (!(prior > 0 && prior < 1)) throw new RangeError(`expected a prior between 0 and 1, got ${prior}`);
  const calibration = stratum(whole, analysis.coveredS);
  const limits = thresholds(calibration, rate);
  const { logit } = analysis;
  if (logit === null) {
    const reason = analysis.reason || "nothing to measure";
    return { verdict: "undecided", reason, llr_nats: null, probability: null };
  }
  const llr = calibration.scale * logit + calibration.shift;
  const found = { llr_nats: llr, probability: probability(llr, prior) };
  if (analysis.reason) return { verdict: "undecided", reason: analysis.reason, ...found };
  if (limits.ai !== null && logit >= limits.ai) return { verdict: "ai", reason: "", ...found };
  const human = limits.human !== null && logit <= limits.human;
  if (human && analysis.doubt) return { verdict: "undecided", reason: analysis.doubt, ...found };
  if (human) return { verdict: "human", reason: "", ...found };
  const reason =
    limits.ai === null
      ? `no threshold with a guarantee at ${rate} false alarms (${limits.guarantee})`
      : "the evidence lies between the human and the AI threshold";
  return { verdict: "undecided", reason, ...found };
}
