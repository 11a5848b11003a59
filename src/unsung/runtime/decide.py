# SPDX-License-Identifier: MIT
"""From a logit to a verdict at a stated false-alarm rate.

The AI threshold is the split-conformal order statistic of human calibration recordings: with n
exchangeable recordings, the ceil((n + 1)(1 − rate))-th smallest logit is exceeded by a new human
recording with probability at most `rate` (Vovk, Gammerman and Shafer, "Algorithmic Learning in a
Random World", 2005). Where n < 1 / rate − 1 no finite threshold has that guarantee and none is
made up. The human threshold is the same statistic of AI recordings at the stated miss rate.

The logits of a packaged calibration are out of fold: sister models scored pages that they had not
seen, the shipped model learned from all of them. The rate is then cross-conformal: close to the
stated one, checked with thresholds from other folds, but not the exact finite-sample promise that
`unsung calibrate` gives on music that the model never saw.

A song says more than an excerpt: its windows agree or they do not. Calibrations are therefore kept
by how much was heard, and a promise holds within each stratum (Mondrian conformal prediction: Vovk,
"Conditional validity of inductive conformal predictors", Machine Learning 2013).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unsung.errors import UsageError
from unsung.evaluation.conformal import conformal_threshold
from unsung.types import Record, Verdict

if TYPE_CHECKING:
    from unsung.runtime.analyzer import Analysis
    from unsung.runtime.bundle import Bundle

__all__ = ["LOOKS_S", "Thresholds", "decide", "probability", "stratum", "thresholds"]


LOOKS_S = (15.0, 30.0, 60.0, 120.0)
"""Seconds heard at which a running verdict may change; the end of the sound is one more look.

Each look spends its part of the false-alarm rate (Bonferroni): whenever one stops listening, a
human recording was called AI at any look with probability at most the stated rate.
"""


@dataclass(frozen=True)
class Thresholds(Record):
    """Logits at and above which a track is called AI, and at and below which human."""

    ai_logit: float | None
    human_logit: float | None
    false_alarm_rate: float
    miss_rate: float
    n_human: int
    n_ai: int
    guarantee: str


def stratum(calibration: Mapping[str, Any], covered_s: float | None) -> dict[str, Any]:
    """Return the part of a calibration that was made on recordings of which as much was heard.

    A calibration without strata, or a track of which it is not known how much was heard, gives
    the whole.

    >>> record = {"scale": 1.0, "strata": [{"from_s": 0.0}, {"from_s": 15.0, "scale": 2.0}]}
    >>> stratum(record, 12.0)["scale"], stratum(record, 15.0)["scale"]
    (1.0, 2.0)
    """
    parts = calibration.get("strata")
    if not parts or covered_s is None:
        return dict(calibration)
    fitting = [part for part in parts if part["from_s"] <= covered_s]
    return {**calibration, **(fitting or parts)[-1 if fitting else 0]}


def thresholds(calibration: Mapping[str, Any], false_alarm_rate: float) -> Thresholds:
    """Return the thresholds of a calibration record for a stated false-alarm rate.

    Raises:
        UsageError: the rate is not between 0 and 0.5.
    """
    if not 0.0 < false_alarm_rate <= 0.5:
        raise UsageError(
            f"expected a false-alarm rate above 0 and up to 0.5, got {false_alarm_rate:g}; "
            "0.01 means that at most one human track in a hundred is called AI"
        )
    human, ai = calibration["human_logits"], calibration["ai_logits"]
    miss_rate = float(calibration["miss_rate"])
    above = conformal_threshold(human, false_alarm_rate) if human else None
    mirrored = conformal_threshold([-value for value in ai], miss_rate) if ai else None
    below = None if mirrored is None else -mirrored
    if above is not None and below is not None:
        # Never let the two verdicts overlap: human recordings have the first claim.
        below = min(below, above)
    words = (
        f"cross-conformal over {len(human)} human recordings{_heard(calibration)}"
        if above is not None
        else f"not available: {len(human)} human recordings{_heard(calibration)}, "
        f"{math.ceil(1 / false_alarm_rate - 1)} needed"
    )
    if "scale" not in calibration:
        words = "not available: the detector is not calibrated, see `unsung calibrate`"
    return Thresholds(above, below, false_alarm_rate, miss_rate, len(human), len(ai), words)


def _heard(calibration: Mapping[str, Any]) -> str:
    """Say how much was heard of a stratum's recordings."""
    if "from_s" not in calibration:
        return ""
    low, high = calibration["from_s"], calibration.get("to_s")
    if high is None:
        return f" of {low:g} s and more"
    return f" of {low:g} to {high:g} s" if low else f" of less than {high:g} s"


def probability(llr_nats: float, prior: float) -> float:
    """Return the probability of AI from a log-likelihood ratio and the assumed share of AI."""
    log_odds = llr_nats + math.log(prior / (1.0 - prior))
    return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, log_odds))))


def decide(
    bundle: Bundle, analysis: Analysis, false_alarm_rate: float, prior: float
) -> tuple[Verdict, str, float | None, float | None]:
    """Return ``(verdict, reason, llr_nats, probability)`` of one measured track.

    The reason is empty for a decided track. Sound that cannot carry the evidence is undecided. A
    logit without calibration has no likelihood ratio, and a verdict only by thresholds of one's own
    (`unsung calibrate`).

    Raises:
        UsageError: the prior is not between 0 and 1.
    """
    if not 0.0 < prior < 1.0:
        raise UsageError(
            f"expected a prior between 0 and 1, got {prior:g}; it is the share of AI tracks that "
            "you expect before listening"
        )
    limits = bundle.thresholds(false_alarm_rate, analysis.covered_s)
    if analysis.logit is None:
        return "undecided", analysis.reason or "nothing to measure", None, None
    llr = bundle.calibrate(analysis.logit, analysis.covered_s) if bundle.calibrated else None
    chance = None if llr is None else probability(llr, prior)
    if analysis.reason:
        return "undecided", analysis.reason, llr, chance
    if limits.ai_logit is not None and analysis.logit >= limits.ai_logit:
        return "ai", "", llr, chance
    if limits.human_logit is not None and analysis.logit <= limits.human_logit:
        return "human", "", llr, chance
    if limits.ai_logit is None:
        reason = (
            f"no threshold with a guarantee at {false_alarm_rate:g} false alarms "
            f"({limits.guarantee})"
        )
        return "undecided", reason, llr, chance
    return "undecided", "the evidence lies between the human and the AI threshold", llr, chance
