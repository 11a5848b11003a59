# SPDX-License-Identifier: MIT
"""What each condition does to a detector: every number with its interval over groups of tracks.

Names. ``auc``, ``eer``, ``min_cllr``; ``detection_at_0.05`` and ``_0.01`` at a threshold set on the
condition's own human tracks (left out when that share is less than one track). At the detector's
unchanged threshold: ``detection`` and ``false_alarms`` (AI and human tracks at or above it);
``verdict_detection`` and ``verdict_false_alarms`` after tracks that cannot carry the evidence were
set aside, whose shares are ``undecided_ai`` and ``undecided_human`` (all undecided tracks). Against
the same tracks without attack: ``score_shift_ai``, ``score_shift_human`` (mean change of the logit)
and ``cllr_change``. Calibration as shipped: ``cllr`` in bits, ``ece`` (15 bins, even prior).

Intervals resample groups (pages), 1000 times, the same draws for every condition. A share of 0 or 1
in every draw gets the exact interval for that many groups; one group alone gives no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unsung.evaluation import (
    bootstrap_difference,
    bootstrap_interval,
    cllr,
    detection_rate_at,
    ece,
    eer,
    llr_to_probability,
    min_cllr,
    roc_auc,
)
from unsung.evaluation.discrimination import allowed_alarms
from unsung.evaluation.proportions import Interval, clopper_pearson
from unsung.evaluation.weighted import (
    ManyMetric,
    auc_many,
    cllr_many,
    detection_rate_many,
    rate_above_many,
)
from unsung.reproduce.views import View

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "Draw",
    "Found",
    "Mask",
    "both",
    "bound",
    "share_above",
    "without_bounds",
]

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Draw: TypeAlias = Mapping[str, Any]
"""Keywords of the bootstrap: replicates and seed."""
Found: TypeAlias = Iterator[tuple[str, Interval, Mask]]
"""Name, number and the tracks it is about."""
Maker: TypeAlias = Callable[[View, Draw], Found]


def both(y: NDArray[np.int64], keep: Mask) -> bool:
    """Say whether the tracks kept hold both classes."""
    return len(set(y[keep].tolist())) == 2


def _plain(
    name: str,
    metric: Callable[[ArrayLike, ArrayLike], float],
    values: Callable[[View], Floats],
    many: ManyMetric | None = None,
) -> Maker:
    def make(view: View, draw: Draw) -> Found:
        keep, found = view.scored, values(view)
        if both(view.y, keep) and np.isfinite(found).any():
            y, s, g = view.y[keep], found[keep], view.groups[keep]
            yield name, bootstrap_interval(metric, y, s, g, many=many, **draw), keep

    return make


def _own_threshold(rate: float) -> Maker:
    def make(view: View, draw: Draw) -> Found:
        keep = view.scored
        if both(view.y, keep) and allowed_alarms(int((view.y[keep] == 0).sum()), rate) >= 1:
            y, s, g = view.y[keep], view.logit[keep], view.groups[keep]
            span = bootstrap_interval(
                lambda a, b: detection_rate_at(a, b, rate),
                y, s, g, many=detection_rate_many(rate), **draw,
            )  # fmt: skip
            yield f"detection_at_{rate:g}", _exact(span, g[y == 1]), keep

    return make


def _share(name: str, label: int, values: Callable[[View], Floats], least: float) -> Maker:
    """Make the share of one class whose value is at least a constant."""

    def make(view: View, draw: Draw) -> Found:
        s = values(view)
        keep = np.isfinite(s)
        if both(view.y, keep):
            y, g = view.y[keep], view.groups[keep]
            yield (
                name,
                share_above(y, s[keep], g, label=label, least=least, draw=draw),
                keep & (view.y == label),
            )

    return make


def share_above(
    y: NDArray[np.int64], s: Floats, g: NDArray[np.str_], *, label: int, least: float, draw: Draw
) -> Interval:
    """Return the share of one class whose value is at least a constant. Shape: ``[track]`` ×3."""
    span = bootstrap_interval(
        lambda a, b: float(np.mean(b[a == label] >= least)),
        y, s, g, many=rate_above_many(least, label), **draw,
    )  # fmt: skip
    return _exact(span, g[y == label])


def _exact(span: Interval, groups: NDArray[np.str_]) -> Interval:
    if len(set(groups)) == 1:
        return without_bounds(span)
    if span.low == span.high and span.value in (0.0, 1.0):
        n = len(set(groups))
        return clopper_pearson(round(span.value * n), n)
    return span


def without_bounds(span: Interval) -> Interval:
    """Drop the bounds: one group cannot say how far another would differ."""
    return Interval(span.value, math.nan, math.nan)


def bound(value: float, digits: int) -> float | None:
    """Return a rounded end of an interval; None where there is none."""
    return None if math.isnan(value) else round(value, digits)


def _shift(name: str, label: int) -> Maker:
    def many(labels: ArrayLike, scores: ArrayLike, weights: NDArray[np.integer]) -> Floats:
        own = (np.asarray(labels) == label).astype(np.float64)
        total = weights @ (own * np.asarray(scores))
        return np.asarray(total / (weights @ own), dtype=np.float64)

    def make(view: View, draw: Draw) -> Found:
        keep = view.scored
        if both(view.y, keep):
            y, g = view.y[keep], view.groups[keep]
            span = bootstrap_difference(
                lambda a, b: float(np.mean(b[a == label])),
                y, view.logit[keep], view.clean[keep], g, many=many, **draw,
            )  # fmt: skip
            yield name, span, keep & (view.y == label)

    return make


def _cllr_change(view: View, draw: Draw) -> Found:
    keep = view.scored
    if both(view.y, keep) and view.calibrated:
        y, g = view.y[keep], view.groups[keep]
        span = bootstrap_difference(
            cllr, y, view.llr[keep], view.clean_llr[keep], g, many=cllr_many, **draw
        )
        yield "cllr_change", span, keep


def _ece(labels: ArrayLike, llr_nats: ArrayLike) -> float:
    return ece(labels, llr_to_probability(llr_nats, 0.5))


METRICS: Mapping[str, Maker] = {
    "auc": _plain("auc", roc_auc, lambda v: v.logit, auc_many),
    "eer": _plain("eer", eer, lambda v: v.logit),
    "detection_at_0.05": _own_threshold(0.05),
    "detection_at_0.01": _own_threshold(0.01),
    "detection": _share("detection", 1, lambda v: v.margin, 0.0),
    "false_alarms": _share("false_alarms", 0, lambda v: v.margin, 0.0),
    "verdict_detection": _share("verdict_detection", 1, lambda v: v.called_ai, 0.5),
    "verdict_false_alarms": _share("verdict_false_alarms", 0, lambda v: v.called_ai, 0.5),
    "undecided_ai": _share("undecided_ai", 1, lambda v: v.undecided, 0.5),
    "undecided_human": _share("undecided_human", 0, lambda v: v.undecided, 0.5),
    "score_shift_ai": _shift("score_shift_ai", 1),
    "score_shift_human": _shift("score_shift_human", 0),
    "cllr": _plain("cllr", cllr, lambda v: v.llr, cllr_many),
    "cllr_change": _cllr_change,
    "ece": _plain("ece", _ece, lambda v: v.llr),
    "min_cllr": _plain("min_cllr", min_cllr, lambda v: v.logit),
}
"""Every metric an experiment may name."""

DEFAULT_METRICS = tuple(METRICS)
