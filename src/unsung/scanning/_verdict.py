# SPDX-License-Identifier: MIT
"""Fills a score with what was measured and decided: verdict, family, comb, stretches, stability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from unsung.runtime import decide
from unsung.runtime.stable import LEAST, agreeing
from unsung.scanning._comb import with_comb
from unsung.scanning.segments import segments_of
from unsung.types import Evidence, Score, Verdict

if TYPE_CHECKING:
    from unsung.runtime import Analysis, Bundle
    from unsung.scanning.settings import Settings

__all__ = ["judged"]


def judged(
    score: Score,
    bundle: Bundle,
    analysis: Analysis,
    settings: Settings,
    stability: Mapping[str, float | None] | None = None,
    *,
    doubt: str = "",
) -> Score:
    """Return the score with everything that follows from an analysis.

    Args:
        score: what is known of the file.
        bundle: the detector.
        analysis: what it measured.
        settings: the options of the scan.
        stability: logit under each small change, where the scan asked for it.
        doubt: why the sound cannot show that it is free of traces; traces found stand.
    """
    verdict, reason, llr_nats, probability = decide(
        bundle, analysis, settings.false_alarm_rate, settings.prior
    )
    if stability is not None and verdict == "ai":
        limit = bundle.thresholds(settings.false_alarm_rate, analysis.covered_s).ai_logit
        verdict, reason = _stable(stability, limit)
    if doubt and verdict == "human":
        verdict, reason = "undecided", doubt
    end_s = score.duration_s or analysis.covered_s
    return replace(
        score,
        windows=analysis.windows,
        logit=analysis.logit,
        llr_nats=llr_nats,
        probability=probability,
        verdict=verdict,
        reason=reason,
        family=analysis.family if verdict == "ai" else None,
        evidence=_evidence(bundle, analysis, wanted=verdict == "ai" or settings.picture),
        covered_s=analysis.covered_s,
        segments=segments_of(bundle, analysis.windows, end_s) if not analysis.reason else (),
        stability=dict(stability or {}),
    )


def _stable(stability: Mapping[str, float | None], ai_logit: float | None) -> tuple[Verdict, str]:
    """Return the verdict AI if enough changes agree, else an open one with the reason."""
    agree = agreeing(stability, ai_logit)
    if len(agree) >= LEAST:
        return "ai", ""
    against = ", ".join(name for name in stability if name not in agree)
    return "undecided", (
        f"AI as it is, but not stable: {len(agree)} of {len(stability)} small changes agree and "
        f"{LEAST} are needed; not under: {against}"
    )


def _evidence(bundle: Bundle, analysis: Analysis, *, wanted: bool) -> Evidence | None:
    if analysis.evidence is None or analysis.residual is None or not wanted:
        return analysis.evidence
    axis = bundle.front_ends[int(bundle.info["reference"])].freqs_hz
    return with_comb(analysis.evidence, analysis.residual, axis)
