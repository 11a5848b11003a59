# SPDX-License-Identifier: MIT
"""The default detector's fit: lines where they belong, and the same lines at any shift.

Three ridge regressions. The *plain* fit learns from excerpts as they are. The *template* learns
also from human music moved to other places of the frequency axis as further negatives: what a key
or a chord does anywhere must not look like a comb. The *copied* fit learns from re-encoded and
reverberant copies as well, so that its logit shrinks less with the room. Their mean scores the
lines where they are; the template alone is searched over shifts (`unsung.runtime.shift`), and both
are joined to one logit. Units: logits. What each part gives stands in results/detector-log.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.shift import Join, ShiftSearch
from unsung.training.linear import LinearFit, balance, fit_linear
from unsung.types import FloatArray

__all__ = ["RobustFit", "Rows", "Scores", "fit_join", "fit_robust", "moved", "split"]

MOVED_COPIES = 4
MOVED_REACH = 0.1
"""Human excerpts are moved by up to 10 % either way, a little beyond the search."""

LOWER, UPPER = 0.9, 0.99
"""Quantiles over human recordings that give both scores one scale."""

MARGIN = 0.5
"""Spreads by which the searched score must exceed its human limit to equal the linear one."""

STEEPNESS = 2.0
"""How much faster than the linear score the searched one loses weight below its limit."""


@dataclass(frozen=True)
class Rows:
    """What a fit may learn from. Shape: features ``[row, feature]``, the rest ``[row]``.

    ``copy`` marks re-encoded or reverberant copies, which only the copied fit sees.
    """

    features: NDArray[np.float16]
    positive: NDArray[np.bool_]
    groups: Sequence[str]
    copy: NDArray[np.bool_]

    def take(self, chosen: NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        groups = [self.groups[int(i)] for i in chosen]
        return Rows(self.features[chosen], self.positive[chosen], groups, self.copy[chosen])


@dataclass(frozen=True)
class Scores:
    """Shape: each ``[row]``: lines in place, lines at the best shift, and that shift in ln(Hz)."""

    linear: NDArray[np.float64]
    shifted: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def empty(cls, n: int) -> Scores:
        """Return zeros to be filled fold by fold."""
        return cls(np.zeros(n), np.zeros(n), np.zeros(n))

    def put(self, rows: NDArray[np.bool_], other: Scores) -> None:
        """Fill in the scores of some rows."""
        for mine, theirs in (
            (self.linear, other.linear), (self.shifted, other.shifted), (self.shift, other.shift),
        ):  # fmt: skip
            mine[rows] = theirs


@dataclass(frozen=True)
class RobustFit:
    """``linear`` is the mean of all three fits; ``plain`` and ``template`` are two of them."""

    linear: LinearFit
    template: LinearFit
    plain: LinearFit

    def search(self, front_ends: Sequence[ResidualSpectrum]) -> ShiftSearch:
        """Return the search over shifts of the template."""
        return ShiftSearch(
            [f.freqs_hz for f in front_ends],
            split(self.template.weights, front_ends),
            split(self.template.means, front_ends),
        )

    def scores(
        self, features: NDArray[np.float16], front_ends: Sequence[ResidualSpectrum]
    ) -> Scores:
        """Score rows. Shape: ``[row, feature]`` → each ``[row]``."""
        search = self.search(front_ends)
        values = features.astype(np.float32)
        best = np.array([search.best(split(row, front_ends)) for row in values]).reshape(-1, 2)
        return Scores(self.linear.logits(values), best[:, 0], best[:, 1])


def fit_robust(
    rows: Rows, front_ends: Sequence[ResidualSpectrum], penalty: float, seed: int = 0
) -> RobustFit:
    """Fit all three models.

    Args:
        rows: everything that may be learned from.
        front_ends: whose pictures the features are, in order.
        penalty: inverse strength of the ridge.
        seed: draws the moves of the human music.

    Raises:
        UsageError: only one class is present.
    """
    rng = np.random.default_rng(seed)
    plain = rows.take(np.flatnonzero(~rows.copy))
    human = plain.take(np.flatnonzero(~plain.positive))
    parts = [plain.features.astype(np.float32)]
    positive, groups = [plain.positive], list(plain.groups)
    as_is = _fit(parts, positive, groups, penalty)
    for _ in range(MOVED_COPIES):
        factor = float(np.exp(rng.uniform(-MOVED_REACH, MOVED_REACH)))
        parts.append(moved(human.features.astype(np.float32), front_ends, factor))
        positive.append(human.positive)
        groups += list(human.groups)
    template = _fit(parts, positive, groups, penalty)
    fits = [as_is, template]
    copies = rows.take(np.flatnonzero(rows.copy))
    if len(copies.features):
        parts.append(copies.features.astype(np.float32))
        fits.append(_fit(parts, [*positive, copies.positive], [*groups, *copies.groups], penalty))
    return RobustFit(_mean(fits), template, as_is)


def _fit(
    parts: list[FloatArray], positive: list[NDArray[np.bool_]], groups: list[str], penalty: float
) -> LinearFit:
    features, labels = np.concatenate(parts), np.concatenate(positive)
    # A page that holds both classes counts once for each.
    sides = [f"{group}|{label}" for group, label in zip(groups, labels, strict=True)]
    return fit_linear(features, labels, balance(labels, sides), penalty)


def _mean(fits: Sequence[LinearFit]) -> LinearFit:
    """Return the fit whose logit is the mean of several, for every input."""
    weights = sum(fit.weights.astype(np.float64) for fit in fits) / len(fits)
    means = fits[0].means
    # Every baseline is moved to the first fit's means.
    baselines = [
        fit.baseline + float((means - fit.means).astype(np.float64) @ fit.weights) for fit in fits
    ]
    return LinearFit(float(np.mean(baselines)), np.asarray(weights, np.float32), means)


def fit_join(scores: Scores, human: NDArray[np.intp]) -> Join:
    """Return the join whose two scores stand alike over human recordings.

    Args:
        scores: out-of-fold scores.
        human: rows of human recordings that set the scale.
    """
    low, high = np.quantile(scores.linear[human], (LOWER, UPPER))
    low_shift, high_shift = np.quantile(scores.shifted[human], (LOWER, UPPER))
    spread = max(1e-6, float(high_shift - low_shift))
    return Join(
        float(high),
        max(1e-6, float(high - low)),
        float(high_shift) + MARGIN * spread,
        spread / STEEPNESS,
    )


def split(features: FloatArray, front_ends: Sequence[ResidualSpectrum]) -> list[FloatArray]:
    """Cut one row of features into pictures. Shape: ``[feature]`` → each ``[channel, freq]``."""
    parts, start = [], 0
    for front_end in front_ends:
        shape = (len(front_end.widths), len(front_end.freqs_hz))
        parts.append(features[start : start + shape[0] * shape[1]].reshape(shape))
        start += shape[0] * shape[1]
    return parts


def moved(
    features: FloatArray, front_ends: Sequence[ResidualSpectrum], factor: float
) -> FloatArray:
    """Return pictures as if every frequency were multiplied by a factor; zero beyond the band.

    Shape: ``[row, feature]`` both ways.
    """
    out = np.zeros_like(features)
    start = 0
    for front_end in front_ends:
        axis = front_end.freqs_hz
        n = len(axis)
        place = (axis / factor - axis[0]) / (axis[1] - axis[0])
        lower = np.floor(place).astype(np.intp)
        inside = (lower >= 0) & (lower < n - 1)
        share = (place - lower).astype(np.float32)[inside]
        lower = lower[inside]
        for _ in front_end.widths:
            here = features[:, start : start + n]
            read = here[:, lower] * (1 - share) + here[:, lower + 1] * share
            out[:, start : start + n][:, inside] = read
            start += n
    return out
