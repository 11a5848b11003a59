# SPDX-License-Identifier: MIT
"""Closed-form spread of the AUC, for independent tracks.

Use the bootstrap of `intervals` when tracks come in groups: these formulas know of none.

Source: DeLong, DeLong and Clarke-Pearson 1988, in the fast form of Sun and Xu 2014.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from unsung.evaluation._checks import EvaluationError, Floats, Ints, binary, fraction
from unsung.evaluation.proportions import Interval
from unsung.types import Record

__all__ = ["DeLong", "delong_interval", "delong_test"]


@dataclass(frozen=True)
class DeLong(Record):
    """Difference of two AUCs on the same tracks; ``p_value`` is two-sided."""

    auc_a: float
    auc_b: float
    difference: float
    z: float
    p_value: float


def delong_interval(labels: ArrayLike, scores: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return the AUC with its normal-theory interval, cut to [0, 1].

    Needs two items of each class. Has no width at an AUC of exactly 0 or 1.

    Shape: ``[item]``, ``[item]`` → value, low, high.

    >>> delong_interval([0, 0, 1, 1], [0.0, 2.0, 1.0, 3.0]).value
    0.75
    """
    y, s = binary(labels, scores)
    aucs, covariance = _aucs(y, s[None])
    half = special.ndtri((1 + fraction(level, "the level")) / 2) * math.sqrt(covariance[0, 0])
    value = float(aucs[0])
    return Interval(value, max(0.0, value - half), min(1.0, value + half), level)


def delong_test(labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike) -> DeLong:
    """Test whether two detectors have the same AUC on the same tracks.

    Shape: ``[item]`` ×3 → difference, z and two-sided p.

    >>> delong_test([0, 0, 1, 1], [0.0, 2.0, 1.0, 3.0], [0.0, 2.0, 1.0, 3.0]).p_value
    1.0
    """
    y, a = binary(labels, scores_a)
    _, b = binary(labels, scores_b)
    aucs, c = _aucs(y, np.stack([a, b]))
    difference = float(aucs[0] - aucs[1])
    variance = float(c[0, 0] + c[1, 1] - 2 * c[0, 1])
    if variance <= 1e-15:
        z = 0.0 if abs(difference) < 1e-12 else math.copysign(math.inf, difference)
    else:
        z = difference / math.sqrt(variance)
    p = float(2 * special.ndtr(-abs(z)))
    return DeLong(float(aucs[0]), float(aucs[1]), difference, z, p)


def _aucs(labels: Ints, scores: Floats) -> tuple[Floats, Floats]:
    """Return AUCs and their covariance. Shape: ``[detector, item]`` → ``[k]``, ``[k, k]``."""
    ai, human = labels == 1, labels == 0
    m, n = int(ai.sum()), int(human.sum())
    if min(m, n) < 2:
        raise EvaluationError(
            f"expected two items of each class for a variance, got {m} AI and {n} human"
        )
    over_human, under_ai = [], []
    for row in scores:
        everywhere = _midranks(row)
        over_human.append((everywhere[ai] - _midranks(row[ai])) / n)  # share of human beaten
        under_ai.append(1 - (everywhere[human] - _midranks(row[human])) / m)  # share of AI above
    v_ai, v_human = np.stack(over_human), np.stack(under_ai)  # [detector, m], [detector, n]
    covariance = np.atleast_2d(np.cov(v_ai)) / m + np.atleast_2d(np.cov(v_human)) / n
    return v_ai.mean(axis=1), covariance


def _midranks(values: Floats) -> Floats:
    """Return ranks from 1, ties sharing their mean. Shape: ``[item]`` → ``[item]``."""
    _, item, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[item]
