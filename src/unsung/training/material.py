# SPDX-License-Identifier: MIT
"""The material of a build: everything measured once, kept on disk, as rows to learn from.

Features are the pictures of `unsung.training.measure`, in dB or deviations as the front ends give
them, in half precision.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.audio.sources import expand
from unsung.data import read_manifest
from unsung.data._atomic import replacing
from unsung.detectors.residual_linear import ResidualLinear
from unsung.errors import AudioError, UsageError
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.training.measure import BASELINE, Excerpt, Row, measure
from unsung.training.robust import Rows, size_of
from unsung.training.songs import COPY_S, COUNTS, altered, conditions, read_songs
from unsung.types import FloatArray, Track

__all__ = [
    "BASELINE",
    "LEARNED",
    "Material",
    "columns_of",
    "gather",
    "human_rows",
    "learned_rows",
    "narrowed",
    "residual_front_ends",
    "rows_of",
]

LEARNED = ("table", "song", "full", "copy")
"""Kinds of rows that a fit may see; equalised copies are for measuring only."""

UNLEARNED_LABELS = ("resynth", "mixed")
"""Human music through a codec or vocoder, and what is half of each: measured, never learned."""

EXTRA_SHORTEST_S = 25.0
LONG_S = 60.0
NOT_MUSIC = ("tilesets", "/sfx/", "speech", "Locomotive")
"""Parts of paths of long sounds in the game packages that are noises, not music."""


@dataclass(frozen=True)
class Material:
    """Everything measured once. Shape: features ``[row, feature]``, the rest ``[row]``.

    Features are means and deviations side by side. ``kind`` is "table" (an excerpt of the table),
    "equal" (its equalised copy), "song" (a whole song), "full" (a whole track of further human
    music), "cut" (the middle of a long one), "copy" (the same with an attack done to it, which
    ``attack`` names) or "heard" (the same, measured only).
    ``covered_s`` is how much sound was heard, ``counts`` how often a row counts in a fit; no fit
    sees the rows ``left_out``.
    """

    tracks: tuple[Track, ...]
    kind: NDArray[np.str_]
    folds: NDArray[np.int_]
    features: NDArray[np.float16]
    baseline: NDArray[np.float16]
    shortcuts: FloatArray
    sha256: str
    attack: NDArray[np.str_]
    covered_s: NDArray[np.float64]
    counts: NDArray[np.float64]
    left_out: NDArray[np.bool_] | None = None


def residual_front_ends(detector: ResidualLinear) -> list[ResidualSpectrum]:
    """Return the detector's front ends, which all are residual spectra."""
    return [f for f in detector.front_ends if isinstance(f, ResidualSpectrum)]


def gather(arguments: argparse.Namespace, detector: ResidualLinear) -> Material:
    """Measure everything, or load what was measured before."""
    table = read_manifest(arguments.data)
    folds = {track.group: int(track.split) for track in table}
    plan = [(Excerpt(t, compared=True), "table", int(t.split)) for t in table]
    plan += [(Excerpt(t, equal=True, compared=True), "equal", int(t.split)) for t in table]
    songs = read_songs(getattr(arguments, "songs", None) or ())
    plan += [(Excerpt(s.track), "song", int(s.track.split)) for s in songs]
    folds |= {s.track.group: int(s.track.split) for s in songs}
    if arguments.human:
        plan += _further(arguments.human, folds)
    # What is heard of a part of a song must be known of as many recordings as songs are.
    whole = [item for item in plan if item[1] in ("song", "full")]
    plan += [(_middle(e.track), "cut", f) for e, _, f in whole if _long(e.track)]
    plan += [(_middle(t, chain), "copy", int(t.split)) for t, chain in altered(songs)]
    plan += [(_middle(t, chain), "heard", int(t.split)) for t, chain in conditions(songs)]
    kinds = {s.track.path: s.kind for s in songs}
    return _measured(plan, kinds, arguments, residual_front_ends(detector))


def _long(track: Track) -> bool:
    return (track.duration_s or 0.0) >= LONG_S


def _middle(track: Track, chain: str = "") -> Excerpt:
    start_s = max(0.0, ((track.duration_s or 0.0) - COPY_S) / 2)
    return Excerpt(track, start_s, COPY_S, attack=chain)


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
    both = np.concatenate([columns, columns + size_of(front_ends)])
    return replace(material, features=material.features[:, both])


def _measured(
    plan: list[tuple[Excerpt, str, int]],
    kinds: dict[str, str],
    arguments: argparse.Namespace,
    front_ends: list[ResidualSpectrum],
) -> Material:
    ends = [f.to_dict() for f in (*front_ends, BASELINE)]
    rows = list(_remembered([e for e, _, _ in plan], front_ends, ends, arguments))
    good = [i for i, row in enumerate(rows) if row.features is not None]
    if not good:
        raise AudioError(f"none of {len(plan)} excerpts could be measured; see above")
    key = [[e.track.sha256 or e.track.path, e.start_s, e.attack, k, f] for e, k, f in plan]
    return Material(
        tuple(plan[i][0].track for i in good),
        np.array([plan[i][1] for i in good]),
        np.array([plan[i][2] for i in good]),
        np.stack([np.asarray(rows[i].features) for i in good]),
        np.stack([np.asarray(rows[i].baseline) for i in good]),
        np.stack([np.asarray(rows[i].shortcuts) for i in good]),
        hashlib.sha256(json.dumps([ends, key]).encode()).hexdigest(),
        np.array([plan[i][0].attack for i in good]),
        np.array([rows[i].covered_s for i in good]),
        np.array([_count(plan[i][0], kinds) for i in good]),
    )


def _count(excerpt: Excerpt, kinds: dict[str, str]) -> float:
    track = excerpt.track
    if track.label == "human":
        return 1.0 if excerpt.attack else COUNTS.get(kinds.get(track.path, ""), 1.0)
    return COUNTS.get(track.family, 1.0)


def _remembered(
    excerpts: list[Excerpt],
    front_ends: list[ResidualSpectrum],
    ends: list[dict[str, Any]],
    arguments: argparse.Namespace,
) -> Iterator[Row]:
    """Yield a row for each excerpt, measured now or before; what fails is measured again."""
    arguments.cache.mkdir(parents=True, exist_ok=True)
    paths = [arguments.cache / f"{_key(e, ends)}.npz" for e in excerpts]
    missing = [i for i, path in enumerate(paths) if not path.exists()]
    waiting = measure([excerpts[i] for i in missing], front_ends, arguments.jobs)
    errors: dict[int, Row] = {}
    for number, (i, row) in enumerate(zip(missing, waiting, strict=True), start=1):
        if row.features is None or row.baseline is None or row.shortcuts is None:
            print(f"left out: {row.error}")
            errors[i] = row
            continue
        with replacing(paths[i]) as part, part.open("wb") as file:
            np.savez(
                file, features=row.features, baseline=row.baseline, shortcuts=row.shortcuts,
                covered_s=row.covered_s,
            )  # fmt: skip
        if number % 200 == 0:
            print(f"measured {number} of {len(missing)}", flush=True)
    for i, path in enumerate(paths):
        if i in errors:
            yield errors[i]
            continue
        with np.load(path) as stored:
            yield Row(
                stored["features"], stored["baseline"], stored["shortcuts"],
                float(stored["covered_s"]),
            )  # fmt: skip


def _key(excerpt: Excerpt, ends: list[dict[str, Any]]) -> str:
    track = excerpt.track
    what = [track.sha256 or track.path, excerpt.start_s, excerpt.duration_s, excerpt.attack]
    how = [excerpt.equal, excerpt.compared]
    return hashlib.sha256(json.dumps([ends, what, how]).encode()).hexdigest()[:24]


def _further(folder: Path, folds: dict[str, int]) -> list[tuple[Excerpt, str, int]]:
    """Plan the whole of every track, a fold for each source."""
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
            track = Track(
                name, item.path, "human", group=f"debian:{source}", dataset="further",
                duration_s=duration,
            )  # fmt: skip
            plan.append((Excerpt(track), "full", fold))
    return plan


def rows_of(material: Material) -> Rows:
    """Return the material as rows to learn from."""
    positive = np.array([track.label != "human" for track in material.tracks])
    groups = [track.group for track in material.tracks]
    return Rows(material.features, positive, groups, material.attack, material.counts)


def human_rows(material: Material, without: int | None = None) -> NDArray[np.intp]:
    """Return the human recordings that give the two scores one scale."""
    labels = np.array([track.label for track in material.tracks])
    chosen = (labels == "human") & np.isin(material.kind, ("table", "song", "full"))
    return np.flatnonzero(chosen if without is None else chosen & (material.folds != without))


def learned_rows(material: Material) -> NDArray[np.bool_]:
    """Return which rows a fit may see. Shape: ``[row]``."""
    fit = [track.label not in UNLEARNED_LABELS for track in material.tracks]
    learned = np.isin(material.kind, LEARNED) & np.array(fit)
    return np.asarray(learned if material.left_out is None else learned & ~material.left_out)
