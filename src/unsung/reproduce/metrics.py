# SPDX-License-Identifier: MIT
"""What each condition does to a detector: every number with its interval over groups of tracks.

Names. ``auc``, ``eer``, ``min_cllr``; ``detection_at_0.05`` and ``_0.01`` at a threshold set on the
condition's own human tracks (left out when that share is less than one track). At the detector's
unchanged threshold: ``detection`` and ``false_alarms`` (AI and human tracks at or above it);
``verdict_detection`` and ``verdict_false_alarms`` after tracks that cannot carry the evidence were
set aside, whose shares are ``undecided_ai`` and ``undecided_human`` (all undecided tracks). Against
the same tracks without attack: ``score_shift_ai``, ``score_shift_human`` (mean change of the logit)
and ``cllr_change``. Calibration as shipped: ``cllr`` in bits, ``ece`` (15 bins, even prior).
``families`` adds ``auc[family=x]`` against all human tracks and ``detection[family=x]``, where the
family has at least five tracks.

Intervals resample groups (pages), 1000 times, the same draws for every condition. A share of 0 or 1
in every draw gets the exact interval for that many groups; one group alone gives no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unsung.errors import UsageError
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
from unsung.types import Result

__all__ = ["DEFAULT_METRICS", "METRICS", "measure"]

FAMILY_LEAST = 5
"""Tracks that a generator needs for numbers of its own: below, a share says nothing."""

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Draw: TypeAlias = Mapping[str, Any]
"""Keywords of the bootstrap: replicates and seed."""
Found: TypeAlias = Iterator[tuple[str, Interval, Mask]]
"""Name, number and the tracks it is about."""
Maker: TypeAlias = Callable[[View, Draw], Found]


def measure(
    found: Iterable[View],
    names: Sequence[str],
    *,
    experiment: str,
    dataset: str,
    hashes: tuple[str, str] = ("", ""),
    replicates: int = 1000,
) -> list[Result]:
    """Return every number of every view; one that a view cannot give is left out.

    Raises:
        UsageError: no view at all.
    """
    rows = []
    for view in found:
        for name in names:
            for metric, span, about in METRICS[name](view, {"replicates": replicates, "seed": 0}):
                bounds = (_bound(span.low), _bound(span.high))
                counts = (int(about.sum()), len(set(view.groups[about])))
                rows.append(
                    Result(
                        experiment, view.detector, dataset, view.condition, metric,
                        round(span.value, 6), *bounds, *counts, view.seed, *hashes,
                    )
                )  # fmt: skip
    if not rows:
        raise UsageError("expected scores of AI and human tracks, got none; see the errors")
    return [*rows, *_over_seeds(rows)]


def _over_seeds(rows: Sequence[Result]) -> Iterator[Result]:
    """Yield the mean over seeds where there are several; low and high are the extremes."""
    parts: dict[tuple[str, str, str], list[Result]] = {}
    for row in rows:
        parts.setdefault((row.detector, row.condition, row.metric), []).append(row)
    for same in parts.values():
        if len(same) > 1:
            values = [row.value for row in same]
            name = f"{same[0].metric}[mean of {len(same)} seeds]"
            mean = sum(values) / len(values)
            yield replace(same[0], metric=name, value=mean, low=min(values), high=max(values))


def _both(y: NDArray[np.int64], keep: Mask) -> bool:
    return len(set(y[keep].tolist())) == 2


def _plain(
    name: str,
    metric: Callable[[ArrayLike, ArrayLike], float],
    values: Callable[[View], Floats],
    many: ManyMetric | None = None,
) -> Maker:
    def make(view: View, draw: Draw) -> Found:
        keep = view.scored
        if _both(view.y, keep):
            y, s, g = view.y[keep], values(view)[keep], view.groups[keep]
            yield name, bootstrap_interval(metric, y, s, g, many=many, **draw), keep

    return make


def _own_threshold(rate: float) -> Maker:
    def make(view: View, draw: Draw) -> Found:
        keep = view.scored
        if _both(view.y, keep) and allowed_alarms(int((view.y[keep] == 0).sum()), rate) >= 1:
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
        if _both(view.y, keep):
            y, g = view.y[keep], view.groups[keep]
            yield (
                name,
                _rate(y, s[keep], g, label=label, least=least, draw=draw),
                keep & (view.y == label),
            )

    return make


def _rate(
    y: NDArray[np.int64], s: Floats, g: NDArray[np.str_], *, label: int, least: float, draw: Draw
) -> Interval:
    span = bootstrap_interval(
        lambda a, b: float(np.mean(b[a == label] >= least)),
        y, s, g, many=rate_above_many(least, label), **draw,
    )  # fmt: skip
    return _exact(span, g[y == label])


def _exact(span: Interval, groups: NDArray[np.str_]) -> Interval:
    if len(set(groups)) == 1:
        return _without(span)
    if span.low == span.high and span.value in (0.0, 1.0):
        n = len(set(groups))
        return clopper_pearson(round(span.value * n), n)
    return span


def _without(span: Interval) -> Interval:
    """Drop the bounds: one group cannot say how far another would differ."""
    return Interval(span.value, math.nan, math.nan)


def _bound(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _shift(name: str, label: int) -> Maker:
    def many(labels: ArrayLike, scores: ArrayLike, weights: NDArray[np.integer]) -> Floats:
        own = (np.asarray(labels) == label).astype(np.float64)
        total = weights @ (own * np.asarray(scores))
        return np.asarray(total / (weights @ own), dtype=np.float64)

    def make(view: View, draw: Draw) -> Found:
        keep = view.scored
        if _both(view.y, keep):
            y, g = view.y[keep], view.groups[keep]
            span = bootstrap_difference(
                lambda a, b: float(np.mean(b[a == label])),
                y, view.logit[keep], view.clean[keep], g, many=many, **draw,
            )  # fmt: skip
            yield name, span, keep & (view.y == label)

    return make


def _cllr_change(view: View, draw: Draw) -> Found:
    keep = view.scored
    if _both(view.y, keep):
        y, g = view.y[keep], view.groups[keep]
        span = bootstrap_difference(
            cllr, y, view.llr[keep], view.clean_llr[keep], g, many=cllr_many, **draw
        )
        yield "cllr_change", span, keep


def _families(view: View, draw: Draw) -> Found:
    for family in sorted(set(view.families) - {""}):
        about = view.scored & (view.families == family)
        keep = about | (view.scored & (view.y == 0))
        if not _both(view.y, keep) or about.sum() < FAMILY_LEAST:
            continue
        y, g = view.y[keep], view.groups[keep]
        span = bootstrap_interval(roc_auc, y, view.logit[keep], g, many=auc_many, **draw)
        alone = len(set(view.groups[about])) == 1
        yield f"auc[family={family}]", _without(span) if alone else span, about
        if np.isfinite(view.margin[keep]).all():
            rate = _rate(y, view.margin[keep], g, label=1, least=0.0, draw=draw)
            yield f"detection[family={family}]", rate, about


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
    "families": _families,
}
"""Every metric an experiment may name."""

DEFAULT_METRICS = tuple(METRICS)
