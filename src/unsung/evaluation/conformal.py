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
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from unsung.evaluation._checks import (
    EvaluationError,
    Floats,
    as_groups,
    as_scores,
    as_threshold,
    binary,
    fraction,
    same_length,
)
from unsung.evaluation.proportions import Interval, clopper_pearson
from unsung.types import Record, Verdict

__all__ = [
    "VerdictThresholds",
    "conformal_threshold",
    "false_alarm_interval",
    "one_per_group",
    "p_values",
    "thresholds_by_category",
    "verdict_thresholds",
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


@dataclass(frozen=True)
class VerdictThresholds(Record):
    """``score >= ai`` says AI, ``score <= human`` says human, between them undecided.

    None: that verdict is never given, for want of calibration tracks.
    """

    ai: float | None
    human: float | None
    false_alarm_rate: float
    miss_rate: float

    def __post_init__(self) -> None:
        if self.ai is not None and self.human is not None and self.human >= self.ai:
            raise EvaluationError(
                f"expected the human threshold below the AI threshold, "
                f"got {self.human} and {self.ai}"
            )

    def verdict(self, score: float) -> Verdict:
        """Return the verdict on one score.

        >>> VerdictThresholds(2.0, -1.0, 0.01, 0.05).verdict(0.0)
        'undecided'
        """
        value = as_threshold(score)
        if self.ai is not None and value >= self.ai:
            return "ai"
        if self.human is not None and value <= self.human:
            return "human"
        return "undecided"


def verdict_thresholds(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    false_alarm_rate: float = 0.01,
    miss_rate: float = 0.05,
) -> VerdictThresholds:
    """Return both thresholds with their promises.

    At most ``false_alarm_rate`` of new human tracks is called AI; at most ``miss_rate`` of new AI
    tracks *like the calibration ones* is called human (an unseen generator breaks this half).
    When the classes are so far apart that the thresholds cross, the AI threshold stands and the
    human one moves down to just below it: nothing stays undecided and both promises still hold.
    Groups count once: by their largest score if human, by their smallest if AI.

    Shape: ``[item]``, ``[item]``, ``[item]`` → two scores.

    >>> verdict_thresholds([0] * 99 + [1] * 19, [*range(99), *range(200, 219)]).verdict(150)
    'ai'
    """
    y, s = binary(labels, scores)
    g = as_groups(groups, y.size)
    ai = conformal_threshold(s[y == 0], false_alarm_rate, g[y == 0])
    mirrored = conformal_threshold(-s[y == 1], miss_rate, g[y == 1])
    human = None if mirrored is None else -mirrored
    if ai is not None and human is not None and human >= ai:
        human = float(np.nextafter(ai, -np.inf))
    return VerdictThresholds(ai, human, false_alarm_rate, miss_rate)


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
