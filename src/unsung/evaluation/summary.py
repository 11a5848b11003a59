# SPDX-License-Identifier: MIT
"""All the numbers of one detector on one set of tracks, each with its interval and counts.

Operating points are shares of human tracks allowed to alarm: 5 %, 1 % and 0.1 %. One is
*available* when that share is at least one whole track, ``floor(α · n_human) >= 1``: from 20, 100
and 1000 human tracks on. Else the row says so with ``value = nan`` and no interval.

Intervals are 95 % percentile intervals over resampled groups (`intervals`). Where a share is 0 or
1 in every replicate, the exact interval for that many groups takes their place; an AUC of exactly
1 keeps an interval without width. Resampling adds error to ECE and lets min Cllr fit more closely,
so their intervals lean up and down: compare detectors by `bootstrap_difference`.

Rows. Always: ``auc``, ``average_precision``, ``eer`` (ASVspoof; where AI and human items share a
score, also ``eer_interpolated``, which is 0.5 for a constant score), ``detection_at_0.05``,
``_0.01``, ``_0.001``, ``min_cllr``. With ``llr_nats``: ``cllr`` (a raw score has no likelihood
ratio). With ``probabilities``: ``ece`` (15 bins, predicted class), ``ece_ai``, ``brier``. With
``threshold``, one chosen on other tracks: ``detection``, ``false_alarms``,
``balanced_accuracy``, ``f1``.

``generators`` and ``families`` name each AI item's maker (entries of human items are not read):
for each, ``auc[generator=x]`` against all human items and ``detection_at_0.01[generator=x]`` at
the threshold of all human items, plus ``detection[generator=x]`` at ``threshold``; counts are of
that generator's items alone. ``sources`` names each human item's origin:
``false_alarms[source=x]`` at ``threshold``, or else at this set's own 1 % threshold, held fixed
while resampling. Items with an empty name are in no part.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unsung.evaluation._checks import (
    EvaluationError,
    Floats,
    Ints,
    as_groups,
    as_probabilities,
    as_scores,
    as_threshold,
    binary,
    same_length,
)
from unsung.evaluation.calibration import brier, cllr, ece, min_cllr
from unsung.evaluation.decisions import balanced_accuracy, f1
from unsung.evaluation.discrimination import (
    allowed_alarms,
    average_precision,
    detection_rate_at,
    eer,
    eer_interpolated,
    roc_auc,
    threshold_at,
)
from unsung.evaluation.intervals import Metric, bootstrap_interval
from unsung.evaluation.proportions import clopper_pearson
from unsung.evaluation.weighted import (
    ManyMetric,
    cllr_many,
    detection_rate_many,
    rate_above_many,
)
from unsung.types import Result

__all__ = ["OPERATING_POINTS", "evaluate"]

OPERATING_POINTS = (0.05, 0.01, 0.001)
"""False-alarm rates that detection is stated at."""
PART_POINT = 0.01
"""Operating point of the rows for single generators, families and sources."""


@dataclass(frozen=True)
class _Measure:
    name: str
    metric: Metric
    many: ManyMetric | None = None
    share_of: int | None = None  # the class whose share it is
    least_human: int = 1


@dataclass(frozen=True)
class _Table:
    """The checked arrays and what every row repeats."""

    labels: Ints
    groups: Ints
    heading: tuple[str, str, str, str]  # experiment, detector, dataset, condition
    hashes: tuple[str, str]  # of code and data
    seed: int
    replicates: int

    def row(
        self, measure: _Measure, scores: Floats, keep: NDArray[np.bool_], counted: NDArray[np.bool_]
    ) -> Result:
        """Return one number over the items kept; counts are those of the items counted."""
        y, s, g = self.labels[keep], scores[keep], self.groups[keep]
        value, low, high = math.nan, None, None
        if int((y == 0).sum()) >= measure.least_human:
            interval = bootstrap_interval(
                measure.metric, y, s, g,
                many=measure.many, replicates=self.replicates, seed=self.seed,
            )  # fmt: skip
            value, low, high = interval.value, interval.low, interval.high
            if measure.share_of is not None and low == high and value in (0.0, 1.0):
                n = np.unique(g[y == measure.share_of]).size
                exact = clopper_pearson(round(value * n), n)
                low, high = exact.low, exact.high
        return Result(
            *self.heading,
            metric=measure.name,
            value=value,
            low=low,
            high=high,
            n_tracks=int(counted.sum()),
            n_groups=int(np.unique(self.groups[counted]).size),
            seed=self.seed,
            code_sha256=self.hashes[0],
            data_sha256=self.hashes[1],
        )


def evaluate(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    generators: ArrayLike | None = None,
    families: ArrayLike | None = None,
    sources: ArrayLike | None = None,
    llr_nats: ArrayLike | None = None,
    probabilities: ArrayLike | None = None,
    threshold: float | None = None,
    experiment: str = "",
    detector: str = "",
    dataset: str = "",
    condition: str = "",
    seed: int = 0,
    replicates: int = 1000,
    hashes: tuple[str, str] = ("", ""),
) -> list[Result]:
    """Return every number of a detector on a set of tracks; the module lists the rows.

    Shape: ``[item]`` for each array → rows.

    >>> evaluate([0, 0, 1, 1], [0.0, 2.0, 1.0, 3.0], replicates=20)[0].value
    0.75
    """
    y, s = binary(labels, scores)
    heading = (experiment, detector, dataset, condition)
    table = _Table(y, as_groups(groups, y.size), heading, hashes, seed, replicates)
    everything = np.ones(y.size, dtype=bool)
    measures = list(_measures(threshold, tied=bool(np.isin(s[y == 1], s[y == 0]).any())))
    rows = [table.row(m, s, everything, everything) for m in measures]
    for values, measures in _calibrated(y.size, llr_nats, probabilities):
        rows += [table.row(m, values, everything, everything) for m in measures]
    for kind, names in (("generator", generators), ("family", families)):
        for label, part in _parts(names, y == 1, kind):
            keep = part | (y == 0)
            rows += [table.row(m, s, keep, part) for m in _part_measures(label, threshold)]
    for label, part in _parts(sources, y == 0, "source"):
        rows.append(table.row(_source_measure(label, y, s, threshold), s, part | (y == 1), part))
    return rows


def _source_measure(label: str, y: Ints, s: Floats, threshold: float | None) -> _Measure:
    name = f"false_alarms[{label}]"
    if threshold is not None:
        return _fixed_rate(name, as_threshold(threshold), 0)
    available = allowed_alarms(int((y == 0).sum()), PART_POINT) >= 1
    measure = _fixed_rate(name, threshold_at(y, s, PART_POINT), 0)
    return measure if available else replace(measure, least_human=y.size + 1)


def _measures(threshold: float | None, tied: bool) -> Iterator[_Measure]:
    yield _Measure("auc", roc_auc)
    yield _Measure("average_precision", average_precision)
    yield _Measure("eer", eer)
    if tied:
        yield _Measure("eer_interpolated", eer_interpolated)
    for rate in OPERATING_POINTS:
        yield _detection(f"detection_at_{rate:g}", rate)
    yield _Measure("min_cllr", min_cllr)
    if threshold is not None:
        t = as_threshold(threshold)
        yield _fixed_rate("detection", t, 1)
        yield _fixed_rate("false_alarms", t, 0)
        yield _Measure("balanced_accuracy", lambda y, s: balanced_accuracy(y, s, t))
        yield _Measure("f1", lambda y, s: f1(y, s, t))


def _calibrated(
    n_items: int, llr_nats: ArrayLike | None, probabilities: ArrayLike | None
) -> Iterator[tuple[Floats, list[_Measure]]]:
    if llr_nats is not None:
        llr = as_scores(llr_nats, "llr_nats")
        same_length("llr_nats", llr.size, n_items)
        yield llr, [_Measure("cllr", cllr, cllr_many)]
    if probabilities is not None:
        p = as_probabilities(probabilities)
        same_length("probabilities", p.size, n_items)
        of_ai = _Measure("ece_ai", lambda y, s: ece(y, s, of="ai"))
        yield p, [_Measure("ece", ece), of_ai, _Measure("brier", brier)]


def _part_measures(label: str, threshold: float | None) -> Iterator[_Measure]:
    yield _Measure(f"auc[{label}]", roc_auc)
    yield _detection(f"detection_at_{PART_POINT:g}[{label}]", PART_POINT)
    if threshold is not None:
        yield _fixed_rate(f"detection[{label}]", as_threshold(threshold), 1)


def _detection(name: str, rate: float) -> _Measure:
    return _Measure(
        name,
        lambda y, s: detection_rate_at(y, s, rate),
        detection_rate_many(rate),
        share_of=1,
        least_human=_least_human(rate),
    )


def _fixed_rate(name: str, threshold: float, label: int) -> _Measure:
    return _Measure(
        name,
        lambda y, s: float(np.mean(s[y == label] >= threshold)),
        rate_above_many(threshold, label),
        share_of=label,
    )


def _least_human(rate: float) -> int:
    """Return the smallest n with ``floor(rate · n) >= 1``."""
    return math.ceil(1 / rate - 1e-9)


def _parts(
    names: ArrayLike | None, of_class: NDArray[np.bool_], kind: str
) -> Iterable[tuple[str, NDArray[np.bool_]]]:
    """Yield ``kind=name`` and the items of that name within a class, names sorted."""
    if names is None:
        return
    array = np.asarray([str(item) for item in np.asarray(names).reshape(-1)])
    same_length(f"{kind} names", array.size, of_class.size)
    found = [name for name in np.unique(array[of_class]) if name]
    if not found:
        raise EvaluationError(f"expected a {kind} name for some items, got none; leave it out")
    for name in found:
        yield f"{kind}={name}", of_class & (array == name)
