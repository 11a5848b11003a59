# SPDX-License-Identifier: MIT
"""The material of a build: everything measured once, kept on disk, as rows to learn from.

Features are the pictures of `unsung.training.measure`, in dB or deviations as the front ends give
them, in half precision.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.audio.sources import expand
from unsung.data import read_manifest
from unsung.detectors.residual_linear import ResidualLinear
from unsung.errors import AudioError, UsageError
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.training.measure import Excerpt, measure
from unsung.training.robust import Rows
from unsung.types import FloatArray, Track

__all__ = [
    "BASELINE",
    "COPIES",
    "LEARNED",
    "Material",
    "columns_of",
    "gather",
    "gather_checks",
    "human_rows",
    "joined",
    "narrowed",
    "residual_front_ends",
    "rows_of",
]

COPIES = ("reverb@0.4", "mp3@64")
"""What is done to the copies of the table: both smear or mask lines, and neither moves them."""

BASELINE = ResidualSpectrum.preset("lofcz")
"""The published linear peak detector's front end, fitted on the same rows for comparison."""

LEARNED = ("table", "extra", "copy")
"""Kinds of rows that a fit may see; equalised copies and whole tracks are for measuring only."""

EXTRA_EXCERPT_S = 8.0
EXTRA_PLACES = (0.15, 0.4, 0.65, 0.9)
EXTRA_SHORTEST_S = 25.0
NOT_MUSIC = ("tilesets", "/sfx/", "speech", "Locomotive")
"""Parts of paths of long sounds in the game packages that are noises, not music."""


@dataclass(frozen=True)
class Material:
    """Everything measured once. Shape: features ``[row, feature]``, the rest ``[row]``.

    ``kind`` is "table" (an excerpt of the table), "equal" (its equalised copy), "copy" (a copy with
    one of `COPIES` done to it), "check" (under an attack that no fit learns from), "extra" (an
    excerpt of further human music) or "full" (a whole track of it). ``attack`` names what was done.
    """

    tracks: tuple[Track, ...]
    kind: NDArray[np.str_]
    folds: NDArray[np.int_]
    features: NDArray[np.float16]
    baseline: NDArray[np.float16]
    shortcuts: FloatArray
    sha256: str
    attack: NDArray[np.str_]


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
    return _measured(plan, arguments, residual_front_ends(detector))


def gather_checks(
    arguments: argparse.Namespace, detector: ResidualLinear, chains: Sequence[str]
) -> Material:
    """Measure the table's human and AI excerpts under attacks that no fit learns from."""
    table = [t for t in read_manifest(arguments.data) if t.label != "resynth"]
    plan = [(Excerpt(t, attack=chain), "check", int(t.split)) for chain in chains for t in table]
    return _measured(plan, arguments, residual_front_ends(detector))


def joined(first: Material, second: Material) -> Material:
    """Return the rows of both; they were measured by the same front ends."""

    def both(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(first, name), getattr(second, name)])

    return Material(
        first.tracks + second.tracks,
        both("kind"),
        both("folds"),
        both("features"),
        both("baseline"),
        both("shortcuts"),
        hashlib.sha256(f"{first.sha256} {second.sha256}".encode()).hexdigest(),
        both("attack"),
    )


def columns_of(
    front_ends: Sequence[ResidualSpectrum], kept: Sequence[ResidualSpectrum]
) -> NDArray[np.intp]:
    """Return which columns of one detector's features another's are.

    Args:
        front_ends: what the features were measured with.
        kept: some of them, each with the same statistics or fewer.

    Raises:
        UsageError: a front end or statistic that was not measured.
    """
    blocks, start = {}, 0
    for front_end in front_ends:
        plain = replace(front_end, statistics=("mean",))
        size = plain.channels * len(plain.freqs_hz)
        for statistic in front_end.statistics:
            blocks[plain, statistic] = np.arange(start, start + size)
            start += size
    wanted = [
        (replace(f, statistics=("mean",)), statistic) for f in kept for statistic in f.statistics
    ]
    missing = [
        f"{statistic} at n_fft {f.n_fft}" for f, statistic in wanted if (f, statistic) not in blocks
    ]
    if missing:
        raise UsageError(f"expected pictures that were measured, got {', '.join(missing)}")
    return np.concatenate([blocks[key] for key in wanted])


def narrowed(
    material: Material, front_ends: Sequence[ResidualSpectrum], kept: Sequence[ResidualSpectrum]
) -> Material:
    """Return the material as a detector with some of the pictures would have measured it."""
    columns = columns_of(front_ends, kept)
    return replace(material, features=material.features[:, columns])


def _measured(
    plan: list[tuple[Excerpt, str, int]],
    arguments: argparse.Namespace,
    front_ends: list[ResidualSpectrum],
) -> Material:
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
    features = stored["features"]
    return Material(
        tuple(plan[i][0].track for i in good),
        np.array([plan[i][1] for i in good]),
        np.array([plan[i][2] for i in good]),
        features[:, :split],
        features[:, split:],
        stored["shortcuts"],
        digest,
        np.array([plan[i][0].attack for i in good]),
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
