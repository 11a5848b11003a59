# SPDX-License-Identifier: MIT
"""Exports one bundle a fold, each fitted without that fold: scores of songs that no fit heard.

    python -m unsung.training.folds --data music.csv --songs songs.csv --human FOLDER --out FOLDS

The same material, fits and penalty as the default bundle's own figures. ``FOLDS/fold-2`` has not
learned from fold 2 and was calibrated on out-of-fold scores of the other folds; the experiments'
detector ``crossfit:default`` scores each track with the bundle of the track's own fold. When not to
use: to judge new songs; five weaker detectors are no replacement for the one that saw everything.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.audio.read import sha256_file
from unsung.detectors.residual_linear import ResidualLinear
from unsung.export import export_bundle
from unsung.training.crossfit import CrossFit, cross_fit
from unsung.training.material import Material, gather, learned_rows, residual_front_ends
from unsung.training.outcome import Outcome, calibration_of
from unsung.training.publish import LIMITS, VERSION

__all__ = ["export_folds", "main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Fit and export all folds from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument("--songs", type=Path, nargs="*", default=[], help="tables of whole songs")
    parser.add_argument("--human", type=Path, help="folder of further human music")
    parser.add_argument("--out", type=Path, required=True, help="folder for fold-0, fold-1, ...")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="measured features")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args(argv)
    detector = ResidualLinear()
    for folder in export_folds(gather(arguments, detector), detector, arguments.out):
        print(folder)


def export_folds(material: Material, detector: ResidualLinear, out: Path) -> list[Path]:
    """Write the bundle of each fold and return their folders."""
    crossed = cross_fit(material, residual_front_ends(detector), families=False)
    hashes = {t.path: t.sha256 or sha256_file(Path(t.path)) for t in material.tracks}
    return [
        _export(material, detector, crossed, fold=fold, hashes=hashes, out=out)
        for fold in range(len(crossed.fits))
    ]


def _export(
    material: Material,
    detector: ResidualLinear,
    crossed: CrossFit,
    *,
    fold: int,
    hashes: dict[str, str],
    out: Path,
) -> Path:
    fit, front_ends = crossed.fits[fold], residual_front_ends(detector)
    detector.set_linear(fit.linear.baseline, fit.linear.weights, fit.linear.means)
    others = np.flatnonzero(material.folds != fold)
    learned = {hashes[material.tracks[i].path] for i in others if learned_rows(material)[i]}
    return export_bundle(
        detector,
        out / f"fold-{fold}",
        name=f"default-without-fold-{fold}",
        version=VERSION,
        reference=len(front_ends) - 1,
        calibration=calibration_of(_rest(material, crossed.outcome.own, others)),
        limits=LIMITS,
        card={"summary": f"The default detector fitted without fold {fold}; for measuring only."},
        training_files=sorted(learned),
        shift=(fit.search(front_ends), crossed.joins[fold]),
        variation=fit.part(front_ends),
    )


def _rest(material: Material, scores: NDArray[np.float64], rows: NDArray[np.intp]) -> Outcome:
    """Return the out-of-fold scores of the other folds, which set this fold's calibration."""
    return Outcome(
        tuple(material.tracks[i] for i in rows),
        material.kind[rows],
        material.folds[rows],
        {"default": scores[rows]},
        material.shortcuts[rows],
        material.sha256,
        covered_s=material.covered_s[rows],
    )


if __name__ == "__main__":
    main()
