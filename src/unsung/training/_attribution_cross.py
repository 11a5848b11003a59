# SPDX-License-Identifier: MIT
"""Names recordings by templates that have not seen their page, and, once, not their family.

Limits are nested: those that judge a page were set without it. Families outside the list are
unknown by construction; each listed family is also tried as an unknown one, left out of the fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unsung.runtime.attribution import UNKNOWN
from unsung.training.attribution import (
    FAMILIES,
    Gram,
    duals,
    fit_templates,
    labels_of,
    limits_of,
    table_rows,
)
from unsung.training.material import Material
from unsung.types import FloatArray, Track

__all__ = ["Outcome", "cross", "outside_scores"]

Names = NDArray[np.str_]


@dataclass(frozen=True)
class Outcome:
    """What each AI or resynthesised recording was called.

    Attributes:
        tracks: the recordings.
        families: their true families. Shape: ``[item]``.
        pages: their source pages.
        named: names with the page unseen; "unknown" below every limit.
        closed: the best family whatever its score, for the figure without the open set.
        margins: by how much the best score passes its limit, in spreads.
        unseen: names with the page and the whole family unseen; "" outside the list.
        unseen_margins: the same for margins; NaN outside the list.
        equal: names of the equalised copies, page unseen; "" where there is none.
        human: names of whole human tracks, had they been called AI.
    """

    tracks: tuple[Track, ...]
    families: Names
    pages: Names
    named: Names
    closed: Names
    margins: NDArray[np.float64]
    unseen: Names
    unseen_margins: NDArray[np.float64]
    equal: Names
    human: Names


def outside_scores(
    gram: FloatArray, families: Names, pages: Names, folds: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Score the families outside the list by fits without their fold.

    Shape: ``[item, item]`` and ``[item]`` → ``[outside item, family]``.
    """
    outside = (families != "") & ~np.isin(families, list(FAMILIES))
    scores = []
    for fold in np.unique(folds[outside]):
        test = np.flatnonzero(outside & (folds == fold))
        # A family of the other folds that has a page here too is left out altogether.
        own = np.isin(families, np.unique(families[test]))
        learned = np.flatnonzero((folds != fold) & ~own)
        scores.append(_scores(gram, learned, test, families, pages))
    return np.concatenate(scores)


def cross(material: Material, columns: NDArray[np.intp] | None = None) -> Outcome:
    """Name every recording of the table; several hundred small fits, about a minute.

    `columns` are the features that templates use; None takes all.
    """
    if columns is not None:
        material = replace(material, features=material.features[:, columns])
    rows = table_rows(material)
    families, pages, folds = labels_of(material, rows)
    features = material.features[rows]
    gram = Gram.of(features)
    made = np.flatnonzero(families != "")
    copies = _copies(material, rows)
    across = gram.with_others(material.features[copies[copies >= 0]], features)
    place = np.full(len(rows), -1)
    place[copies >= 0] = np.arange(int((copies >= 0).sum()))
    named = np.full(len(rows), UNKNOWN, dtype="U40")
    closed, equal, unseen = named.copy(), np.full_like(named, ""), np.full_like(named, "")
    margins, apart = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for page in np.unique(pages[made]):
        here = made[pages[made] == page]
        rest = np.flatnonzero(pages != page)
        judge = _Judge.fit(gram.matrix, rest, families, pages, folds)
        scores = judge.scores(gram.matrix[here])
        named[here], margins[here] = judge.names(scores)
        closed[here] = judge.names(scores, open_set=False)[0]
        with_copy = here[place[here] >= 0]
        equal[with_copy] = judge.names(judge.scores(across[place[with_copy]]))[0]
    for family in FAMILIES:
        here = np.flatnonzero(families == family)
        rest = np.flatnonzero((families != family) & ~np.isin(pages, np.unique(pages[here])))
        judge = _Judge.fit(gram.matrix, rest, families, pages, folds)
        unseen[here], apart[here] = judge.names(judge.scores(gram.matrix[here]), without=family)
    return Outcome(
        tuple(material.tracks[int(rows[i])] for i in made),
        families[made],
        pages[made],
        named[made],
        closed[made],
        margins[made],
        unseen[made],
        apart[made],
        equal[made],
        _human(material, features, (families, pages, folds), gram.matrix),
    )


@dataclass(frozen=True)
class _Judge:
    """A fit on some rows with limits that were set on the same rows, nested by fold."""

    learned: NDArray[np.intp]
    alphas: NDArray[np.float64]
    limits: NDArray[np.float64]
    spreads: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        gram: FloatArray,
        learned: NDArray[np.intp],
        families: Names,
        pages: Names,
        folds: NDArray[np.int_],
    ) -> _Judge:
        part = gram[np.ix_(learned, learned)]
        own = families[learned], pages[learned]
        limits, spreads = limits_of(outside_scores(part, *own, folds[learned]))
        return cls(learned, duals(part, *own), limits, spreads)

    def scores(self, products: FloatArray) -> NDArray[np.float64]:
        """Return margins over the limits. Shape: ``[item, all items]`` → ``[item, family]``."""
        raw = products[:, self.learned].astype(np.float64) @ self.alphas
        margins: NDArray[np.float64] = (raw - self.limits) / self.spreads
        return margins

    def names(
        self, margins: NDArray[np.float64], *, open_set: bool = True, without: str = ""
    ) -> tuple[Names, NDArray[np.float64]]:
        """Return names and the best margins; `without` is a family that was not learned."""
        allowed = np.array([name != without for name in FAMILIES])
        kept = np.where(allowed, margins, -np.inf)
        best = kept.argmax(axis=1)
        top = kept[np.arange(len(kept)), best]
        names = np.array(list(FAMILIES))[best]
        return (np.where(top >= 0, names, UNKNOWN) if open_set else names), top


def _scores(
    gram: FloatArray,
    learned: NDArray[np.intp],
    test: NDArray[np.intp],
    families: Names,
    pages: Names,
) -> NDArray[np.float64]:
    alphas = duals(gram[np.ix_(learned, learned)], families[learned], pages[learned])
    scored: NDArray[np.float64] = gram[np.ix_(test, learned)].astype(np.float64) @ alphas
    return scored


def _copies(material: Material, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the row of each recording's equalised copy, or -1."""
    found = {material.tracks[int(i)].id: int(i) for i in table_rows(material, "equal")}
    return np.array([found.get(material.tracks[int(i)].id, -1) for i in rows], np.intp)


def _human(
    material: Material,
    features: NDArray[np.float16],
    labels: Sequence[NDArray[np.generic]],
    gram: FloatArray,
) -> Names:
    """Name whole human tracks, which no template learned from, by the final templates."""
    full = table_rows(material, "full")
    if not len(full):
        return np.array([], dtype="U40")
    families, pages, folds = labels
    templates = fit_templates(features, families.astype(str), pages.astype(str))
    outside = outside_scores(gram, families.astype(str), pages.astype(str), folds.astype(int))
    limits, spreads = limits_of(outside)
    margins = (templates.scores(material.features[full]) - limits) / spreads
    names = np.array(list(FAMILIES))[margins.argmax(axis=1)]
    return np.where(margins.max(axis=1) >= 0, names, UNKNOWN)
