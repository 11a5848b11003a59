# SPDX-License-Identifier: MIT
"""The default detector's fit: lines where they belong, how they vary, and the same at any shift.

One ridge regression over a track's mean pictures and, at a smaller weight, over their deviations
across its windows. It learns from whole songs and excerpts, from copies through codecs, rooms and
noise, and from stretched and pitched human music as further negatives. A template on the mean
residuals alone, fitted with human music moved to other places of the frequency axis, is searched
over shifts (`unsung.runtime.shift`); it speaks only where it exceeds what human recordings reach.

Every fit of a build is one linear system in the inner products of the rows (the dual of ridge
regression: Saunders, Gammerman and Vovk, ICML 1998), which are computed once. Units: logits, up to
the scale that calibration gives them. What each part gives stands in results/songs.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.bundle import LinearPart
from unsung.runtime.shift import Join, ShiftSearch
from unsung.training.linear import LinearFit, balance
from unsung.training.songs import MOVED, STRETCHED, factor_of
from unsung.types import FloatArray

__all__ = [
    "ALL",
    "Design",
    "Ingredients",
    "RobustFit",
    "Rows",
    "Scores",
    "fit_join",
    "mean_columns",
    "moved",
    "size_of",
    "split",
]

PENALTY = 1e5
"""Ridge on standardised features with weights of mean 1; 3e4 to 3e5 give the same to a point."""

VARIATION = 0.2
"""Weight of the deviations' inner products beside the means'; 0.1 to 0.4 find the same."""

COPY_WEIGHT = 0.6
"""Of an altered copy beside the song itself; 0.3 finds fewer songs of rare services."""

STRETCH_WEIGHT = 0.45
"""Of human music that was stretched or moved: its lines resemble those of some services. At 0.3
one stretched recording in twelve is called AI, at 0.6 fewer songs of rare services are found."""

TEMPLATE_COPIES = 2
MOVED_REACH = 0.1
"""Human music is moved by up to 10 % either way, a little beyond the search."""

LOWER, UPPER = 0.9, 0.99
"""Quantiles over human recordings that give both scores one scale."""

MARGIN = 1.0
"""Spreads by which the searched score must exceed its human limit to equal the linear one."""

STEEPNESS = 0.75
"""How fast the searched score loses and gains weight about its limit, as the linear one does at 1.
At 1.5 chance fits of a few human songs set the threshold of one in a thousand for all."""

LOGITS = 6.0
"""What the regression's targets of -1 and 1 are apart in logits, before calibration."""

FLOOR = 1e-4
"""Added to a feature's deviation, so that one that hardly varies gets no great weight."""

CHUNK = 512
"""Rows that are converted from half precision at a time."""


@dataclass(frozen=True)
class Ingredients:
    """What a fit is made with; the page of a build leaves each out in turn."""

    variation: bool = True
    copies: bool = True


ALL = Ingredients()
"""The shipped fit."""


@dataclass(frozen=True)
class Rows:
    """What a fit may learn from. Shape: features ``[row, 2 · feature]``, the rest ``[row]``.

    The first half of the features are means, the second deviations over windows, which are not a
    number for tracks of one window. ``attack`` names what was done to a row first, "" is nothing;
    ``counts`` are how often a row counts.
    """

    features: NDArray[np.float16]
    positive: NDArray[np.bool_]
    groups: Sequence[str]
    attack: NDArray[np.str_]
    counts: NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Lines in place, lines at the best shift, and that shift in ln(Hz). Shape: ``[row]`` each."""

    linear: NDArray[np.float64]
    shifted: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def empty(cls, n: int) -> Scores:
        """Return zeros to be filled fold by fold."""
        return cls(np.zeros(n), np.zeros(n), np.zeros(n))

    def put(self, rows: NDArray[np.bool_], other: Scores) -> None:
        """Fill in the scores of some rows."""
        self.linear[rows] = other.linear
        self.shifted[rows] = other.shifted
        self.shift[rows] = other.shift


@dataclass(frozen=True)
class RobustFit:
    """Weights over means and deviations, and the template of the search over mean residuals."""

    linear: LinearFit
    variation: LinearFit
    template: LinearFit

    def part(self, front_ends: Sequence[ResidualSpectrum]) -> LinearPart:
        """Return the weights over deviations as a bundle holds them."""
        return LinearPart(
            0.0,
            tuple(split(self.variation.weights, front_ends)),
            tuple(split(self.variation.means, front_ends)),
        )

    def search(self, front_ends: Sequence[ResidualSpectrum]) -> ShiftSearch:
        """Return the search over shifts of the template."""
        plain = mean_only(front_ends)
        return ShiftSearch(
            [f.freqs_hz for f in plain],
            split(self.template.weights, plain),
            split(self.template.means, plain),
        )

    def logits(self, features: NDArray[np.float16]) -> NDArray[np.float64]:
        """Score rows without the search. Shape: ``[row, 2 · feature]`` → ``[row]``."""
        half = len(self.linear.weights)
        found = np.zeros(len(features))
        for start in range(0, len(features), CHUNK):
            part = slice(start, start + CHUNK)
            found[part] = self.linear.logits(features[part, :half].astype(np.float32))
            rest = features[part, half:].astype(np.float32)
            known = np.isfinite(rest).all(axis=1)
            found[part][known] += self.variation.logits(rest[known])
        return found

    def scores(
        self, features: NDArray[np.float16], front_ends: Sequence[ResidualSpectrum]
    ) -> Scores:
        """Score rows. Shape: ``[row, 2 · feature]`` → see `Scores`."""
        search, half = self.search(front_ends), len(self.linear.weights)
        best = [search.best(split(row[:half].astype(np.float32), front_ends)) for row in features]
        found = np.array(best).reshape(-1, 2)
        return Scores(self.logits(features), found[:, 0], found[:, 1])


class Design:
    """Rows standardised once with their inner products; each fit on some of them is one solve.

    Means and deviations of the features are those of all rows: they hold no labels.

    Raises:
        UsageError: at fitting, when only one class is present.
    """

    def __init__(
        self,
        rows: Rows,
        front_ends: Sequence[ResidualSpectrum],
        made_with: Ingredients = ALL,
        seed: int = 0,
        *,
        search: bool = True,
    ) -> None:
        self.rows, self.front_ends, self.made_with = rows, front_ends, made_with
        half = size_of(front_ends)
        self._means = _Standard.of(rows.features[:, :half])
        self._rest = _Standard.of(rows.features[:, half:])
        self.gram = self._means.gram()
        if made_with.variation:
            self.gram += np.float32(VARIATION) * self._rest.gram()
        self._template = _Template(rows, front_ends, seed) if search else None

    def fit(self, chosen: NDArray[np.intp], *, template: bool = True) -> RobustFit:
        """Fit on some of the rows; without a template of its own a fit can only `logits`."""
        rows = self.rows
        if not self.made_with.copies:
            chosen = chosen[rows.attack[chosen] == ""]
        # Moved lines are no lines in place; a stretched human song is a human song.
        placed = chosen[~(rows.positive & np.isin(rows.attack, MOVED))[chosen]]
        weights = np.where(rows.attack == "", 1.0, COPY_WEIGHT) * rows.counts
        weights[~rows.positive & np.isin(rows.attack, (*STRETCHED, *MOVED))] = STRETCH_WEIGHT
        duals, baseline = _solve(self.gram, placed, rows.positive, rows.groups, weights)
        share = np.float32(VARIATION if self.made_with.variation else 0.0)
        linear = self._means.weights(placed, duals, baseline)
        return RobustFit(
            linear,
            self._rest.weights(placed, share * duals, 0.0),
            self._template.fit(chosen) if template and self._template else linear,
        )


class _Standard:
    """Standardised features. Shape: ``[row, feature]``; rows of no number are zero."""

    def __init__(self, values: FloatArray, mean: FloatArray, deviation: FloatArray) -> None:
        self.values, self.mean, self.deviation = values, mean, deviation

    @classmethod
    def of(cls, features: NDArray[np.float16]) -> _Standard:
        values = features.astype(np.float32)
        missing = ~np.isfinite(values).all(axis=1)
        known = values[~missing] if missing.any() else values
        mean = known.mean(axis=0) if len(known) else np.zeros(values.shape[1], np.float32)
        spread = known.std(axis=0) if len(known) else np.ones(values.shape[1], np.float32)
        deviation = spread + np.float32(FLOOR)
        values -= mean
        values /= deviation
        values[missing] = 0.0
        return cls(values, mean, deviation)

    def gram(self) -> FloatArray:
        return np.asarray(self.values @ self.values.T, np.float32)

    def weights(
        self, chosen: NDArray[np.intp], duals: NDArray[np.float64], baseline: float
    ) -> LinearFit:
        """Return the weights over the features themselves that these duals stand for."""
        total = np.zeros(self.values.shape[1], np.float32)
        for start in range(0, len(chosen), CHUNK):
            part = slice(start, start + CHUNK)
            total += duals[part].astype(np.float32) @ self.values[chosen[part]]
        return LinearFit(baseline, total / self.deviation, self.mean)


class _Template:
    """The rows' mean residuals, moved copies back in place, human ones also at other places."""

    def __init__(self, rows: Rows, front_ends: Sequence[ResidualSpectrum], seed: int) -> None:
        rng = np.random.default_rng(seed)
        own, plain_ends = np.concatenate(mean_columns(front_ends)), mean_only(front_ends)
        plain = np.flatnonzero(rows.attack == "")
        parts = [(plain, 1.0)]
        for chain in MOVED:
            here = np.flatnonzero(rows.attack == chain)
            parts.append((here, 1.0 / factor_of(chain)))
        human = plain[~rows.positive[plain]]
        for _ in range(TEMPLATE_COPIES):
            parts.append((human, float(np.exp(rng.uniform(-MOVED_REACH, MOVED_REACH)))))
        features = []
        for source, factor in parts:
            values = rows.features[source][:, own]
            if factor != 1.0:
                wide = moved(values.astype(np.float32), plain_ends, factor)
                values = wide.astype(np.float16)
            features.append(values)
        self._source = np.concatenate([source for source, _ in parts])
        self._standard = _Standard.of(np.concatenate(features))
        self._gram = self._standard.gram()
        self._positive = rows.positive[self._source]
        self._groups = [rows.groups[int(i)] for i in self._source]

    def fit(self, chosen: NDArray[np.intp]) -> LinearFit:
        here = np.flatnonzero(np.isin(self._source, chosen))
        duals, baseline = _solve(self._gram, here, self._positive, self._groups)
        return self._standard.weights(here, duals, baseline)


def _solve(
    gram: FloatArray,
    chosen: NDArray[np.intp],
    positive: NDArray[np.bool_],
    groups: Sequence[str],
    share: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Return duals and baseline of weighted ridge regression with a free baseline.

    The targets are ± half of `LOGITS`; a source that holds both classes counts once for each.

    Shape: ``[row, row]`` → ``[chosen]``.
    """
    labels = positive[chosen]
    if labels.all() or not labels.any():
        raise UsageError(
            "expected human and AI examples, got one class; check the labels of the manifest"
        )
    sides = [f"{groups[int(i)]}|{positive[i]}" for i in chosen]
    weights = balance(labels, sides)
    if share is not None:
        weights = weights * share[chosen]
    system = gram[np.ix_(chosen, chosen)].astype(np.float64)
    system[np.diag_indices(len(chosen))] += PENALTY / weights
    targets = np.stack([np.ones(len(chosen)), np.where(labels, 0.5, -0.5) * LOGITS], axis=1)
    ones, found = scipy.linalg.solve(system, targets, assume_a="pos").T
    baseline = found.sum() / ones.sum()
    return found - baseline * ones, float(baseline)


SEARCHED_FROM_S = 15.0
"""Seconds of sound below which the search says nothing: on excerpts of human music it finds chance
combs so often that joining it cost ten points of what is found at 1 %."""


def fit_join(scores: Scores, human: NDArray[np.intp]) -> Join:
    """Return the join whose scores stand alike over human recordings.

    Args:
        scores: out-of-fold scores.
        human: rows of human recordings of `SEARCHED_FROM_S` and more that set the scale.
    """
    low, high = np.quantile(scores.linear[human], (LOWER, UPPER))
    below, above = np.quantile(scores.shifted[human], (LOWER, UPPER))
    spread = max(1e-6, float(above - below))
    return Join(
        float(high),
        max(1e-6, float(high - low)),
        float(above) + MARGIN * spread,
        spread / STEEPNESS,
        from_s=SEARCHED_FROM_S,
    )


def size_of(front_ends: Sequence[ResidualSpectrum]) -> int:
    """Return how many bins all pictures together have."""
    return sum(f.channels * len(f.freqs_hz) for f in front_ends)


def mean_only(front_ends: Sequence[ResidualSpectrum]) -> list[ResidualSpectrum]:
    """Return the same front ends without the statistics that the search leaves out."""
    return [replace(front_end, statistics=("mean",)) for front_end in front_ends]


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
