# SPDX-License-Identifier: MIT
"""Intervals for a share of independent yes/no outcomes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from unsung.evaluation._checks import EvaluationError, fraction, item_count
from unsung.types import Record

__all__ = ["Interval", "clopper_pearson", "wilson"]


@dataclass(frozen=True)
class Interval(Record):
    """A number and the range that holds the true one at the stated level."""

    value: float
    low: float
    high: float
    level: float = 0.95


def clopper_pearson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the exact interval: it covers at least ``level``, usually more.

    Source: Clopper and Pearson 1934, through quantiles of the beta distribution.

    >>> round(clopper_pearson(0, 100).high, 4)
    0.0362
    """
    k, n, tail = _checked(successes, n, level)
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1 - tail))
    return Interval(k / n, low, high, level)


def wilson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the score interval: close to ``level`` on average, shorter than the exact one.

    Source: Wilson 1927.

    >>> round(wilson(5, 10).low, 4)
    0.2366
    """
    k, n, tail = _checked(successes, n, level)
    z = float(special.ndtri(1 - tail))
    share = k / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = 0.0 if k == 0 else centre - half
    high = 1.0 if k == n else centre + half
    return Interval(share, low, high, level)


def _checked(successes: int, n: int, level: float) -> tuple[int, int, float]:
    n = item_count(n, "trials")
    if not 0 <= successes <= n:
        raise EvaluationError(f"expected 0 to {n} successes, got {successes}")
    return int(successes), n, (1 - fraction(level, "the level")) / 2
