# SPDX-License-Identifier: MIT
"""Fits the templates that name a decoder's family, measures them, and adds them to a bundle.

    python -m unsung.training.attribution --data music.csv --human FOLDER --cache CACHE \
        --results results [--bundle BUNDLE]

One ridge regression a family on the features of `unsung.training.default`, in its dual form (as
many unknowns as recordings), against all other generators, all resynthesis and all human music of
the table. A family has templates when at least two independent pages hold five recordings of it and
its recordings share one decoder (`FAMILIES`). A name needs a score that few recordings of families
outside the list reach; those families, each with its page, are unseen by the fit that scores them.
Units: none. When not to use: to say which product made a song; see `unsung.runtime.attribution`.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from unsung.detectors.residual_linear import ResidualLinear
from unsung.export.bundle import bundle_text
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.attribution import ARRAY, Facts
from unsung.runtime.weights import read_safetensors
from unsung.text import parse_json
from unsung.training.material import Material, gather, residual_front_ends
from unsung.training.robust import mean_columns
from unsung.types import FloatArray, Track

__all__ = ["FAMILIES", "Templates", "add_attribution", "family_of", "fit_templates", "main"]

FAMILIES: dict[str, tuple[str, ...]] = {
    "Suno": ("Suno",),
    "MusicGen (EnCodec 32 kHz)": ("MusicGen", "M2UGen"),
    "EnCodec 24 kHz": ("encodec",),
    "AudioLDM 2 (HiFi-GAN 16 kHz)": ("AudioLDM2", "semanticodec"),
    "Stable Audio": ("StableAudio", "EARVAEpage-SAO"),
}
"""Name → families of the table whose sound leaves through that decoder: M2UGen generates with
MusicGen, SemantiCodec decodes with AudioLDM 2's vocoder. DAC is left out: its recordings come from
three decoders with other rates and strides, and no fit finds one from the others."""

PENALTY = 0.3
"""Of 0.1 to 100, small values told families apart better; see results/attribution.md."""

WRONG_NAME_RATE = 0.1
"""Share of recordings of families outside the list that may get any name."""

FLOOR = 1e-3
"""Added to a feature's deviation, so that one that hardly varies gets no great weight."""


@dataclass(frozen=True)
class Gram:
    """Standardised inner products of all recordings with each other: all that a fit needs.

    Shape: matrix ``[item, item]``, mean and deviation ``[feature]``.
    """

    matrix: FloatArray
    mean: FloatArray
    deviation: FloatArray

    @classmethod
    def of(cls, features: NDArray[np.float16]) -> Gram:
        """Standardise and multiply. Shape: ``[item, feature]``."""
        values = features.astype(np.float32)
        mean = values.mean(axis=0)
        values -= mean
        deviation = values.std(axis=0) + np.float32(FLOOR)
        values /= deviation
        return cls(values @ values.T / np.float32(values.shape[1]), mean, deviation)

    def with_others(self, others: NDArray[np.float16], features: NDArray[np.float16]) -> FloatArray:
        """Return products of further recordings with these. Shape: → ``[other, item]``."""
        mine = (features.astype(np.float32) - self.mean) / self.deviation
        theirs = (others.astype(np.float32) - self.mean) / self.deviation
        return np.asarray(theirs @ mine.T / mine.shape[1], np.float32)


@dataclass(frozen=True)
class Templates:
    """``score = baselines + weights · features``. Shape: ``[family]``, ``[family, feature]``."""

    baselines: NDArray[np.float64]
    weights: NDArray[np.float64]

    def scores(self, features: NDArray[np.float16]) -> NDArray[np.float64]:
        """Score rows. Shape: ``[item, feature]`` → ``[item, family]``."""
        scored: NDArray[np.float64] = features.astype(np.float64) @ self.weights.T + self.baselines
        return scored


def family_of(track: Track) -> str:
    """Return the name in `FAMILIES`, the table's own family elsewhere, "" for human music."""
    if track.label == "human":
        return ""
    own = track.family or track.generator
    return next((name for name, members in FAMILIES.items() if own in members), own)


def duals(
    gram: FloatArray, families: NDArray[np.str_], pages: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Solve the ridge regressions of all families at once.

    Each page counts as the root of its size; a family's recordings together weigh a tenth.

    Shape: ``[item, item]``, ``[item]``, ``[item]`` → ``[item, family]``.
    """
    sides = [f"{page}|{family}" for page, family in zip(pages, families, strict=True)]
    sizes = Counter(sides)
    weights = np.array([sizes[side] ** -0.5 for side in sides])
    weights /= weights.mean()
    own = np.stack([families == name for name in FAMILIES], axis=1)
    share = (weights[:, None] * own).sum(axis=0) / weights.sum()
    targets = 0.1 * (own / np.maximum(share, 1e-9) - 1.0)
    root = np.sqrt(weights)
    system = root[:, None] * gram.astype(np.float64) * root
    system[np.diag_indices(len(system))] += PENALTY
    solved = scipy.linalg.cho_solve(scipy.linalg.cho_factor(system), root[:, None] * targets)
    found: NDArray[np.float64] = root[:, None] * solved
    return found


def fit_templates(
    features: NDArray[np.float16], families: NDArray[np.str_], pages: NDArray[np.str_]
) -> Templates:
    """Fit on all rows. Shape: ``[item, feature]``, ``[item]``, ``[item]``."""
    gram = Gram.of(features)
    alphas = duals(gram.matrix, families, pages)
    values = (features.astype(np.float32) - gram.mean) / gram.deviation
    weights = (values.T @ alphas.astype(np.float32)).T.astype(np.float64)  # [family, feature]
    weights /= gram.deviation * values.shape[1]
    return Templates(-(weights @ gram.mean.astype(np.float64)), weights)


def limits_of(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limit of each family and the spread that puts all scores on one scale.

    Every family may take an equal share of the wrong names.

    Shape: scores of recordings of families outside the list ``[item, family]`` → ``[family]``.
    """
    level = 1.0 - WRONG_NAME_RATE / scores.shape[1]
    return np.quantile(scores, level, axis=0), scores.std(axis=0)


def table_rows(material: Material, kind: str = "table") -> NDArray[np.intp]:
    """Return the rows of the table that templates learn from or are tried on."""
    return np.flatnonzero(material.kind == kind)


def add_attribution(
    folder: Path, material: Material, front_ends: Sequence[ResidualSpectrum], measured: str = ""
) -> Facts:
    """Write templates, learned from all of the table, into an exported bundle.

    The bundle's hash changes, because bundle.json holds the section and the new file hash.

    Args:
        folder: of the bundle.
        material: as the bundle's own fit had it.
        front_ends: the detector's, in order.
        measured: what a report says of the accuracy; empty leaves it out.
    """
    from safetensors.numpy import save_file

    from unsung.training._attribution_cross import outside_scores

    rows = table_rows(material)
    columns = mean_columns(front_ends)
    features = material.features[rows][:, np.concatenate(columns)]
    families, pages, folds = labels_of(material, rows)
    templates = fit_templates(features, families, pages)
    outside = outside_scores(Gram.of(features).matrix, families, pages, folds)
    limits, spreads = limits_of(outside)
    weights = templates.weights / spreads[:, None]
    scales = np.abs(weights).max(axis=1)
    facts = Facts(
        tuple(FAMILIES),
        tuple(float(value) for value in scales),
        tuple(float(value) for value in templates.baselines / spreads),
        tuple(float(value) for value in limits / spreads),
        WRONG_NAME_RATE,
        measured,
    )
    path = folder / "weights.safetensors"
    arrays = {name: np.array(array) for name, array in read_safetensors(path).items()}
    info = parse_json((folder / "bundle.json").read_text(encoding="utf-8"))
    ends = np.cumsum([len(part) for part in columns])[:-1]
    parts = np.split(weights / scales[:, None], ends, axis=1)
    for entry, part, front_end in zip(info["front_ends"], parts, front_ends, strict=True):
        shape = (len(FAMILIES), len(front_end.widths), len(front_end.freqs_hz))
        # The library writes memory as it lies: a transposed view would be shuffled.
        stored = np.ascontiguousarray(part.reshape(shape), np.float16)
        arrays[f"{entry['input']}.{ARRAY}"] = stored
    save_file(arrays, str(path))
    path.chmod(0o644)  # the library makes it private
    info["attribution"] = facts.to_dict()
    info["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    text = bundle_text(info)
    (folder / "bundle.json").write_text(text, encoding="utf-8")
    return facts


def labels_of(
    material: Material, rows: NDArray[np.intp]
) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.int_]]:
    """Return family, page and fold of some rows."""
    tracks = [material.tracks[int(i)] for i in rows]
    families = np.array([family_of(track) for track in tracks])
    return families, np.array([track.group for track in tracks]), material.folds[rows]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure leave-one-page-out, write the page, and add templates to a bundle on request."""
    from unsung.training._attribution_combs import measure_combs
    from unsung.training._attribution_cross import cross
    from unsung.training._attribution_page import page, summary

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument("--human", type=Path, help="folder of further human music")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="measured features")
    parser.add_argument("--results", type=Path, required=True, help="folder for the page")
    parser.add_argument("--bundle", type=Path, help="bundle that gets the templates")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args(argv)
    detector = ResidualLinear()
    material = gather(arguments, detector)
    front_ends = residual_front_ends(detector)
    columns = mean_columns(front_ends)
    outcome = cross(material, np.concatenate(columns))
    combs = measure_combs(material, front_ends[-1], columns[-1])
    arguments.results.mkdir(parents=True, exist_ok=True)
    (arguments.results / "attribution.md").write_text(page(outcome, combs), encoding="utf-8")
    if arguments.bundle is not None:
        add_attribution(arguments.bundle, material, front_ends, summary(outcome))


if __name__ == "__main__":
    main()
