# SPDX-License-Identifier: MIT
"""Cross-fitting of the default detector: every row scored by fits that have not seen its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.shift import Join
from unsung.training.linear import out_of_fold
from unsung.training.material import LEARNED, Material, human_rows, rows_of
from unsung.training.outcome import Outcome, family_unseen
from unsung.training.robust import (
    ALL,
    PARTS,
    Ingredients,
    RobustFit,
    Rows,
    Scores,
    fit_join,
    fit_robust,
)

__all__ = [
    "BASELINE_PENALTY",
    "PENALTY",
    "WITHOUT_COPIES",
    "WITHOUT_SEARCH",
    "CrossFit",
    "cross_fit",
]

PENALTY = 3e-4
"""Inverse strength of the ridge; see results/detector-log.md for what was tried."""

BASELINE_PENALTY = 1e-3

WITHOUT_SEARCH = "without the shift search"
WITHOUT_COPIES = "without the fit on copies"


@dataclass(frozen=True)
class CrossFit:
    """Out-of-fold scores and what gave them: a fit and a join for each fold."""

    outcome: Outcome
    fits: tuple[RobustFit, ...]
    joins: tuple[Join, ...]
    scores: Scores


def cross_fit(
    material: Material,
    front_ends: Sequence[ResidualSpectrum],
    jobs: int,
    families: bool = True,
    *,
    name: str = "default",
    made_with: Ingredients = ALL,
    left_out: NDArray[np.bool_] | None = None,
) -> CrossFit:
    """Score every row by fits that have not seen its fold.

    Args:
        material: rows of all kinds; those of `LEARNED` are learned from.
        front_ends: whose pictures its features are, in order.
        jobs: fits at once.
        families: fit also without the generator's family, several minutes more.
        name: the detector's name in the outcome.
        made_with: ingredients of the fits.
        left_out: rows that no fit may learn from, all the same scored. Shape: ``[row]``.
    """
    rows = rows_of(material)
    learned = np.isin(material.kind, LEARNED)
    if left_out is not None:
        learned &= ~left_out
    folds = material.folds
    names = np.array([t.family or t.generator for t in material.tracks])
    count = int(folds.max()) + 1
    tasks = [np.flatnonzero(learned & (folds != fold)) for fold in range(count)]
    apart = list(_apart(rows.positive, names, folds)) if families else []
    tasks += [
        np.flatnonzero(learned & (folds != fold) & (names != family)) for family, fold in apart
    ]
    fits = fit_many(rows, front_ends, tasks, jobs, made_with)
    scores = Scores.empty(len(folds))
    for fold, fit in enumerate(fits[:count]):
        here = folds == fold
        scores.put(here, fit.scores(material.features[here], front_ends))
    unseen = Scores(scores.parts.copy(), scores.shifted.copy(), scores.shift.copy())
    for (family, fold), fit in zip(apart, fits[count:], strict=True):
        here = rows.positive & (names == family) & (folds == fold)
        unseen.put(here, fit.scores(material.features[here], front_ends))
    others = [human_rows(material, without=fold) for fold in range(count)]
    copies = bool((rows.copy & learned).any())
    joins = [fit_join(scores, human, copies=copies) for human in others]
    named = {
        name: _joined(joins, folds, scores),
        family_unseen(name): _joined(joins, folds, unseen),
        WITHOUT_SEARCH: _joined(joins, folds, scores, search=False),
        WITHOUT_COPIES: _joined(joins, folds, scores, copies=False),
        **{f"{part} fit alone": own for part, own in zip(PARTS, scores.parts, strict=True)},
        "published": _published(material),
    }
    outcome = Outcome(
        material.tracks, material.kind, folds, named, material.shortcuts, material.sha256, name
    )
    return CrossFit(outcome, tuple(fits[:count]), tuple(joins), scores)


def fit_many(
    rows: Rows,
    front_ends: Sequence[ResidualSpectrum],
    tasks: list[NDArray[np.intp]],
    jobs: int,
    made_with: Ingredients = ALL,
) -> list[RobustFit]:
    """Fit on several choices of rows; threads, because the arithmetic leaves Python's lock."""
    with ThreadPoolExecutor(jobs) as pool:
        fit = partial(fit_robust, front_ends=front_ends, penalty=PENALTY, made_with=made_with)
        return list(pool.map(lambda task: fit(rows.take(task)), tasks))


def _apart(
    positive: NDArray[np.bool_], families: NDArray[np.str_], folds: NDArray[np.int_]
) -> Iterator[tuple[str, int]]:
    """Yield families that live on several folds, with each fold; elsewhere unseen is unseen."""
    for family in sorted(set(families[positive])):
        own = np.unique(folds[positive & (families == family)])
        for fold in own if len(own) > 1 else ():
            yield family, int(fold)


def _joined(
    joins: Sequence[Join],
    folds: NDArray[np.int_],
    scores: Scores,
    *,
    search: bool = True,
    copies: bool = True,
) -> NDArray[np.float64]:
    """Join every row's scores by its fold's join, which has not seen them. Shape: ``[row]``."""
    joint = np.zeros(len(folds))
    for fold, join in enumerate(joins):
        here = folds == fold
        joint[here] = join(
            scores.linear[here],
            scores.shifted[here] if search else None,
            scores.copied[here] if copies else None,
        )
    return joint


def _published(material: Material) -> NDArray[np.float64]:
    """Score every row by the published front end, fitted on the same table."""
    rows = rows_of(material)
    values = material.baseline.astype(np.float32)
    fits = out_of_fold(
        values,
        rows.positive,
        rows.groups,
        material.folds,
        BASELINE_PENALTY,
        train=material.kind == "table",
    )
    scores = np.zeros(len(values))
    for fold, fit in enumerate(fits):
        here = material.folds == fold
        scores[here] = fit.logits(values[here])
    return scores
