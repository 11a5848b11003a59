# SPDX-License-Identifier: MIT
"""Leaves each ingredient of the default detector out in turn, on pages that no fit has seen.

    python -m unsung.training.ablation --data music.csv --human FOLDER --cache CACHE --out results

Every variant is fitted and calibrated fold by fold like the shipped detector, from the same
measurements; nothing else changes. ``--work`` keeps the scores of the finished variants. When not
to use: to choose ingredients; a choice made on these figures has spent the outer folds.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.detectors.residual_linear import ResidualLinear, packaged
from unsung.frontends.residual_spectrum import ResidualSpectrum, Statistic
from unsung.training.crossfit import WITHOUT_COPIES, WITHOUT_SEARCH, cross_fit
from unsung.training.material import (
    Material,
    gather,
    gather_checks,
    joined,
    narrowed,
    residual_front_ends,
)
from unsung.training.outcome import Outcome
from unsung.training.robust import ALL, Ingredients

__all__ = ["CHECKS", "FULL", "VARIANTS", "Variant", "condition_rows", "main", "scored"]

FULL = "everything"
CHECKS = ("speed@1.05", "vocoder_stretch@0.9", "noise_snr@30")
"""What no fit learns from: lines moved, lines smeared, lines masked."""

FrontEnds = Sequence[ResidualSpectrum]


@dataclass(frozen=True)
class Variant:
    """The detector with something left out.

    ``kept`` chooses among the front ends, ``left_out`` names rows that no fit learns from,
    ``score`` the scores that are read where they are not the detector's own.
    """

    kept: Callable[[FrontEnds], FrontEnds] = lambda front_ends: front_ends
    made_with: Ingredients = ALL
    left_out: Callable[[Material], NDArray[np.bool_]] | None = None
    score: str = ""
    words: str = field(default="", compare=False)


def _only(n_fft: int) -> Callable[[FrontEnds], FrontEnds]:
    return lambda front_ends: [f for f in front_ends if f.n_fft == n_fft]


def _less(*statistics: Statistic) -> Callable[[FrontEnds], FrontEnds]:
    def kept(front_ends: FrontEnds) -> FrontEnds:
        rest = [tuple(s for s in f.statistics if s not in statistics) for f in front_ends]
        return [replace(f, statistics=r) for f, r in zip(front_ends, rest, strict=True)]

    return kept


def _labelled(label: str) -> Callable[[Material], NDArray[np.bool_]]:
    return lambda material: np.array([track.label == label for track in material.tracks])


VARIANTS: dict[str, Variant] = {
    FULL: Variant(words="the shipped detector"),
    "without the search over shifts": Variant(score=WITHOUT_SEARCH, words="lines in place alone"),
    "without phase coherence": Variant(_less("coherence")),
    "without persistence": Variant(_less("persistence")),
    "mean residuals alone": Variant(_less("coherence", "persistence")),
    "without 1-Hz bins": Variant(_only(8192), words="the `fast` detector"),
    "without 2-Hz bins": Variant(_only(16384)),
    "2-Hz mean residuals alone": Variant(
        lambda front_ends: _less("coherence", "persistence")(_only(8192)(front_ends))
    ),
    "without human music moved along the axis": Variant(made_with=replace(ALL, moved=False)),
    "without the fit on reverberant and mp3 copies": Variant(score=WITHOUT_COPIES),
    "without balancing pages and classes": Variant(made_with=replace(ALL, balanced=False)),
    "without further human music": Variant(
        left_out=lambda material: material.kind == "extra", words="no Debian packages to learn from"
    ),
    "without resynthesis as positives": Variant(left_out=_labelled("resynth")),
}
"""One ingredient less each, and a few that show what is left when several are gone."""


def main(argv: Sequence[str] | None = None) -> None:
    """Score every variant that is missing and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument("--human", type=Path, help="folder of further human music")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="measured features")
    parser.add_argument("--work", type=Path, default=Path("cache/ablation"), help="scores so far")
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args(argv)
    everything = ResidualLinear(packaged("default"))
    front_ends = residual_front_ends(everything)
    material = joined(gather(arguments, everything), gather_checks(arguments, everything, CHECKS))
    arguments.work.mkdir(parents=True, exist_ok=True)
    outcomes = {}
    for name, variant in VARIANTS.items():
        outcomes[name] = kept_scores(
            material, front_ends, variant, arguments.work, jobs=arguments.jobs
        )
        print(f"{name}: scored", flush=True)
    from unsung.training._ablation_page import write

    write(outcomes, material.attack, arguments.out)


def kept_scores(
    material: Material, front_ends: FrontEnds, variant: Variant, work: Path, *, jobs: int
) -> Outcome:
    """Return a variant's out-of-fold scores, from ``work`` where its fits stand there already."""
    kept = variant.kept(front_ends)
    key = repr((material.sha256, [f.to_dict() for f in kept], variant.made_with))
    if variant.left_out is not None:
        key += hashlib.sha256(variant.left_out(material).tobytes()).hexdigest()
    path = work / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if not path.exists():
        found = scored(material, front_ends, variant, jobs)
        np.savez(path, names=np.array(list(found)), scores=np.stack(list(found.values())))
    stored = np.load(path)
    chosen = stored["scores"][list(stored["names"]).index(variant.score or "default")]
    return Outcome(
        material.tracks,
        material.kind,
        material.folds,
        {"default": chosen},
        material.shortcuts,
        material.sha256,
    )


def scored(
    material: Material, front_ends: FrontEnds, variant: Variant, jobs: int = 1
) -> dict[str, NDArray[np.float64]]:
    """Return the out-of-fold scores of every row by a variant's fits, by name.

    Units: logits. Shape: each ``[row]``.
    """
    kept = variant.kept(front_ends)
    crossed = cross_fit(
        narrowed(material, front_ends, kept),
        kept,
        jobs,
        families=False,
        made_with=variant.made_with,
        left_out=None if variant.left_out is None else variant.left_out(material),
    )
    wanted = ("default", WITHOUT_SEARCH, WITHOUT_COPIES)
    return {name: crossed.outcome.scores[name] for name in wanted}


def condition_rows(outcome: Outcome, attack: NDArray[np.str_]) -> dict[str, NDArray[np.intp]]:
    """Return the rows of the table's human and AI excerpts under each condition."""
    labels = outcome.labels()
    chosen = np.isin(labels, ("human", "ai"))
    found = {"clean": np.flatnonzero(chosen & (outcome.kind == "table"))}
    found["equalised"] = np.flatnonzero(chosen & (outcome.kind == "equal"))
    for name in dict.fromkeys(attack[np.isin(outcome.kind, ("copy", "check"))]):
        here = np.isin(outcome.kind, ("copy", "check")) & (attack == name)
        found[str(name)] = np.flatnonzero(chosen & here)
    return {name: rows for name, rows in found.items() if len(rows)}


if __name__ == "__main__":
    main()
