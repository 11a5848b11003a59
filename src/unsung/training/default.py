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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from unsung.runtime.shift import Join
from unsung.training.linear import out_of_fold
from unsung.training.measure import Excerpt, measure
from unsung.training.outcome import Outcome
from unsung.training.publish import write_bundle, write_results
from unsung.training.robust import (
    PARTS,
    RobustFit,
    Rows,
    Scores,
    fit_join,
    fit_robust,
    mean_columns,
)
from unsung.types import FloatArray, Track

__all__ = ["BASELINE", "PENALTY", "UNSEEN_FAMILY", "Material", "gather", "main"]

PENALTY = 3e-4
"""Inverse strength of the ridge; see results/detector-log.md for what was tried."""

COPIES = ("reverb@0.4", "mp3@64")
"""What is done to the copies of the table: both smear or mask lines, and neither moves them."""

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

    ``kind`` is "table" (an excerpt of the table), "equal" (its equalised copy), "copy" (a copy with
    one of `COPIES` done to it), "extra" (an excerpt of further human music) or "full" (a whole
    track of it).
    """

    tracks: tuple[Track, ...]
    kind: NDArray[np.str_]
    folds: NDArray[np.int_]
    features: NDArray[np.float16]
    baseline: NDArray[np.float16]
    shortcuts: FloatArray
    sha256: str


@dataclass(frozen=True)
class CrossFit:
    """Out-of-fold scores and what gave them: a fit and a join for each fold."""

    outcome: Outcome
    fits: tuple[RobustFit, ...]
    scales: tuple[NDArray[np.float64], ...]
    joins: tuple[Join, ...]
    scores: Scores


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
    front_ends = residual_front_ends(detector)
    crossed = cross_fit(material, front_ends, arguments.jobs)
    learned = np.flatnonzero(np.isin(material.kind, ("table", "extra", "copy")))
    final = fit_robust(rows_of(material).take(learned), front_ends, PENALTY)
    human = human_rows(material)
    scales = crossed.scores.scales(human)
    linear = final.linear(scales)
    detector.set_linear(linear.baseline, linear.weights, linear.means)
    arguments.results.mkdir(parents=True, exist_ok=True)
    rows = write_results(crossed.outcome, arguments.results)
    join = fit_join(crossed.scores.linear(scales), crossed.scores.shifted, human)
    shift = (final.search(front_ends), join)
    write_bundle(detector, shift, crossed.outcome, rows, arguments.out)
    _add_families(material, front_ends, arguments.out)
    print(f"bundle {load_bundle(arguments.out).sha256} in {arguments.out}")


def _add_families(material: Material, front_ends: Sequence[ResidualSpectrum], folder: Path) -> None:
    """Add the templates that name a decoder's family, with a summary of how well they do."""
    from unsung.training._attribution_cross import cross
    from unsung.training._attribution_page import summary
    from unsung.training.attribution import FAMILIES, add_attribution, family_of

    if not any(family_of(track) in FAMILIES for track in material.tracks):
        print(f"families: the table has none of {', '.join(FAMILIES)}; the bundle names none")
        return
    named = cross(material, np.concatenate(mean_columns(front_ends)))
    add_attribution(folder, material, front_ends, summary(named))


def residual_front_ends(detector: ResidualLinear) -> list[ResidualSpectrum]:
    """Return the detector's front ends, which all are residual spectra."""
    return [f for f in detector.front_ends if isinstance(f, ResidualSpectrum)]


def gather(arguments: argparse.Namespace, detector: ResidualLinear) -> Material:
    """Measure all excerpts, or load them when the same were measured before."""
    table = read_manifest(arguments.data)
    folds = {track.group: int(track.split) for track in table}
    plan = [(Excerpt(t), "table", int(t.split)) for t in table]
    plan += [(Excerpt(t, equal=True), "equal", int(t.split)) for t in table]
    plan += [(Excerpt(t, attack=chain), "copy", int(t.split)) for chain in COPIES for t in table]
    if arguments.human:
        plan += _further(arguments.human, folds)
    front_ends = residual_front_ends(detector)
    key = json.dumps(
        [[f.to_dict() for f in (*front_ends, BASELINE)]]
        + [[e.track.path, e.start_s, e.duration_s, e.equal, e.attack, k, f] for e, k, f in plan]
    )
    digest = hashlib.sha256(key.encode()).hexdigest()
    path = arguments.cache / f"features-{digest[:16]}.npz"
    if not path.exists():
        _measure_to(path, [e for e, _, _ in plan], front_ends, arguments.jobs)
    stored = np.load(path)
    good = np.flatnonzero(stored["good"])
    split = sum(f.channels * len(f.freqs_hz) for f in front_ends)
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


def cross_fit(
    material: Material,
    front_ends: Sequence[ResidualSpectrum],
    jobs: int,
    families: bool = True,
) -> CrossFit:
    """Score every row by fits that have not seen its fold.

    `families` asks also for fits that have not seen the generator's family, several minutes more.
    """
    rows = rows_of(material)
    learned = material.kind != "full"
    learned &= material.kind != "equal"
    folds = material.folds
    names = np.array([t.family or t.generator for t in material.tracks])
    count = int(folds.max()) + 1
    tasks = [np.flatnonzero(learned & (folds != fold)) for fold in range(count)]
    apart = list(_apart(rows.positive, names, folds)) if families else []
    tasks += [
        np.flatnonzero(learned & (folds != fold) & (names != family)) for family, fold in apart
    ]
    fits = fit_many(rows, front_ends, tasks, jobs)
    scores = Scores.empty(len(folds))
    for fold, fit in enumerate(fits[:count]):
        here = folds == fold
        scores.put(here, fit.scores(material.features[here], front_ends))
    unseen = Scores(scores.parts.copy(), scores.shifted.copy(), scores.shift.copy())
    for (family, fold), fit in zip(apart, fits[count:], strict=True):
        here = rows.positive & (names == family) & (folds == fold)
        unseen.put(here, fit.scores(material.features[here], front_ends))
    others = [human_rows(material, without=fold) for fold in range(count)]
    scales = [scores.scales(human) for human in others]
    joins = [
        fit_join(scores.linear(scale), scores.shifted, human)
        for scale, human in zip(scales, others, strict=True)
    ]
    named = {
        "default": _joined(scores, scales, joins, folds),
        UNSEEN_FAMILY: _joined(unseen, scales, joins, folds),
        "without the shift search": _linear(scores, scales, folds),
        **{f"{name} fit alone": part for name, part in zip(PARTS, scores.parts, strict=True)},
        "published": _published(material),
    }
    outcome = Outcome(
        material.tracks, material.kind, folds, named, material.shortcuts, material.sha256
    )
    return CrossFit(outcome, tuple(fits[:count]), tuple(scales), tuple(joins), scores)


def rows_of(material: Material) -> Rows:
    """Return the material as rows to learn from."""
    positive = np.array([track.label != "human" for track in material.tracks])
    groups = [track.group for track in material.tracks]
    return Rows(material.features, positive, groups, material.kind == "copy")


def human_rows(material: Material, without: int | None = None) -> NDArray[np.intp]:
    """Return the human excerpts that give the two scores one scale."""
    labels = np.array([track.label for track in material.tracks])
    chosen = (labels == "human") & np.isin(material.kind, ("table", "extra"))
    return np.flatnonzero(chosen if without is None else chosen & (material.folds != without))


def fit_many(
    rows: Rows, front_ends: Sequence[ResidualSpectrum], tasks: list[NDArray[np.intp]], jobs: int
) -> list[RobustFit]:
    """Fit on several choices of rows; threads, because the arithmetic leaves Python's lock."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda t: fit_robust(rows.take(t), front_ends, PENALTY), tasks))


def _apart(
    positive: NDArray[np.bool_], families: NDArray[np.str_], folds: NDArray[np.int_]
) -> Iterator[tuple[str, int]]:
    """Yield families that live on several folds, with each fold; elsewhere unseen is unseen."""
    for family in sorted(set(families[positive])):
        own = np.unique(folds[positive & (families == family)])
        for fold in own if len(own) > 1 else ():
            yield family, int(fold)


def _linear(
    scores: Scores, scales: Sequence[NDArray[np.float64]], folds: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Return the lines in place, each fold's parts in the other folds' deviations."""
    found = np.zeros(len(folds))
    for fold, scale in enumerate(scales):
        found[folds == fold] = scores.linear(scale)[folds == fold]
    return found


def _joined(
    scores: Scores,
    scales: Sequence[NDArray[np.float64]],
    joins: Sequence[Join],
    folds: NDArray[np.int_],
) -> NDArray[np.float64]:
    linear = _linear(scores, scales, folds)
    joint = np.zeros(len(folds))
    for fold, join in enumerate(joins):
        here = folds == fold
        joint[here] = join(linear[here], scores.shifted[here])
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


if __name__ == "__main__":
    main()
