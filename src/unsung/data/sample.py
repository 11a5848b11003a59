# SPDX-License-Identifier: MIT
"""A mini-set of n tracks for each label and generator: the way every study starts.

Whole groups go first, so that a small set keeps what belongs together; only where no whole group
fits any more are single tracks of one taken. Same seed, same set.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unsung.audio import read_clip, sha256_file
from unsung.audio.write import write
from unsung.data._atomic import replacing
from unsung.data._workers import each
from unsung.errors import UsageError
from unsung.outputs import FOREIGN, Kind, output_folder, text_with
from unsung.types import Clip, Failure, Manifest, Track

__all__ = ["Copied", "copy_audio", "sample"]

_MARK, _WORDS = ".unsung-copies", "Copies made by `unsung data sample`; it may replace them.\n"
_COPIES = Kind("copies of a sample", (), text_with(_WORDS.strip()))


def sample(manifest: Manifest, n: int, seed: int = 0) -> Manifest:
    """Return at most n tracks for each pair of label and generator, in the manifest's order.

    Raises:
        UsageError: n is below 1.
    """
    if n < 1:
        raise UsageError(f"expected at least 1 track for each generator, got {n}")
    rng = np.random.default_rng(seed)
    cells: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, track in enumerate(manifest.tracks):
        cells[track.label, track.generator].append(index)
    chosen: set[int] = set()
    for _, members in sorted(cells.items()):
        chosen |= _chosen(manifest.tracks, members, n, rng)
    tracks = tuple(track for i, track in enumerate(manifest.tracks) if i in chosen)
    return Manifest(f"{manifest.name}-sample", manifest.version, tracks)


def _chosen(
    tracks: Sequence[Track], members: Sequence[int], n: int, rng: np.random.Generator
) -> set[int]:
    groups: dict[str, list[int]] = defaultdict(list)
    for index in members:
        groups[tracks[index].group or tracks[index].id].append(index)
    lots = list(groups.values())
    taken: set[int] = set()
    rest: list[int] = []
    for number in rng.permutation(len(lots)):
        lot = lots[number]
        if len(taken) + len(lot) <= n:
            taken |= set(lot)
        else:
            rest += [lot[i] for i in rng.permutation(len(lot))]
    return taken | set(rest[: n - len(taken)])


@dataclass(frozen=True)
class Copied:
    """What `copy_audio` made: the manifest of the copies, and files that could not be read."""

    manifest: Manifest
    problems: tuple[tuple[str, Failure], ...]


def copy_audio(
    manifest: Manifest,
    folder: Path,
    cut_s: float | None = None,
    *,
    jobs: int = 1,
    on_row: Callable[[int], None] | None = None,
) -> Copied:
    """Copy the sound into ``folder/audio``, byte by byte, or cut from its middle to FLAC.

    Args:
        manifest: whose files are copied; facts of the copies replace its own.
        folder: made when absent.
        cut_s: length of the cut; None copies whole files.
        jobs: processes.
        on_row: called with the number of files done.

    Raises:
        ManifestError: the disk is full.
        UsageError: the cut is not above 0 s, or the folder holds files that are no copies.
    """
    if cut_s is not None and not cut_s > 0:
        raise UsageError(f"expected a cut above 0 s, got {cut_s}")
    tasks = _tasks(manifest, folder / "audio", cut_s)
    tracks, problems = [], []
    for count, (task, made) in enumerate(each(_copy, tasks, jobs), start=1):
        if isinstance(made, Failure):
            problems.append((task.track.id, made))
        else:
            tracks.append(made)
        if on_row is not None:
            on_row(count)
    return Copied(Manifest(manifest.name, manifest.version, tuple(tracks)), tuple(problems))


def _tasks(manifest: Manifest, folder: Path, cut_s: float | None) -> list[_Task]:
    """Name all copies, and mark the folder so that the next run knows them as its own."""
    output_folder(folder, (), {_MARK: _COPIES, "*": FOREIGN}, signs=(_MARK,))
    tasks = [
        _Task(track, _target(track, folder, i, cut_s), cut_s) for i, track in enumerate(manifest)
    ]
    sources = {os.path.realpath(track.path) for track in manifest}
    for task in tasks:
        if os.path.realpath(task.target) in sources:
            raise UsageError(f"{task.target}: is a track of the set itself; copy elsewhere")
    with replacing(folder / _MARK) as part:
        part.write_text(_WORDS, encoding="utf-8")
    return tasks


@dataclass(frozen=True)
class _Task:
    track: Track
    target: Path
    cut_s: float | None


def _target(track: Track, folder: Path, index: int, cut_s: float | None) -> Path:
    """Return a name that says what it is and that no other track has."""
    suffix = Path(track.path).suffix if cut_s is None else ".flac"
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(track.path).stem)[:60]
    kind = "-".join(filter(None, (track.label, track.generator))).replace("/", "_")
    return folder / kind / f"{index:06d}-{stem}{suffix}"


def _copy(task: _Task) -> Track:
    track, target = task.track, task.target
    if task.cut_s is None:
        data = Path(track.path).read_bytes()
        with replacing(target) as part:
            part.write_bytes(data)
        return replace(track, path=str(target), sha256=sha256_file(target))
    clip = _middle(track, task.cut_s)
    with replacing(target) as part:
        write(part, clip)
    bits = target.stat().st_size * 8e-3
    return replace(
        track,
        path=str(target),
        sha256=sha256_file(target),
        duration_s=round(clip.duration_s, 6),
        sample_rate_hz=clip.sample_rate_hz,
        channels=int(clip.samples.shape[0]),
        codec="flac",
        bitrate_kbps=round(bits / clip.duration_s, 3),
        segments=(),
    )


def _middle(track: Track, cut_s: float) -> Clip:
    if track.duration_s is None:
        whole = read_clip(track.path)
        count = round(cut_s * whole.sample_rate_hz)
        start = max(0, (whole.samples.shape[-1] - count) // 2)
        return replace(whole, samples=whole.samples[:, start : start + count])
    return read_clip(track.path, max(0.0, (track.duration_s - cut_s) / 2), cut_s)
