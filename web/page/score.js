// SPDX-License-Identifier: MIT
/** One scanned track with the field names of `unsung.types.Score`: what the page shows and exports. */

import { decide } from "./numerics/decide.js";
import { segmentsOf } from "./numerics/segments.js";

/**
 * @typedef {import("./numerics/analyzer.js").Analysis} Analysis
 * @typedef {{
 *   path: string, sha256: string, duration_s: number | null, detector: string,
 *   windows: [number, number][], logit: number | null, llr_nats: number | null,
 *   probability: number | null, prior: number, calibration: string,
 *   verdict: "human" | "ai" | "undecided" | null, reason: string, false_alarm_rate: number,
 *   family: string | null, evidence: import("./numerics/evidence.js").Evidence | null, covered_s: number,
 *   sample_rate_hz: number | null, channels: number | null, codec: string, provenance: never[],
 *   error: {type: string, message: string} | null,
 *   segments: import("./numerics/segments.js").Segment[], stability: Record<string, number>,
 *   notes: string[],
 * }} Score
 * @typedef {{name: string, sha256: string, rateHz: number | null, channels: number | null,
 *   codec: string, durationS: number | null, notes?: string[], looks?: number}} Facts
 * @typedef {{falseAlarmRate: number, prior: number}} Settings
 */

/**
 * @param {{detector: string, calibration: import("./numerics/decide.js").Calibration,
 *   windowS: number, constants: import("./bundle.js").Constants}} bundle
 * @param {Facts} facts looks: how often live sound is looked at in all, which share the stated rate
 * @param {Analysis | null} analysis null where the sound cannot be judged; what is left of a cut file can
 * @param {Settings} settings
 * @param {{type: string, message: string} | null} error
 * @returns {Score}
 */
export function makeScore(bundle, facts, analysis, settings, error) {
  const rate = settings.falseAlarmRate / (facts.looks ?? 1);
  const judged =
    analysis
      ? decide(bundle.calibration, analysis, rate, settings.prior)
      : { verdict: null, reason: "", llr_nats: null, probability: null };
  const endS = facts.durationS || (analysis?.coveredS ?? 0);
  const segments =
    analysis && !analysis.reason
      ? segmentsOf(bundle.calibration, analysis.windows, endS, bundle.windowS, bundle.constants.segments)
      : [];
  return {
    path: facts.name,
    sha256: facts.sha256,
    duration_s: facts.durationS,
    detector: bundle.detector,
    windows: analysis?.windows ?? [],
    logit: analysis?.logit ?? null,
    llr_nats: judged.llr_nats,
    probability: judged.probability,
    prior: settings.prior,
    calibration: bundle.calibration.name,
    verdict: judged.verdict,
    reason: judged.reason,
    false_alarm_rate: rate,
    family: judged.verdict === "ai" ? (analysis?.family ?? null) : null,
    evidence: analysis?.evidence ?? null,
    covered_s: analysis?.coveredS ?? 0,
    sample_rate_hz: facts.rateHz,
    channels: facts.channels,
    codec: facts.codec,
    provenance: [],
    error,
    segments,
    stability: {}, // what `unsung scan --robust` measures; the page does not
    notes: facts.notes ?? [],
  };
}
