# SPDX-License-Identifier: MIT
"""How far a metric could move with other music: bootstrap over groups of tracks.

A group is what was drawn independently: an artist, an album, a prompt. Whole groups are drawn with
replacement (Field and Welsh 2007), never single tracks of one.

Groups of human tracks, groups of AI tracks and groups that hold both are drawn apart, each as
often as there are such groups, so that every replicate holds both classes; a mixed group moves as
a whole, which keeps pairs (a recording and its resynthesis) together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from unsung.evaluation._checks import (
    EvaluationError,
    Floats,
    Ints,
    as_groups,
    as_labels,
    as_scores,
    binary,
    fraction,
    item_count,
    same_length,
)
from unsung.evaluation.discrimination import average_precision, roc_auc
from unsung.evaluation.proportions import Interval
from unsung.evaluation.weighted import ManyMetric, auc_many, average_precision_many

__all__ = [
    "Metric",
    "bootstrap_difference",
    "bootstrap_interval",
    "bootstrap_values",
    "group_weights",
]

Metric: TypeAlias = Callable[[Ints, Floats], float]
"""Maps labels ``[item]`` and scores ``[item]`` to a number."""

BLOCK = 2_000_000
"""Largest number of weights held at once (replicates × items)."""

_MANY: dict[Metric, ManyMetric] = {
    roc_auc: auc_many,
    average_precision: average_precision_many,
}


def group_weights(labels: ArrayLike, groups: ArrayLike | None, replicates: int, seed: int) -> Ints:
    """Return how often each item is drawn in each replicate.

    Shape: ``[item]``, ``[item]`` → ``[replicate, item]``.

    >>> group_weights([0, 0, 1], ["a", "a", "b"], 2, seed=0).tolist()
    [[1, 1, 1], [1, 1, 1]]
    """
    y = as_labels(labels)
    blocks = list(_weight_blocks(y, as_groups(groups, y.size), replicates, seed))
    return np.concatenate(blocks)


def bootstrap_values(
    metric: Metric,
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    many: ManyMetric | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> Floats:
    """Return the metric of each replicate; the same seed draws the same groups.

    ``many`` is the metric's twin for all replicates at once (see `weighted`); AUC and average
    precision find theirs. Without it the metric is called once a replicate.

    Shape: ``[item]``, ``[item]``, ``[item]`` → ``[replicate]``.

    >>> bootstrap_values(roc_auc, [0, 1], [0.0, 1.0], replicates=3).tolist()
    [1.0, 1.0, 1.0]
    """
    y, s = binary(labels, scores)
    g = as_groups(groups, y.size)
    order = np.argsort(s, kind="stable")  # sorted once, so that each replicate sorts fast
    y, s, g = y[order], s[order], g[order]
    twin = many or _MANY.get(metric)
    values: list[Floats] = []
    for weights in _weight_blocks(y, g, replicates, seed):
        if twin is not None:
            values.append(twin(y, s, weights))
        else:
            values.append(np.array([metric(np.repeat(y, w), np.repeat(s, w)) for w in weights]))
    return np.concatenate(values)


def bootstrap_interval(
    metric: Metric,
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    many: ManyMetric | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return a metric with its percentile interval over resampled groups.

    The interval has no width when every replicate agrees (an AUC of exactly 1): take it as "not
    measurable with this set", not as certainty. With fewer than about 20 groups a class it is too
    short.

    Shape: ``[item]``, ``[item]``, ``[item]`` → value, low, high.

    >>> bootstrap_interval(roc_auc, [0, 0, 1, 1], [0.0, 2.0, 1.0, 3.0]).value
    0.75
    """
    y, s = binary(labels, scores)
    values = bootstrap_values(metric, y, s, groups, many=many, replicates=replicates, seed=seed)
    return percentile_interval(metric(y, s), values, level)


def bootstrap_difference(
    metric: Metric,
    labels: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    many: ManyMetric | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return metric(a) − metric(b) of two detectors on the same tracks, resampled together.

    An interval that leaves out 0 says that the detectors differ at this level.

    Shape: ``[item]`` ×4 → value, low, high.

    >>> bootstrap_difference(roc_auc, [0, 1], [0.0, 1.0], [0.0, 1.0]).value
    0.0
    """
    y, a = binary(labels, scores_a)
    b = as_scores(scores_b)
    same_length("scores of the second detector", b.size, y.size)
    g = as_groups(groups, y.size)
    twin = many or _MANY.get(metric)
    values: list[Floats] = []
    for weights in _weight_blocks(y, g, replicates, seed):
        if twin is not None:
            values.append(twin(y, a, weights) - twin(y, b, weights))
            continue
        rows = [np.repeat(np.arange(y.size), w) for w in weights]
        values.append(np.array([metric(y[r], a[r]) - metric(y[r], b[r]) for r in rows]))
    return percentile_interval(metric(y, a) - metric(y, b), np.concatenate(values), level)


def percentile_interval(value: float, values: Floats, level: float = 0.95) -> Interval:
    """Return the range between the tails of the replicates (Efron's percentile interval).

    Shape: ``[replicate]`` → value, low, high.

    >>> percentile_interval(0.5, np.linspace(0, 1, 101), 0.5).high
    0.75
    """
    tail = (1 - fraction(level, "the level")) / 2
    if np.isnan(values).any():
        raise EvaluationError(
            "expected a number from the metric in every replicate, got NaN; "
            "use a metric that is defined whenever both classes are present"
        )
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high), level)


def _weight_blocks(labels: Ints, groups: Ints, replicates: int, seed: int) -> Iterator[Ints]:
    """Yield weights ``[some replicates, item]``; the draws do not depend on the block size."""
    item_count(replicates, "replicates")
    n_groups = int(groups.max()) + 1
    has_ai = np.bincount(groups, weights=labels, minlength=n_groups) > 0
    has_human = np.bincount(groups, weights=1 - labels, minlength=n_groups) > 0
    kind = has_ai + 2 * has_human.astype(np.int64)  # 1 AI, 2 human, 3 both
    strata = [np.flatnonzero(kind == k) for k in (1, 2, 3)]
    streams = [np.random.default_rng((seed, k)) for k in (1, 2, 3)]
    block = max(1, BLOCK // labels.size)
    for start in range(0, replicates, block):
        rows = min(block, replicates - start)
        drawn = np.zeros((rows, n_groups), dtype=np.int64)
        for members, stream in zip(strata, streams, strict=True):
            if members.size:
                even = np.full(members.size, 1 / members.size)
                drawn[:, members] = stream.multinomial(members.size, even, size=rows)
        yield drawn[:, groups]
