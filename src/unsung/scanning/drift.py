# SPDX-License-Identifier: MIT
"""Does a series of logits change its level, and where? One value a group, so albums count once.

Pettitt 1979 (Applied Statistics 28, 126-135): the change point that splits the ranks most
unevenly, with his approximate p. Ranks alone, so outliers and the shape of the distribution do
not matter. It finds one step; a slow trend shows as a step in its middle. When not to use: on
single tracks of the same albums, which are alike and make any p too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from unsung.errors import UsageError
from unsung.types import Record

__all__ = ["FEWEST", "Change", "Stretch", "change", "group_means", "stretches"]

FEWEST = 20
"""Fewest groups that are tested: with less, only changes that anyone sees would be found."""


@dataclass(frozen=True)
class Change(Record):
    """The likeliest step of a series.

    Attributes:
        at: where it lies on the series' own axis (a time, a place in the scan).
        p_value: chance of so large a step in a series without one; of one test, not of many.
        before: median before it.
        after: median from there on.
        n_groups: values in the series.
    """

    at: float
    p_value: float
    before: float
    after: float
    n_groups: int


@dataclass(frozen=True)
class Stretch(Record):
    """A piece of a series with about as many tracks as every other piece."""

    start: float
    end: float
    n: int
    low: float
    median: float
    high: float
    flagged: int


def change(places: ArrayLike, values: ArrayLike) -> Change | None:
    """Return the likeliest change of level along a series; None below `FEWEST` values.

    Shape: ``[group]``, ``[group]``.

    >>> change(range(40), [0.0] * 20 + [1.0] * 20).at
    20.0
    """
    x, y = np.asarray(places, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise UsageError(f"expected one place for each value, got {x.shape} and {y.shape}")
    if x.size < FEWEST:
        return None
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    n = y.size
    # U_t of Pettitt through ranks: 2 · (sum of the first t ranks) − t · (n + 1)
    uneven = np.abs(2.0 * np.cumsum(rankdata(y)) - np.arange(1, n + 1) * (n + 1.0))[:-1]
    apart = x[1:] > x[:-1]  # no step between two values of the same place
    if not apart.any():
        return None
    uneven = np.where(apart, uneven, 0.0)
    at = int(np.argmax(uneven)) + 1
    largest = float(uneven[at - 1])
    p_value = min(1.0, 2.0 * math.exp(-6.0 * largest**2 / (n**3 + n**2)))
    return Change(float(x[at]), p_value, float(np.median(y[:at])), float(np.median(y[at:])), int(n))


def group_means(
    places: ArrayLike, values: ArrayLike, groups: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean place and the mean value of each group. Shape: ``[track]`` → ``[group]``."""
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    n = np.bincount(members)
    x = np.bincount(members, weights=np.asarray(places, dtype=np.float64)) / n
    y = np.bincount(members, weights=np.asarray(values, dtype=np.float64)) / n
    return x, y


def stretches(
    places: ArrayLike, values: ArrayLike, threshold: float | None, count: int = 24
) -> tuple[Stretch, ...]:
    """Cut a series into pieces of equal numbers of tracks, each with its quartiles.

    Shape: ``[track]``, ``[track]``.
    """
    x, y = np.asarray(places, dtype=np.float64), np.asarray(values, dtype=np.float64)
    order = np.argsort(x, kind="stable")
    pieces = np.array_split(order, min(count, max(1, x.size // 5)))
    found = []
    for piece in pieces:
        if piece.size:
            low, median, high = np.quantile(y[piece], [0.25, 0.5, 0.75])
            flagged = 0 if threshold is None else int(np.sum(y[piece] >= threshold))
            ends = float(x[piece[0]]), float(x[piece[-1]])
            found.append(
                Stretch(*ends, int(piece.size), float(low), float(median), float(high), flagged)
            )
    return tuple(found)
