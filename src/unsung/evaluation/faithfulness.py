# SPDX-License-Identifier: MIT
"""Whether an explanation is true: against evidence that was planted, and against the model itself.

Conventions: relevance is positive where it speaks for the explained target; a region is a mask of
where the evidence was planted; curves hold one score for each number of cells changed, from none to
all. Functions and arrays in, numbers out; no detector is known here.

Sources: Zhang et al., 2018 (pointing game); Samek et al., 2017, and Petsiuk et al., 2018 (deletion,
insertion); DeYoung et al., 2020 (sufficiency, comprehensiveness); Adebayo et al., 2018 (randomised
weights); Yeh et al., 2019 (stability); Bach et al., 2015 (conservation).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unsung.errors import UsageError
from unsung.evaluation.discrimination import roc_auc

__all__ = [
    "area",
    "comprehensiveness",
    "conservation",
    "deletion_curve",
    "insertion_curve",
    "localisation_auc",
    "pointing_game",
    "rank_similarity",
    "relevance_mass",
    "stability",
    "sufficiency",
]

Floats = NDArray[np.float64]
Score = Callable[[NDArray[np.bool_]], ArrayLike]
"""Which cells are kept ``[batch, cell]`` → logits ``[batch]``."""


def pointing_game(relevance: ArrayLike, region: ArrayLike) -> float:
    """Return 1 if the most relevant place lies in the region, 0 if not; ties count in part.

    Shape: both ``[...]`` alike.

    >>> pointing_game([0.1, 0.9], [False, True])
    1.0
    """
    values, mask = _pair(relevance, region)
    top = values == values.max()
    return float(mask[top].mean())


def relevance_mass(relevance: ArrayLike, region: ArrayLike) -> float:
    """Return the share of positive relevance that lies in the region; 0 if none is positive.

    Chance is the region's share of all places.

    Shape: both ``[...]`` alike.
    """
    values, mask = _pair(relevance, region)
    positive = np.maximum(values, 0.0)
    total = positive.sum()
    return float(positive[mask].sum() / total) if total > 0 else 0.0


def localisation_auc(relevance: ArrayLike, region: ArrayLike) -> float:
    """Return how often a place in the region outranks one outside: 1 perfect, 0.5 chance.

    Shape: both ``[...]`` alike.
    """
    values, mask = _pair(relevance, region)
    return roc_auc(mask.ravel().astype(np.int64), values.ravel())


def deletion_curve(score: Score, relevance: ArrayLike, steps: int = 20) -> Floats:
    """Return logits as cells are taken away, the most relevant first: a true order falls fast.

    Shape: relevance ``[cell]`` → ``[steps + 1]``.
    """
    return _curve(score, relevance, steps, kept_first=False)


def insertion_curve(score: Score, relevance: ArrayLike, steps: int = 20) -> Floats:
    """Return logits as cells come into nothing, the most relevant first: a true order rises fast.

    Shape: relevance ``[cell]`` → ``[steps + 1]``.
    """
    return _curve(score, relevance, steps, kept_first=True)


def area(curve: ArrayLike) -> float:
    """Return the mean height of a curve by the trapezoidal rule. Shape: ``[step]``.

    >>> area([1.0, 0.0])
    0.5
    """
    values = np.asarray(curve, np.float64)
    if values.ndim != 1 or values.size < 2:
        raise UsageError(f"expected a curve of at least two points, got shape {values.shape}")
    return float((values[1:] + values[:-1]).mean() / 2)


def comprehensiveness(score: Score, relevance: ArrayLike, share: float = 0.2) -> float:
    """Return how far the logit falls when the most relevant share of cells goes."""
    order, count = _chosen(relevance, share)
    kept = np.ones((2, len(order)), bool)
    kept[1, order[:count]] = False
    full, rest = np.asarray(score(kept), np.float64)
    return float(full - rest)


def sufficiency(score: Score, relevance: ArrayLike, share: float = 0.2) -> float:
    """Return how far the logit falls when only the most relevant share stays: 0 is best."""
    order, count = _chosen(relevance, share)
    kept = np.ones((2, len(order)), bool)
    kept[1, order[count:]] = False
    full, rest = np.asarray(score(kept), np.float64)
    return float(full - rest)


def rank_similarity(first: ArrayLike, second: ArrayLike) -> float:
    """Return Spearman's rank correlation of two explanations; 0 where one is constant.

    Between a model and one with randomised weights it should be near 0: an explanation that stays
    explains the sound, not the model.
    """
    from scipy.stats import rankdata

    a, b = np.ravel(first).astype(np.float64), np.ravel(second).astype(np.float64)
    if a.size != b.size or a.size < 2:
        raise UsageError(f"expected two explanations of one size, got {a.size} and {b.size} cells")
    ranks = [rankdata(v) - (v.size + 1) / 2 for v in (a, b)]
    norm = float(np.sqrt(np.square(ranks[0]).sum() * np.square(ranks[1]).sum()))
    return float((ranks[0] * ranks[1]).sum() / norm) if norm > 0 else 0.0


def stability(first: ArrayLike, second: ArrayLike) -> float:
    """Return how much an explanation moves under a change nobody hears, relative to its size.

    0 is steady; above 1 the change is larger than the explanation.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape:
        raise UsageError(f"expected explanations of one shape, got {a.shape} and {b.shape}")
    size = float(np.sqrt(np.square(a).sum()))
    moved = float(np.sqrt(np.square(a - b).sum()))
    return moved / size if size > 0 else float(moved > 0)


def conservation(relevance: ArrayLike, logit: float, baseline: float) -> float:
    """Return the gap as a share of what was to be explained: 0 when all is told.

    Where logit and baseline agree, the share is that of all relevance, whatever its sign.
    """
    values = np.asarray(relevance, np.float64)
    gap = abs(logit - baseline - float(values.sum()))
    size = abs(logit - baseline) or float(np.abs(values).sum())
    return gap / size if size > 0 else 0.0


def _pair(relevance: ArrayLike, region: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    values, mask = np.asarray(relevance, np.float64), np.asarray(region, bool)
    if values.shape != mask.shape or not values.size:
        raise UsageError(
            f"expected relevance and region of one shape, got {values.shape} and {mask.shape}"
        )
    if not np.isfinite(values).all():
        raise UsageError("expected finite relevance, got NaN or infinity")
    if not mask.any() or mask.all():
        raise UsageError("expected a region that is neither empty nor everything")
    return values, mask


def _order(relevance: ArrayLike) -> NDArray[np.int64]:
    values = np.ravel(relevance).astype(np.float64)
    if values.size < 2 or not np.isfinite(values).all():
        raise UsageError(f"expected finite relevance of at least two cells, got {values.size}")
    return np.argsort(-values, kind="stable")


def _curve(score: Score, relevance: ArrayLike, steps: int, kept_first: bool) -> Floats:
    order = _order(relevance)
    if steps < 1:
        raise UsageError(f"expected at least one step, got {steps}")
    counts = np.round(np.linspace(0, len(order), steps + 1)).astype(np.int64)
    changed = np.zeros((steps + 1, len(order)), bool)
    for row, count in zip(changed, counts, strict=True):
        row[order[:count]] = True
    return np.asarray(score(changed if kept_first else ~changed), np.float64)


def _chosen(relevance: ArrayLike, share: float) -> tuple[NDArray[np.int64], int]:
    order = _order(relevance)
    if not 0 < share < 1:
        raise UsageError(f"expected a share between 0 and 1, got {share:g}")
    return order, max(1, round(share * len(order)))
