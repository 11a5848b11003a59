# SPDX-License-Identifier: MIT
"""The default detector's fit: lines where they belong, and the same lines at any shift.

Two linear models score the lines where they are, each read in its own deviations over human
recordings. The *moved* fit (ridge regression) learns from excerpts and from human music moved to
other places of the frequency axis as further negatives: what a key or a chord does anywhere must
not look like a comb. The *copied* fit learns from re-encoded and reverberant copies as well, so
that its logit shrinks less with the room. A template, fitted like the first on the mean residuals
alone, is searched over shifts (`unsung.runtime.shift`), and both are joined to one logit. Units:
logits. What each part gives stands in results/detector-log.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.shift import Join, ShiftSearch
from unsung.training.linear import LinearFit, balance, fit_linear
from unsung.types import FloatArray

__all__ = [
    "ALL",
    "PARTS",
    "Ingredients",
    "RobustFit",
    "Rows",
    "Scores",
    "fit_join",
    "fit_robust",
    "mean_columns",
    "moved",
    "split",
]

PARTS = ("moved", "copied")
SHARES = (2.0, 1.0)
"""The copied fit finds three times as much after reverb and a tenth less elsewhere."""

MOVED_COPIES, TEMPLATE_COPIES = 2, 4
MOVED_REACH = 0.1
"""Human excerpts are moved by up to 10 % either way, a little beyond the search."""

LOWER, UPPER = 0.9, 0.99
"""Quantiles over human recordings that give both scores one scale."""

MARGIN = 1.0
"""Spreads by which the searched score must exceed its human limit to equal the linear one."""

STEEPNESS = 1.5
"""How much faster than the linear score the searched one loses weight below its limit."""


@dataclass(frozen=True)
class Ingredients:
    """What a fit is made with; the ablation leaves each out in turn."""

    moved: bool = True
    copies: bool = True
    balanced: bool = True


ALL = Ingredients()
"""The shipped fit."""


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
    """Lines in place by each of `PARTS`, lines at the best shift, and that shift in ln(Hz).

    Shape: parts ``[part, row]``, the rest ``[row]``.
    """

    parts: NDArray[np.float64]
    shifted: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def empty(cls, n: int) -> Scores:
        """Return zeros to be filled fold by fold."""
        return cls(np.zeros((len(PARTS), n)), np.zeros(n), np.zeros(n))

    def put(self, rows: NDArray[np.bool_], other: Scores) -> None:
        """Fill in the scores of some rows."""
        self.parts[:, rows] = other.parts
        self.shifted[rows] = other.shifted
        self.shift[rows] = other.shift

    def scales(self, human: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return each part's deviation over human recordings. Shape: ``[part]``."""
        found: NDArray[np.float64] = np.maximum(self.parts[:, human].std(axis=1), 1e-6)
        return found

    def linear(self, scales: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted mean of the parts in units of their deviations. Shape: ``[row]``."""
        mixed: NDArray[np.float64] = shares(scales) @ self.parts
        return mixed


def shares(scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each part is multiplied by: inverse deviations, in logits of the mean part."""
    found: NDArray[np.float64] = np.array(SHARES) / sum(SHARES) * scales.mean() / scales
    return found


@dataclass(frozen=True)
class RobustFit:
    """The fits named in `PARTS`, and the template of the search over the mean residuals."""

    parts: tuple[LinearFit, ...]
    template: LinearFit

    def linear(self, scales: NDArray[np.float64]) -> LinearFit:
        """Return the one linear model that gives `Scores.linear`."""
        means = self.parts[0].means
        weights = np.zeros(len(means))
        baseline = 0.0
        for share, fit in zip(shares(scales), self.parts, strict=True):
            weights += share * fit.weights
            # Every baseline is moved to the first fit's means.
            moved_by = (means - fit.means).astype(np.float64) @ fit.weights
            baseline += float(share) * (fit.baseline + float(moved_by))
        return LinearFit(baseline, weights.astype(np.float32), means)

    def search(self, front_ends: Sequence[ResidualSpectrum]) -> ShiftSearch:
        """Return the search over shifts of the template."""
        plain = mean_only(front_ends)
        return ShiftSearch(
            [f.freqs_hz for f in plain],
            split(self.template.weights, plain),
            split(self.template.means, plain),
        )

    def scores(
        self, features: NDArray[np.float16], front_ends: Sequence[ResidualSpectrum]
    ) -> Scores:
        """Score rows. Shape: ``[row, feature]`` → see `Scores`."""
        search = self.search(front_ends)
        values = features.astype(np.float32)
        best = np.array([search.best(split(row, front_ends)) for row in values]).reshape(-1, 2)
        parts = np.stack([fit.logits(values) for fit in self.parts])
        return Scores(parts, best[:, 0], best[:, 1])


def mean_only(front_ends: Sequence[ResidualSpectrum]) -> list[ResidualSpectrum]:
    """Return the same front ends without the statistics that the search leaves out."""
    return [replace(front_end, statistics=("mean",)) for front_end in front_ends]


def fit_robust(
    rows: Rows,
    front_ends: Sequence[ResidualSpectrum],
    penalty: float,
    seed: int = 0,
    made_with: Ingredients = ALL,
) -> RobustFit:
    """Fit all models.

    Args:
        rows: everything that may be learned from.
        front_ends: whose pictures the features are, in order.
        penalty: inverse strength of the ridge.
        seed: draws the moves of the human music.
        made_with: everything, but for an ablation.

    Raises:
        UsageError: only one class is present.
    """
    rng = np.random.default_rng(seed)
    plain = rows.take(np.flatnonzero(~rows.copy))
    copies = rows.take(np.flatnonzero(rows.copy))
    ridge = partial(_fit, penalty=penalty, balanced=made_with.balanced)
    own = np.concatenate(mean_columns(front_ends))
    means = replace(plain, features=plain.features[:, own])
    moves = (TEMPLATE_COPIES, MOVED_COPIES) if made_with.moved else (0, 0)
    template = ridge([means, *_moved_humans(means, mean_only(front_ends), moves[0], rng)])
    learned = [plain, *_moved_humans(plain, front_ends, moves[1], rng)]
    moved_fit = ridge(learned)
    used = made_with.copies and len(copies.features) > 0
    copied = ridge([*learned, copies]) if used else moved_fit
    return RobustFit((moved_fit, copied), template)


def _moved_humans(
    plain: Rows,
    front_ends: Sequence[ResidualSpectrum],
    copies: int,
    rng: np.random.Generator,
) -> Iterator[Rows]:
    """Yield the human rows at other places of the axis, as often as asked."""
    human = plain.take(np.flatnonzero(~plain.positive))
    for _ in range(copies):
        factor = float(np.exp(rng.uniform(-MOVED_REACH, MOVED_REACH)))
        features = moved(human.features.astype(np.float32), front_ends, factor)
        yield replace(human, features=features.astype(np.float16))


def _fit(parts: Sequence[Rows], penalty: float, balanced: bool) -> LinearFit:
    features = np.concatenate([part.features for part in parts]).astype(np.float32)
    labels = np.concatenate([part.positive for part in parts])
    # A page that holds both classes counts once for each.
    groups = [group for part in parts for group in part.groups]
    sides = [f"{group}|{label}" for group, label in zip(groups, labels, strict=True)]
    weights = balance(labels, sides) if balanced else np.ones(len(labels))
    return fit_linear(features, labels, weights, penalty)


def fit_join(
    linear: NDArray[np.float64], shifted: NDArray[np.float64], human: NDArray[np.intp]
) -> Join:
    """Return the join whose two scores stand alike over human recordings.

    Args:
        linear: out-of-fold scores of the lines in place.
        shifted: and of the lines at their best shift.
        human: rows of human recordings that set the scale.
    """
    low, high = np.quantile(linear[human], (LOWER, UPPER))
    low_shift, high_shift = np.quantile(shifted[human], (LOWER, UPPER))
    spread = max(1e-6, float(high_shift - low_shift))
    return Join(
        float(high),
        max(1e-6, float(high - low)),
        float(high_shift) + MARGIN * spread,
        spread / STEEPNESS,
    )


def mean_columns(front_ends: Sequence[ResidualSpectrum]) -> list[NDArray[np.intp]]:
    """Return the columns of each front end's mean residuals, its first channels.

    The search over shifts reads these alone, and so do the templates of families: with the other
    statistics a bundle would be several times as large.
    """
    found, start = [], 0
    for front_end in front_ends:
        n_freqs = len(front_end.freqs_hz)
        found.append(np.arange(start, start + len(front_end.widths) * n_freqs))
        start += front_end.channels * n_freqs
    return found


def split(features: FloatArray, front_ends: Sequence[ResidualSpectrum]) -> list[FloatArray]:
    """Cut one row of features into pictures. Shape: ``[feature]`` → each ``[channel, freq]``."""
    parts, start = [], 0
    for front_end in front_ends:
        shape = (front_end.channels, len(front_end.freqs_hz))
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
        for _ in range(front_end.channels):
            here = features[:, start : start + n]
            read = here[:, lower] * (1 - share) + here[:, lower + 1] * share
            out[:, start : start + n][:, inside] = read
            start += n
    return out
