# SPDX-License-Identifier: MIT
"""How often a comb is told, of generators and of human music, and at which distances."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation.proportions import clopper_pearson
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.scanning._comb import LIMIT, comb_of
from unsung.training.attribution import family_of
from unsung.training.material import Material

__all__ = ["CombRow", "comb_lines", "measure_combs"]

DRAWN = 300
_KINDS = {
    ("table", "human"): "human excerpts",
    ("full", "human"): "whole human tracks",
    ("table", "ai"): "AI excerpts",
    ("table", "resynth"): "resynthesised excerpts",
}


@dataclass(frozen=True)
class CombRow:
    """One recording: what it is, its family, and the distance of its lines (None: no comb)."""

    what: str
    family: str
    spacing_hz: float | None


def measure_combs(
    material: Material,
    front_end: ResidualSpectrum,
    columns: NDArray[np.intp],
    n: int = DRAWN,
    seed: int = 0,
) -> list[CombRow]:
    """Look for combs in drawn recordings; about 0.1 s each.

    Args:
        material: all features.
        front_end: in whose mean residual combs are looked for.
        columns: of its mean residuals; the widest comes last.
        n: recordings.
        seed: of the draw.
    """
    rows = np.flatnonzero(np.isin(material.kind, ("table", "full")))
    drawn = np.random.default_rng(seed).permutation(rows)[:n]
    widest = columns[-len(front_end.freqs_hz) :]
    found = []
    for index in drawn:
        track = material.tracks[int(index)]
        comb = comb_of(material.features[index, widest].astype(np.float32), front_end.freqs_hz)
        what = _KINDS[str(material.kind[index]), track.label]
        found.append(CombRow(what, family_of(track), None if comb is None else comb.spacing_hz))
    return found


def comb_lines(rows: Sequence[CombRow]) -> list[str]:
    """Return two Markdown tables."""
    lines = [
        f"{len(rows)} recordings drawn at random; a comb is told at p up to {LIMIT:g}.",
        "",
        "| | n | with a comb |",
        "|---|--:|---|",
    ]
    for what in _KINDS.values():
        here = [row.spacing_hz is not None for row in rows if row.what == what]
        if here:
            span = clopper_pearson(sum(here), len(here))
            share = f"{sum(here) / len(here):.3f} [{span.low:.2f}, {span.high:.2f}]"
            lines.append(f"| {what} | {len(here)} | {share} |")
    families: dict[str, list[CombRow]] = defaultdict(list)
    for row in rows:
        if row.family:
            families[row.family].append(row)
    lines += ["", "| family | n | distances in Hz (recordings) |", "|---|--:|---|"]
    for family, own in sorted(families.items(), key=lambda item: (-len(item[1]), item[0])):
        counts = Counter(f"{row.spacing_hz:.1f}" for row in own if row.spacing_hz is not None)
        words = ", ".join(f"{hz} ({count})" for hz, count in counts.most_common(4)) or "none"
        lines.append(f"| {family} | {len(own)} | {words} |")
    return lines
