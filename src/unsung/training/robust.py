# SPDX-License-Identifier: MIT
"""The default detector's fit: lines where they belong, and the same lines at any shift.

The *moved* fit (ridge regression) scores the lines where they are; it learns from excerpts and
from human music moved to other places of the frequency axis as further negatives: what a key or a
chord does anywhere must not look like a comb. The *copied* fit learns from re-encoded and
reverberant copies as well, so that its logit shrinks less with the room. A template, fitted like
the first on the mean residuals alone, is searched over shifts (`unsung.runtime.shift`). The last
two speak only where they exceed what human recordings reach: a soft maximum makes one logit of the
three. Units: logits. What each part gives stands in results/ablation.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.bundle import LinearPart
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
MOVED_COPIES, TEMPLATE_COPIES = 2, 4
MOVED_REACH = 0.1
"""Human excerpts are moved by up to 10 % either way, a little beyond the search."""

LOWER, UPPER = 0.9, 0.99
"""Quantiles over human recordings that give both scores one scale."""

MARGIN = 1.0
"""Spreads by which the searched score must exceed its human limit to equal the linear one."""

COPIED_MARGIN = 0.75
"""The same for the copied fit: wider finds more in clean sound, narrower more after reverb."""

STEEPNESS = 1.5
"""How much faster than the linear score the others lose weight below their limits."""


@dataclass(frozen=True)
class Ingredients:
    """What a fit is made with; the ablation leaves each out in turn."""

    moved: bool = True
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

    @property
    def linear(self) -> NDArray[np.float64]:
        """The lines in place by the moved fit. Shape: ``[row]``."""
        found: NDArray[np.float64] = self.parts[0]
        return found

    @property
    def copied(self) -> NDArray[np.float64]:
        """The lines in place by the copied fit. Shape: ``[row]``."""
        found: NDArray[np.float64] = self.parts[1]
        return found


@dataclass(frozen=True)
class RobustFit:
    """The fits named in `PARTS`, and the template of the search over the mean residuals."""

    parts: tuple[LinearFit, ...]
    template: LinearFit

    def copies(self, front_ends: Sequence[ResidualSpectrum]) -> LinearPart:
        """Return the copied fit about the moved fit's means."""
        first, second = self.parts
        moved_by = (first.means - second.means).astype(np.float64) @ second.weights
        return LinearPart(
            second.baseline + float(moved_by),
            tuple(split(second.weights, front_ends)),
            tuple(split(first.means, front_ends)),
        )

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
    copied = ridge([*learned, copies]) if len(copies.features) else moved_fit
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


def fit_join(scores: Scores, human: NDArray[np.intp], *, copies: bool = True) -> Join:
    """Return the join whose scores stand alike over human recordings.

    Args:
        scores: out-of-fold scores.
        human: rows of human recordings that set the scale.
        copies: whether the copied fit has a say.
    """
    low, high = np.quantile(scores.linear[human], (LOWER, UPPER))
    shift_limit, shift_spread = _limit(scores.shifted[human], MARGIN)
    second, second_spread = _limit(scores.copied[human], COPIED_MARGIN)
    return Join(
        float(high),
        max(1e-6, float(high - low)),
        shift_limit,
        shift_spread,
        copies_limit=second if copies else None,
        copies_spread=second_spread,
    )


def _limit(scores: NDArray[np.float64], margin: float) -> tuple[float, float]:
    """Return where a score equals the linear one's limit, and its spread."""
    low, high = np.quantile(scores, (LOWER, UPPER))
    spread = max(1e-6, float(high - low))
    return float(high) + margin * spread, spread / STEEPNESS


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
