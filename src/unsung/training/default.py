# SPDX-License-Identifier: MIT
"""Builds the default bundle from data, measures it on unseen pages, and writes both down.

    python -m unsung.training.default --data music.csv --human FOLDER --out BUNDLE --results DIR

`--data` is a table with label, source page and fold; `--human` a folder of further human music,
one sub-folder a source. Every figure is out of fold: whole pages are unseen. A source of
`--human` shares the fold of the page of the same name in the table, if there is one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.audio.sources import expand
from unsung.data import read_manifest
from unsung.detectors.residual_linear import ResidualLinear
from unsung.errors import AudioError
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime import load_bundle
from unsung.training.linear import LinearFit, balance, fit_linear, out_of_fold
from unsung.training.measure import Excerpt, measure
from unsung.training.outcome import Outcome
from unsung.training.publish import write_bundle, write_results
from unsung.types import FloatArray, Track

__all__ = ["BASELINE", "PENALTY", "UNSEEN_FAMILY", "Material", "gather", "main"]

PENALTY = 3e-4
"""Inverse strength of the ridge; see results/detector-log.md for what was tried."""

BASELINE_PENALTY = 1e-3
BASELINE = ResidualSpectrum.preset("lofcz")
"""The published linear peak detector's front end, fitted on the same rows for comparison."""

UNSEEN_FAMILY = "default, family unseen"
"""Name of the scores by fits that saw neither the page nor the generator's family."""

EXTRA_EXCERPT_S = 8.0
EXTRA_PLACES = (0.15, 0.4, 0.65, 0.9)
EXTRA_SHORTEST_S = 25.0
NOT_MUSIC = ("tilesets", "/sfx/", "speech", "Locomotive")
"""Parts of paths of long sounds in the game packages that are noises, not music."""


@dataclass(frozen=True)
class Material:
    """Everything measured once. Shape: features ``[row, feature]``, the rest ``[row]``.

    ``kind`` is "table" (an excerpt of the table), "equal" (its equalised copy), "extra" (an excerpt
    of further human music) or "full" (a whole track of it).
    """

    tracks: tuple[Track, ...]
    kind: NDArray[np.str_]
    folds: NDArray[np.int_]
    features: NDArray[np.float16]
    baseline: NDArray[np.float16]
    shortcuts: FloatArray
    sha256: str


def main(argv: Sequence[str] | None = None) -> None:
    """Run the whole build from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument("--human", type=Path, help="folder of further human music")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new bundle")
    parser.add_argument("--results", type=Path, required=True, help="folder for the figures")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="measured features")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args(argv)
    detector = ResidualLinear()
    material = gather(arguments, detector)
    outcome = cross_fit(material)
    final = fit_all(material)
    detector.set_linear(final.baseline, final.weights, final.means)
    arguments.results.mkdir(parents=True, exist_ok=True)
    rows = write_results(outcome, arguments.results)
    write_bundle(detector, outcome, rows, arguments.out)
    print(f"bundle {load_bundle(arguments.out).sha256} in {arguments.out}")


def gather(arguments: argparse.Namespace, detector: ResidualLinear) -> Material:
    """Measure all excerpts, or load them when the same were measured before."""
    table = read_manifest(arguments.data)
    folds = {track.group: int(track.split) for track in table}
    plan = [(Excerpt(t), "table", int(t.split)) for t in table]
    plan += [(Excerpt(t, equal=True), "equal", int(t.split)) for t in table]
    if arguments.human:
        plan += _further(arguments.human, folds)
    front_ends = [f for f in detector.front_ends if isinstance(f, ResidualSpectrum)]
    key = json.dumps(
        [[f.to_dict() for f in (*front_ends, BASELINE)]]
        + [[e.track.path, e.start_s, e.duration_s, e.equal, k, f] for e, k, f in plan]
    )
    digest = hashlib.sha256(key.encode()).hexdigest()
    path = arguments.cache / f"features-{digest[:16]}.npz"
    if not path.exists():
        _measure_to(path, [e for e, _, _ in plan], front_ends, arguments.jobs)
    stored = np.load(path)
    good = np.flatnonzero(stored["good"])
    split = sum(len(f.widths) * len(f.freqs_hz) for f in front_ends)
    return Material(
        tuple(plan[i][0].track for i in good),
        np.array([plan[i][1] for i in good]),
        np.array([plan[i][2] for i in good]),
        stored["features"][:, :split],
        stored["features"][:, split:],
        stored["shortcuts"],
        digest,
    )


def _further(folder: Path, folds: dict[str, int]) -> list[tuple[Excerpt, str, int]]:
    """Plan four excerpts and the whole of every track, a fold for each source."""
    import soundfile

    sources = sorted(item.name for item in folder.iterdir() if item.is_dir())
    plan = []
    for number, source in enumerate(sources):
        same = [fold for group, fold in folds.items() if group.endswith(f":{source}")]
        fold = same[0] if same else number % (max(folds.values()) + 1)
        for item in expand([str(folder / source)]):
            try:
                duration = soundfile.info(item.path).duration
            except soundfile.LibsndfileError:
                continue
            if duration < EXTRA_SHORTEST_S or any(word in item.path for word in NOT_MUSIC):
                continue
            name = str(Path(item.path).relative_to(folder))
            track = Track(name, item.path, "human", group=f"debian:{source}", dataset="further")
            for place in EXTRA_PLACES:
                start = place * (duration - EXTRA_EXCERPT_S)
                plan.append((Excerpt(track, start, EXTRA_EXCERPT_S), "extra", fold))
            plan.append((Excerpt(track), "full", fold))
    return plan


def _measure_to(
    path: Path, excerpts: list[Excerpt], front_ends: list[ResidualSpectrum], jobs: int
) -> None:
    features, shortcuts, good = [], [], []
    for number, row in enumerate(measure(excerpts, [*front_ends, BASELINE], jobs), start=1):
        good.append(not row.error)
        if row.features is None or row.shortcuts is None:
            print(f"left out: {row.error}")
            continue
        features.append(row.features)
        shortcuts.append(row.shortcuts)
        if number % 200 == 0:
            print(f"measured {number} of {len(excerpts)}", flush=True)
    if not features:
        raise AudioError(f"none of {len(excerpts)} excerpts could be measured; see above")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, good=np.array(good), features=np.stack(features), shortcuts=np.stack(shortcuts))


def _labels(material: Material) -> tuple[NDArray[np.bool_], list[str], NDArray[np.bool_]]:
    positive = np.array([track.label != "human" for track in material.tracks])
    groups = [track.group for track in material.tracks]
    return positive, groups, np.isin(material.kind, ("table", "extra"))


def cross_fit(material: Material) -> Outcome:
    """Score every row by the fit that has not seen its fold."""
    positive, groups, usable = _labels(material)
    scores = {}
    inputs = {"default": (material.features, PENALTY, usable)}
    table_only = usable & (material.kind == "table")
    inputs["published"] = (material.baseline, BASELINE_PENALTY, table_only)
    for name, (features, penalty, train) in inputs.items():
        values = features.astype(np.float32)
        fits = out_of_fold(values, positive, groups, material.folds, penalty, train=train)
        scores[name] = _assemble(fits, values, material.folds)
    scores[UNSEEN_FAMILY] = _without_family(material, scores["default"])
    return Outcome(
        material.tracks,
        material.kind,
        material.folds,
        scores,
        material.shortcuts,
        material.sha256,
    )


def _without_family(material: Material, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score families that live on several folds by fits that saw no page of the family at all.

    Other rows keep their score: where a family has one fold, leaving the fold out was enough.
    """
    positive, groups, usable = _labels(material)
    families = np.array([t.family or t.generator for t in material.tracks])
    scores = scores.copy()
    for family in sorted(set(families[positive])):
        rows = positive & (families == family)
        folds = np.unique(material.folds[rows])
        for fold in folds if len(folds) > 1 else ():
            chosen = np.flatnonzero(usable & (material.folds != fold) & (families != family))
            weights = balance(positive[chosen], [groups[i] for i in chosen])
            values = material.features[chosen].astype(np.float32)
            fit = fit_linear(values, positive[chosen], weights, PENALTY)
            here = rows & (material.folds == fold)
            scores[here] = fit.logits(material.features[here].astype(np.float32))
    return scores


def _assemble(
    fits: Sequence[LinearFit], features: FloatArray, folds: NDArray[np.int_]
) -> NDArray[np.float64]:
    scores = np.zeros(len(features))
    for fold, fit in enumerate(fits):
        chosen = folds == fold
        scores[chosen] = fit.logits(features[chosen])
    return scores


def fit_all(material: Material) -> LinearFit:
    """Fit on every training row: the model that ships."""
    positive, groups, usable = _labels(material)
    chosen = np.flatnonzero(usable)
    weights = balance(positive[chosen], [groups[i] for i in chosen])
    return fit_linear(
        material.features[chosen].astype(np.float32), positive[chosen], weights, PENALTY
    )


if __name__ == "__main__":
    main()
