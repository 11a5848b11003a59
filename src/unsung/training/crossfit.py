# SPDX-License-Identifier: MIT
"""Cross-fitting of the default detector: every row scored by fits that have not seen its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.shift import Join
from unsung.training.linear import out_of_fold
from unsung.training.material import Material, human_rows, learned_rows, rows_of
from unsung.training.outcome import Outcome, family_unseen
from unsung.training.robust import (
    ALL,
    SEARCHED_FROM_S,
    Design,
    Ingredients,
    RobustFit,
    Rows,
    Scores,
    fit_join,
)

__all__ = [
    "BASELINE_PENALTY",
    "WITHOUT_SEARCH",
    "CrossFit",
    "cross_fit",
    "in_place",
    "searched_humans",
]

BASELINE_PENALTY = 1e-3

WITHOUT_SEARCH = "without the shift search"


@dataclass(frozen=True)
class CrossFit:
    """Out-of-fold scores and what gave them: a fit and a join for each fold, and one of all."""

    outcome: Outcome
    fits: tuple[RobustFit, ...]
    joins: tuple[Join, ...]
    scores: Scores
    final: RobustFit


def design_of(
    material: Material,
    front_ends: Sequence[ResidualSpectrum],
    made_with: Ingredients = ALL,
    *,
    search: bool = True,
) -> tuple[Design, NDArray[np.intp]]:
    """Return the design over the rows that may be learned from, and their places."""
    places = np.flatnonzero(learned_rows(material))
    rows = rows_of(material)
    chosen = Rows(
        rows.features[places],
        rows.positive[places],
        [rows.groups[int(i)] for i in places],
        rows.attack[places],
        rows.counts[places],
    )
    return Design(chosen, front_ends, made_with, search=search), places


def in_place(
    material: Material, front_ends: Sequence[ResidualSpectrum], made_with: Ingredients = ALL
) -> NDArray[np.float64]:
    """Return out-of-fold scores of the lines in place alone: no search. Shape: ``[row]``."""
    design, places = design_of(material, front_ends, made_with, search=False)
    scores = np.zeros(len(material.folds))
    for fold in np.unique(material.folds):
        fit = design.fit(np.flatnonzero(material.folds[places] != fold))
        here = material.folds == fold
        scores[here] = fit.logits(material.features[here])
    return scores


def cross_fit(
    material: Material,
    front_ends: Sequence[ResidualSpectrum],
    families: bool = True,
    *,
    name: str = "default",
    made_with: Ingredients = ALL,
) -> CrossFit:
    """Score every row by fits that have not seen its fold.

    Args:
        material: rows of all kinds; those of `learned_rows` are learned from.
        front_ends: whose pictures its features are, in order.
        families: score also by fits without the generator's family, by lines in place alone.
        name: the detector's name in the outcome.
        made_with: ingredients of the fits.
    """
    design, places = design_of(material, front_ends, made_with)
    folds, learned = material.folds, material.folds[places]
    count = int(folds.max()) + 1
    fits = [design.fit(np.flatnonzero(learned != fold)) for fold in range(count)]
    scores = Scores.empty(len(folds))
    for fold, fit in enumerate(fits):
        here = folds == fold
        scores.put(here, fit.scores(material.features[here], front_ends))
    named: dict[str, NDArray[np.float64]] = {}
    if families:
        named[family_unseen(name)] = _unseen(material, design, places, scores.linear)
    joins = [fit_join(scores, searched_humans(material, without=fold)) for fold in range(count)]
    named = {
        name: _joined(joins, material, scores),
        **named,
        WITHOUT_SEARCH: scores.linear.copy(),
        "published": _published(material),
    }
    outcome = Outcome(
        material.tracks, material.kind, folds, named, material.shortcuts, material.sha256, name,
        material.covered_s,
    )  # fmt: skip
    final = design.fit(np.arange(len(places)))
    return CrossFit(outcome, tuple(fits), tuple(joins), scores, final)


def _unseen(
    material: Material, design: Design, places: NDArray[np.intp], seen: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Score every family by fits that saw neither its fold nor the family. Shape: ``[row]``."""
    scores = seen.copy()
    positive = np.array([track.label != "human" for track in material.tracks])
    names = np.array([t.family or t.generator for t in material.tracks])
    for family, fold in _apart(positive, names, material.folds):
        other = (material.folds[places] != fold) & (names[places] != family)
        fit = design.fit(np.flatnonzero(other), template=False)
        here = positive & (names == family) & (material.folds == fold)
        scores[here] = fit.logits(material.features[here])
    return scores


def _apart(
    positive: NDArray[np.bool_], families: NDArray[np.str_], folds: NDArray[np.int_]
) -> Iterator[tuple[str, int]]:
    """Yield families that live on several folds, with each fold; elsewhere unseen is unseen."""
    for family in sorted(set(families[positive])):
        own = np.unique(folds[positive & (families == family)])
        for fold in own if len(own) > 1 else ():
            yield family, int(fold)


def searched_humans(material: Material, without: int | None = None) -> NDArray[np.intp]:
    """Return the human recordings that are long enough for the search."""
    human = human_rows(material, without=without)
    return human[material.covered_s[human] >= SEARCHED_FROM_S]


def _joined(joins: Sequence[Join], material: Material, scores: Scores) -> NDArray[np.float64]:
    """Join every row's scores by its fold's join, which has not seen them. Shape: ``[row]``."""
    joint = scores.linear.copy()
    for fold, join in enumerate(joins):
        here = (material.folds == fold) & (material.covered_s >= join.from_s)
        joint[here] = join(scores.linear[here], scores.shifted[here])
    return joint


def _published(material: Material) -> NDArray[np.float64]:
    """Score the compared rows by the published front end, fitted on the table; else NaN."""
    rows = rows_of(material)
    known = np.isfinite(material.baseline[:, 0].astype(np.float32))
    values = np.nan_to_num(material.baseline.astype(np.float32))
    train = (material.kind == "table") & learned_rows(material) & known
    fits = out_of_fold(
        values, rows.positive, rows.groups, material.folds, BASELINE_PENALTY, train=train
    )
    scores = np.full(len(values), np.nan)
    for fold, fit in enumerate(fits):
        here = known & (material.folds == fold)
        scores[here] = fit.logits(values[here])
    return scores
