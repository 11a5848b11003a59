# SPDX-License-Identifier: MIT
r"""Builds the default bundle from data, measures it on unseen pages, and writes both down.

    python -m unsung.training.default --data music.csv --songs songs.csv --human FOLDER \
        --out BUNDLE --results DIR

`--data` is a table of excerpts with label, source page and fold; `--songs` tables of whole songs
(`unsung.training.songs`); `--human` a folder of further human music, one sub-folder a source.
Every figure is out of fold: whole pages and owners are unseen. A source of
`--human` shares the fold of the page of the same name in the table, if there is one.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from unsung.audio.read import sha256_file
from unsung.detectors.base import Detector
from unsung.detectors.residual_linear import STATISTICS, ResidualLinear, packaged
from unsung.evaluation.energy import joules_between, read_counters, source_of
from unsung.export import export_bundle
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime import load_bundle
from unsung.runtime.bundle import LinearPart
from unsung.runtime.shift import Join, ShiftSearch
from unsung.training.card import model_card
from unsung.training.crossfit import WITHOUT_SEARCH, CrossFit, cross_fit, in_place, searched_humans
from unsung.training.material import (
    LEARNED,
    UNLEARNED_LABELS,
    Material,
    gather,
    narrowed,
    residual_front_ends,
)
from unsung.training.outcome import Outcome, calibration_of
from unsung.training.publish import LIMITS, VERSION, write_results
from unsung.training.robust import ALL, fit_join, mean_columns
from unsung.training.songs import COMMERCIAL, read_songs
from unsung.training.songs_page import write_songs
from unsung.types import Result

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the whole build from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument("--songs", type=Path, nargs="*", default=[], help="tables of whole songs")
    parser.add_argument("--human", type=Path, help="folder of further human music")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new bundle")
    parser.add_argument("--results", type=Path, required=True, help="folder for the figures")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="measured features")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--detector", choices=sorted(STATISTICS), default="default")
    arguments = parser.parse_args(argv)
    before_j = read_counters()
    # Every packaged detector sees a part of what the default one sees: measured once for all.
    everything = ResidualLinear()
    detector = ResidualLinear(packaged(arguments.detector))
    front_ends = residual_front_ends(detector)
    material = narrowed(gather(arguments, everything), residual_front_ends(everything), front_ends)
    crossed = cross_fit(material, front_ends, name=arguments.detector)
    final, human = crossed.final, searched_humans(material)
    detector.set_linear(final.linear.baseline, final.linear.weights, final.linear.means)
    arguments.results.mkdir(parents=True, exist_ok=True)
    rows = write_results(crossed.outcome, arguments.results)
    if arguments.songs and arguments.detector == "default":
        rows = rows + _write_songs(material, front_ends, crossed, arguments)
    shift = (final.search(front_ends), fit_join(crossed.scores, human))
    cost = cost_in_words(_cpu_s(), joules_between(before_j, read_counters()), source_of(before_j))
    write_bundle(
        detector, shift, crossed.outcome, rows, arguments.out,
        variation=final.part(front_ends), cost=cost,
    )  # fmt: skip
    if arguments.detector == "default":  # the others stay small
        _add_families(material, front_ends, arguments.out)
    print(f"bundle {load_bundle(arguments.out).sha256} in {arguments.out}")


def _write_songs(
    material: Material,
    front_ends: Sequence[ResidualSpectrum],
    crossed: CrossFit,
    arguments: argparse.Namespace,
) -> list[Result]:
    """Write results/songs.md, with the detector less one ingredient each beside it."""
    coarse = [f for f in front_ends if f.n_fft != front_ends[-1].n_fft]
    narrow = narrowed(material, front_ends, coarse)
    released = np.array([COMMERCIAL in track.licence for track in material.tracks])
    excerpts = replace(material, left_out=np.isin(material.kind, ("song", "copy")))
    unreleased = replace(material, left_out=released)
    less = {
        "nor the variation over the track": (material, front_ends, {"variation": False}),
        "nor altered copies": (material, front_ends, {"copies": False}),
        "nor the fine resolution (`fast`)": (narrow, coarse, {}),
        "nor songs to learn from": (excerpts, front_ends, {}),
        "nor commercial recordings to learn from": (unreleased, front_ends, {}),
    }
    variants = {WITHOUT_SEARCH: crossed.outcome.scores[WITHOUT_SEARCH]}
    for name, (rows, ends, options) in less.items():
        variants[name] = in_place(rows, ends, replace(ALL, **options))
        print(f"{name}: scored", flush=True)
    kinds = {song.track.path: song.kind for song in read_songs(arguments.songs)}
    return write_songs(crossed.outcome, kinds, material.attack, variants, arguments.results)


def write_bundle(
    detector: Detector,
    shift: tuple[ShiftSearch, Join],
    outcome: Outcome,
    rows: Sequence[Result],
    folder: Path,
    *,
    variation: LinearPart | None = None,
    cost: str = "",
) -> None:
    """Export the fitted detector with its search over shifts, calibration and card."""
    learned = {
        track.path
        for track, kind in zip(outcome.tracks, outcome.kind, strict=True)
        if kind in LEARNED and track.label not in UNLEARNED_LABELS
    }
    export_bundle(
        detector,
        folder,
        name=outcome.name,
        version=VERSION,
        reference=len(detector.front_ends) - 1,
        calibration=calibration_of(outcome),
        limits=LIMITS,
        card=model_card(outcome, rows, detector, cost),
        training_files=[sha256_file(path) for path in sorted(learned)],
        shift=shift,
        variation=variation,
    )


def cost_in_words(cpu_s: float, energy_j: float | None, source: str) -> str:
    """Return what a build took.

    Time is rounded up to five hours and energy to 50 Wh, so that two builds from the same data
    have the same card and hash, whether they measured the sound anew or not.

    >>> cost_in_words(4000.0, None, "not measured: no energy counter")
    'less than 5 CPU hours, no GPU; energy not measured: no energy counter'
    >>> cost_in_words(20000.0, 4e5, "RAPL")
    'less than 10 CPU hours, no GPU; energy less than 150 Wh (RAPL)'
    """
    hours = 5 * max(1, math.ceil(cpu_s / 3600 / 5))
    watt_hours = 50 * max(1, math.ceil((energy_j or 0.0) / 3600 / 50))
    energy = source if energy_j is None else f"less than {watt_hours} Wh ({source})"
    return f"less than {hours} CPU hours, no GPU; energy {energy}"


def _cpu_s() -> float:
    """Return the processor time of this process and its finished children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _add_families(material: Material, front_ends: Sequence[ResidualSpectrum], folder: Path) -> None:
    """Add the templates that name a decoder's family, with a summary of how well they do."""
    from unsung.training._attribution_cross import cross
    from unsung.training._attribution_page import summary
    from unsung.training.attribution import FAMILIES, add_attribution, family_of

    table = (t for t, k in zip(material.tracks, material.kind, strict=True) if k == "table")
    if not any(family_of(track) in FAMILIES for track in table):
        print(f"families: the table has none of {', '.join(FAMILIES)}; the bundle names none")
        return
    named = cross(material, np.concatenate(mean_columns(front_ends)))
    add_attribution(folder, material, front_ends, summary(named))


if __name__ == "__main__":
    main()
