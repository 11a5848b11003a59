# SPDX-License-Identifier: MIT
"""Metrics of many resamples at once: each replicate is a row of whole-number item weights.

A weight of 2 means that the item was drawn twice, 0 that it was not drawn. Each function equals
its namesake in `discrimination` or `calibration` on ``np.repeat(items, weights)``. The items are
sorted once for all replicates, which makes a thousand of them cost about as much as ten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unsung.evaluation._checks import EvaluationError, Floats, Ints, binary
from unsung.evaluation.calibration import SOFTPLUS_TO_BITS
from unsung.evaluation.discrimination import allowed_alarms

__all__ = [
    "ManyMetric",
    "auc_many",
    "average_precision_many",
    "cllr_many",
    "detection_rate_many",
    "rate_above_many",
]

ManyMetric: TypeAlias = Callable[[ArrayLike, ArrayLike, NDArray[np.integer]], Floats]
"""Maps labels ``[item]``, scores ``[item]``, weights ``[replicate, item]`` to ``[replicate]``."""


def auc_many(labels: ArrayLike, scores: ArrayLike, weights: NDArray[np.integer]) -> Floats:
    """Return `roc_auc` of each replicate.

    Shape: ``[item]``, ``[item]``, ``[replicate, item]`` → ``[replicate]``.

    >>> auc_many([0, 1, 1], [0.2, 0.1, 0.4], np.array([[1, 1, 1], [1, 2, 1]])).round(4).tolist()
    [0.5, 0.3333]
    """
    ai, human, _ = _counts(labels, scores, weights)
    below = np.cumsum(human, axis=1) - human  # human weight at lower scores
    wins = np.sum(ai * (below + human / 2), axis=1)
    return np.asarray(wins / (ai.sum(axis=1) * human.sum(axis=1)), dtype=np.float64)


def average_precision_many(
    labels: ArrayLike, scores: ArrayLike, weights: NDArray[np.integer]
) -> Floats:
    """Return `average_precision` of each replicate.

    Shape: ``[item]``, ``[item]``, ``[replicate, item]`` → ``[replicate]``.

    >>> average_precision_many([0, 1], [0.2, 0.1], np.array([[1, 1], [3, 1]])).tolist()
    [0.5, 0.25]
    """
    ai, human, _ = _counts(labels, scores, weights)
    ai, human = ai[:, ::-1], human[:, ::-1]
    caught = np.cumsum(ai, axis=1)
    alarms = caught + np.cumsum(human, axis=1)
    precision = caught / np.maximum(alarms, 1)
    return np.asarray(np.sum(ai * precision, axis=1) / caught[:, -1], dtype=np.float64)


def detection_rate_many(false_alarm_rate: float) -> ManyMetric:
    """Return a function giving `detection_rate_at` of each replicate, threshold set anew in each.

    Shape: ``[item]``, ``[item]``, ``[replicate, item]`` → ``[replicate]``.

    >>> weights = np.array([[1, 1, 1], [0, 2, 1]])
    >>> detection_rate_many(0.5)([0, 0, 1], [0.2, 0.4, 0.3], weights).tolist()
    [1.0, 0.0]
    """

    def many(labels: ArrayLike, scores: ArrayLike, weights: NDArray[np.integer]) -> Floats:
        ai, human, _ = _counts(labels, scores, weights)
        totals = human.sum(axis=1)
        found, inverse = np.unique(totals, return_inverse=True)
        allowed = np.array([allowed_alarms(int(n), false_alarm_rate) for n in found])[inverse]
        at_or_above = np.cumsum(human[:, ::-1], axis=1)[:, ::-1]
        kept = at_or_above <= allowed[:, None]  # score steps that may alarm
        return np.asarray(np.sum(ai * kept, axis=1) / ai.sum(axis=1), dtype=np.float64)

    return many


def rate_above_many(threshold: float, label: int) -> ManyMetric:
    """Return a function giving the share of one class at or above a fixed threshold.

    Shape: ``[item]``, ``[item]``, ``[replicate, item]`` → ``[replicate]``.

    >>> rate_above_many(0.3, 0)([0, 0, 1], [0.2, 0.4, 0.3], np.array([[1, 1, 1]])).tolist()
    [0.5]
    """

    def many(labels: ArrayLike, scores: ArrayLike, weights: NDArray[np.integer]) -> Floats:
        y, s = binary(labels, scores)
        own = (y == label).astype(np.float64)
        alarm = own * (s >= threshold)
        return np.asarray((weights @ alarm) / (weights @ own), dtype=np.float64)

    return many


def cllr_many(labels: ArrayLike, scores: ArrayLike, weights: NDArray[np.integer]) -> Floats:
    """Return `calibration.cllr` of each replicate (scores are log-likelihood ratios in nats).

    Shape: ``[item]``, ``[item]``, ``[replicate, item]`` → ``[replicate]``.

    >>> cllr_many([0, 1], [0.0, 0.0], np.array([[2, 5]])).tolist()
    [1.0]
    """
    y, s = binary(labels, scores)
    bits = np.logaddexp(0, np.where(y == 1, -s, s)) * SOFTPLUS_TO_BITS
    ai, human = (y == 1).astype(np.float64), (y == 0).astype(np.float64)
    means = (weights @ (bits * ai)) / (weights @ ai) + (weights @ (bits * human)) / (
        weights @ human
    )
    return np.asarray(means / 2, dtype=np.float64)


def _counts(
    labels: ArrayLike, scores: ArrayLike, weights: NDArray[np.integer]
) -> tuple[Ints, Ints, Floats]:
    """Sum the weights of AI and human items at each distinct score, rising.

    Shape: → ai ``[replicate, step]``, human ``[replicate, step]``, scores ``[step]``.
    """
    y, s = binary(labels, scores)
    if weights.ndim != 2 or weights.shape[1] != y.size:
        raise EvaluationError(
            f"expected weights of shape [replicate, {y.size}], got {weights.shape}"
        )
    order = np.argsort(s, kind="stable")
    steps, starts = np.unique(s[order], return_index=True)
    sorted_weights = weights[:, order].astype(np.int64)
    if steps.size == s.size:  # no ties
        total, ai = sorted_weights, sorted_weights * y[order]
    else:
        total = np.add.reduceat(sorted_weights, starts, axis=1)
        ai = np.add.reduceat(sorted_weights * y[order], starts, axis=1)
    return ai, total - ai, steps
