// SPDX-License-Identifier: MIT
/**
 * What the page says: numbers and verdicts in the words of `unsung.reports.words`, whose sentences
 * come with the constants. A probability is never said without its calibration set and its prior.
 */

import { UNKNOWN } from "./numerics/attribution.js";
import { stratum, thresholds } from "./numerics/decide.js";

/**
 * @typedef {{statements: Record<string, {headline: string, text: string, caution: string}>,
 *   rate: string, no_rate: string, family: string, no_family: string, stretches: string,
 *   all_ai: string, advice: Record<string, string>, other_advice: string}} WordTable
 * @typedef {{key: string, headline: string, text: string, rate: string, caution: string}} Statement
 */

const NARROW_SPACE = "\u202f";
const MINUS = "\u2212";

/**
 * A number with a true minus sign and thin spaces between thousands.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 * @param {boolean} [signed]
 */
export function number(value, digits = 2, signed = false) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const [whole, part] = Math.abs(value).toFixed(digits).split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE) + (part ? `.${part}` : "");
  if (!/[1-9]/.test(text)) return text;
  return (value < 0 ? MINUS : signed ? "+" : "") + text;
}

/**
 * A share in percent, never rounded to certainty.
 * @param {number | null | undefined} share
 * @param {number | null} [digits] null takes one where it says something
 */
export function percent(share, digits = null) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  if (share === 0 || share === 1 || (share >= 0.001 && share <= 0.999)) {
    const places = digits ?? (Math.abs(100 * share - Math.round(100 * share)) > 0.049 ? 1 : 0);
    return `${(100 * share).toFixed(places)}${NARROW_SPACE}%`;
  }
  return `${share < 0.5 ? "<" : ">"}${NARROW_SPACE}${share < 0.5 ? 0.1 : 99.9}${NARROW_SPACE}%`;
}

/**
 * A time as m:ss or h:mm:ss.
 * @param {number | null | undefined} seconds
 */
export function clock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const two = (/** @type {number} */ v) => String(v).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** @param {number} value */
export const hertz = (value) => `${number(value, value >= 100 ? 0 : 1)}${NARROW_SPACE}Hz`;

/**
 * A reason as a sentence.
 * @param {string} text
 */
export const capital = (text) =>
  text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/**
 * Which side a contribution speaks for.
 * @param {number} contribution
 */
export const side = (contribution) => (contribution === 0 ? "neither" : contribution > 0 ? "AI" : "human");

export class Words {
  /**
   * @param {import("./bundle.js").Constants} constants
   * @param {import("./bundle.js").Bundle} bundle
   */
  constructor(constants, bundle) {
    this.table = constants.words;
    this.bundle = bundle;
  }

  /**
   * What a score says at its top.
   * @param {Pick<import("./score.js").Score, "verdict" | "reason" | "logit" | "false_alarm_rate" | "error" | "covered_s">} score
   * @returns {Statement}
   */
  statement(score) {
    const key = verdictKey(score);
    const { headline, text, caution } = this.table.statements[key];
    return {
      key,
      headline,
      text: (key === "failed" ? score.error?.message || score.reason : key === "undecided" ? score.reason : "") || text,
      rate: key === "failed" || key === "unrated" ? "" : this.rate(score.false_alarm_rate, score.covered_s),
      caution,
    };
  }

  /**
   * @param {number} rate
   * @param {number | null} coveredS
   */
  rate(rate, coveredS) {
    const { guarantee } = thresholds(stratum(this.bundle.calibration, coveredS), rate);
    const template = guarantee.startsWith("not available") ? this.table.no_rate : this.table.rate;
    return template
      .replace("{rate}", () => percent(rate))
      .replace("{guarantee}", () => guarantee)
      .replace("{set}", () => this.bundle.calibration.name);
  }

  /**
   * Which family of decoders an AI track resembles, or that it resembles none well.
   * @param {string | null} family
   */
  family(family) {
    if (family === null) return "";
    return family === UNKNOWN ? this.table.no_family : this.table.family.replace("{family}", () => family);
  }

  /**
   * Which stretches measure like AI; empty where there are none.
   * @param {Pick<import("./score.js").Score, "segments" | "duration_s">} score
   */
  stretches({ segments, duration_s: durationS }) {
    if (!segments.length) return "";
    const [whole] = segments;
    if (segments.length === 1 && durationS && whole.end_s - whole.start_s > 0.95 * durationS) return this.table.all_ai;
    const parts = segments.map((part) => `${clock(part.start_s)} to ${clock(part.end_s)}`);
    const last = parts[parts.length - 1];
    const listed = parts.length === 1 ? last : `${parts.slice(0, -1).join(", ")} and ${last}`;
    return this.table.stretches.replace("{stretches}", () => listed);
  }

  /**
   * A log-likelihood ratio as odds.
   * @param {number} llrNats
   */
  odds(llrNats) {
    const [one, other] = llrNats >= 0 ? ["AI-generated", "human"] : ["human", "AI-generated"];
    const times = Math.exp(Math.min(Math.abs(llrNats), 50));
    if (times < 1.05) return "The sound is about as likely in human as in AI-generated tracks.";
    const factor = times >= 1000 ? "more than 1000" : times.toFixed(times >= 10 ? 0 : 1);
    return `Such a score is ${factor} times likelier for ${one} tracks than for ${other} ones.`;
  }

  /**
   * What to do about an error.
   * @param {string} type
   */
  advice(type) {
    return this.table.advice[type] ?? this.table.other_advice;
  }
}

/**
 * @param {{verdict: string | null, logit: number | null, error: object | null}} score
 * @returns {"ai" | "human" | "undecided" | "failed" | "unrated"}
 */
export function verdictKey(score) {
  // The twin of `Score.state`: a verdict counts unless an error left nothing to measure.
  if (score.verdict !== null && (score.error === null || score.logit !== null)) return /** @type {any} */ (score.verdict);
  return score.error !== null || score.logit === null ? "failed" : "unrated";
}
