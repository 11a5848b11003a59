# SPDX-License-Identifier: MIT
"""Thresholds with a promise: the false-alarm rate on new human music stays below a stated one.

The promise is marginal (over calibration sets and new tracks), exact for finite samples, and
holds as long as new human music is exchangeable with the calibration music: not under a shift of
genre, codec or decade. ``score >= threshold`` is an alarm, compared in float64.

Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; one-class form as
in Bates et al., Testing for Outliers with Conformal p-values, 2023.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from unsung.evaluation._checks import (
    EvaluationError,
    Floats,
    as_groups,
    as_scores,
    as_threshold,
    fraction,
    same_length,
)
from unsung.evaluation.proportions import Interval, clopper_pearson

__all__ = [
    "conformal_threshold",
    "false_alarm_interval",
    "one_per_group",
    "p_values",
    "thresholds_by_category",
]

PerGroup = Literal["max", "random"]


def conformal_threshold(
    human_scores: ArrayLike,
    false_alarm_rate: float,
    groups: ArrayLike | None = None,
    *,
    per_group: PerGroup = "max",
    seed: int = 0,
) -> float | None:
    """Return the threshold that a new human recording passes with probability at most α.

    The next float64 above the ``ceil((n + 1)(1 − α))``-th smallest of n human scores. None when
    ``n < 1/α − 1``: too few recordings for such a promise (99 are needed for 1 %).

    With ``groups`` several clips of one recording count as one (see `one_per_group`):
    ``per_group="max"`` promises that at most a share α of new *recordings* has any clip in alarm,
    if they hold about as many clips; ``"random"`` promises it for one clip drawn at random.

    Shape: ``[item]``, ``[item]`` → a score or None.

    >>> conformal_threshold(range(99), 0.01) > 98
    True
    >>> conformal_threshold(range(98), 0.01) is None
    True
    """
    alpha = fraction(false_alarm_rate, "the false-alarm rate")
    human = np.sort(one_per_group(human_scores, groups, per_group=per_group, seed=seed))
    rank = math.ceil((human.size + 1) * (1 - alpha) - 1e-9)
    return None if rank > human.size else float(np.nextafter(human[rank - 1], np.inf))


def one_per_group(
    scores: ArrayLike,
    groups: ArrayLike | None,
    *,
    per_group: PerGroup = "max",
    seed: int = 0,
) -> Floats:
    """Return one score for each group: its largest, or one drawn at random.

    Shape: ``[item]``, ``[item]`` → ``[group]``.

    >>> one_per_group([1.0, 5.0, 2.0], ["a", "a", "b"]).tolist()
    [5.0, 2.0]
    """
    s = as_scores(scores)
    if groups is None:
        return s
    g = as_groups(groups, s.size)
    if per_group == "max":
        order = np.lexsort((s, g))
    elif per_group == "random":
        order = np.lexsort((np.random.default_rng(seed).random(s.size), g))
    else:
        raise EvaluationError(f"expected per_group='max' or 'random', got {per_group!r}")
    last = np.append(np.diff(g[order]) != 0, True)
    kept: Floats = s[order][last]
    return kept


def thresholds_by_category(
    human_scores: ArrayLike, categories: ArrayLike, false_alarm_rate: float
) -> dict[str, float | None]:
    """Return a threshold for each category (genre, codec): the promise then holds within each.

    Shape: ``[item]``, ``[item]`` → one threshold, or None, a category.

    >>> thresholds_by_category([1.0, 2.0, 3.0], ["jazz", "jazz", "rock"], 0.4)["rock"] is None
    True
    """
    s = as_scores(human_scores)
    names = np.asarray([str(item) for item in np.asarray(categories).reshape(-1)])
    same_length("categories", names.size, s.size)
    return {
        str(name): conformal_threshold(s[names == name], false_alarm_rate)
        for name in np.unique(names)
    }


def p_values(human_scores: ArrayLike, scores: ArrayLike) -> Floats:
    """Return for each score the chance that a human track scores as high or higher.

    ``(1 + #{human ≥ score}) / (n + 1)``: valid for finite samples, never below ``1 / (n + 1)``.

    Shape: ``[human item]``, ``[item]`` → ``[item]``.

    >>> p_values([0.0, 1.0, 2.0], [1.5, 9.0]).tolist()
    [0.5, 0.25]
    """
    human, s = np.sort(as_scores(human_scores, "human scores")), as_scores(scores)
    at_or_above = human.size - np.searchsorted(human, s, side="left")
    return np.asarray((1 + at_or_above) / (human.size + 1), dtype=np.float64)


def false_alarm_interval(
    human_scores: ArrayLike, threshold: float, *, level: float = 0.95
) -> Interval:
    """Return the false-alarm rate of a fixed threshold on fresh human music, with exact interval.

    Only for music that did not set the threshold; one clip a recording.

    Shape: ``[item]`` → value, low, high.

    >>> round(false_alarm_interval(range(100), 1000).high, 4)
    0.0362
    """
    human = as_scores(human_scores, "human scores")
    alarms = int(np.sum(human >= as_threshold(threshold)))
    return clopper_pearson(alarms, human.size, level=level)
