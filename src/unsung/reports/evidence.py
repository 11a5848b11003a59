# SPDX-License-Identifier: MIT
"""The exact sum behind the logit, as rows of tables: what adds how much, and for which side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unsung.reports.residual import peak_side
from unsung.reports.words import number, odds, percent
from unsung.runtime.decide import probability as posterior
from unsung.types import Evidence, Peak, Score

__all__ = ["BaseRate", "PeakRow", "Sum", "SumRow", "base_rates", "odds_text", "peak_rows", "sum_up"]

MOST_TERMS, MOST_PEAKS = 24, 40
PRIORS = (0.01, 0.1, 0.5)

_UNEXPLAINED = 0.005
"""Smallest difference that shows in two decimals: below it the sum is the logit."""


@dataclass(frozen=True)
class SumRow:
    """One addend; the bar runs from ``left`` over ``width`` percent, zero stands at 50."""

    name: str
    value: str
    side: str
    left: float
    width: float


@dataclass(frozen=True)
class Sum:
    """Baseline + terms (+ what the linear part does not explain) = logit."""

    baseline: str
    rows: tuple[SumRow, ...]
    linear: str
    rest: str
    total: str


@dataclass(frozen=True)
class PeakRow:
    """A peak, ready for the table."""

    hz: float
    height_db: float
    contribution: float
    side: str


@dataclass(frozen=True)
class BaseRate:
    """What the probability would be if a share ``prior`` of all tracks were AI-generated."""

    prior: str
    probability: str
    assumed: bool


def sum_up(evidence: Evidence | None, logit: float | None) -> Sum | None:
    """Return the sum behind a logit, the largest terms first, small ones in one row."""
    if evidence is None or (evidence.baseline is None and not evidence.terms):
        return None
    terms = sorted(evidence.terms.items(), key=lambda item: -abs(item[1]))
    shown, small = terms[:MOST_TERMS], terms[MOST_TERMS:]
    if small:
        shown.append((f"{len(small)} smaller terms together", sum(v for _, v in small)))
    reach = max((abs(v) for _, v in shown), default=0.0) or 1.0
    baseline = evidence.baseline or 0.0
    linear = baseline + sum(evidence.terms.values())
    total = linear if logit is None else logit
    rest = total - linear
    return Sum(
        baseline=number(baseline, 3, signed=True),
        rows=tuple(_row(name, value, reach) for name, value in shown),
        linear=number(linear, 3, signed=True),
        rest=number(rest, 3, signed=True) if abs(rest) >= _UNEXPLAINED else "",
        total=number(total, 3, signed=True),
    )


def peak_rows(peaks: Sequence[Peak]) -> tuple[PeakRow, ...]:
    """Return the peaks with the largest contribution first, at most `MOST_PEAKS`."""
    ranked = sorted(peaks, key=lambda peak: -abs(peak.contribution))[:MOST_PEAKS]
    return tuple(
        PeakRow(p.hz, p.height_db, p.contribution, peak_side(p.contribution)) for p in ranked
    )


def base_rates(score: Score) -> tuple[BaseRate, ...]:
    """Return the probability under several shares of AI; empty without a likelihood ratio."""
    llr = score.llr_nats
    if llr is None:
        return ()
    priors = set(PRIORS)
    if score.prior is not None and 0.0 < score.prior < 1.0:
        priors.add(score.prior)
    return tuple(
        BaseRate(percent(p), percent(posterior(llr, p), 1), p == score.prior)
        for p in sorted(priors)
    )


def odds_text(score: Score) -> str:
    """Return the likelihood ratio in words, or nothing without calibration."""
    return "" if score.llr_nats is None else odds(score.llr_nats)


def _row(name: str, value: float, reach: float) -> SumRow:
    width = round(50.0 * abs(value) / reach, 2)
    left = 50.0 if value >= 0 else round(50.0 - width, 2)
    return SumRow(name, number(value, 3, signed=True), peak_side(value), left, width)
