# SPDX-License-Identifier: MIT
"""Writes the frames of a whole manifest over processes; finished contents are not done again.

Frames stand in ``OUT/frames/ab/<content hash>-<settings>-<number>.flac`` (16 bit; or ``.npy``,
float32), named by what is in them: the same content under two names is stored once, other
settings stand beside. What is done is kept in ``OUT/done.sqlite`` by content hash and settings;
an interrupted run goes on where it was.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from unsung.audio import read_clip, sha256_file
from unsung.data._atomic import replacing
from unsung.data._workers import each
from unsung.data.cache import CACHE, Cache
from unsung.data.framing import Framing, cut_frames
from unsung.data.manifests import MANIFEST, Head, write_manifest
from unsung.errors import DatasetError, UnknownName
from unsung.outputs import FOREIGN
from unsung.text import parse_json
from unsung.types import Failure, FloatArray, Track

__all__ = ["WRITTEN", "Form", "Framed", "preprocess"]

WRITTEN = {"done.sqlite": CACHE, "manifest.jsonl": MANIFEST, "frames": FOREIGN}
"""What stands in the folder; the cache is its sign."""

Form = Literal["flac", "npy"]
_CHUNK = 16


@dataclass(frozen=True)
class Framed:
    """What a run did; ``n_known`` files were finished before; ``problems`` lists the others."""

    head: Head
    n_files: int
    n_frames: int
    n_known: int
    problems: tuple[tuple[str, Failure], ...]


@dataclass(frozen=True)
class _Task:
    """One file; ``done`` holds its frames (name, sha256) if they are there already."""

    track: Track
    done: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Made:
    sha256: str
    frames: tuple[tuple[str, str], ...]


def preprocess(
    tracks: Iterable[Track],
    out: Path,
    framing: Framing,
    form: Form = "flac",
    *,
    name: str = "frames",
    version: str = "1",
    jobs: int = 1,
    on_row: Callable[[int, int], None] | None = None,
) -> Framed:
    """Cut every file and write ``OUT/manifest.jsonl``, one row a frame.

    Args:
        tracks: rows with paths; taken as they come.
        out: folder, made when absent; may hold an earlier run.
        framing: how to cut.
        form: file format of the frames.
        name: of the manifest.
        version: of the manifest.
        jobs: processes.
        on_row: called with the numbers of files done and failed.

    Raises:
        DatasetError: no file gave a frame.
        ManifestError: the disk is full; what is finished stays.
    """
    if form not in get_args(Form):
        raise UnknownName("frame format", form, get_args(Form))
    count = _Count()
    kind = _kind(framing, form)
    with Cache(out / "done.sqlite") as cache:
        work = functools.partial(_frames, out=out, framing=framing, form=form)
        pairs = each(work, _tasks(tracks, out, cache, kind), jobs, _CHUNK)

        def rows() -> Iterator[Track]:
            for task, made in pairs:
                if isinstance(made, Failure):
                    count.problems.append((task.track.id, made))
                else:
                    count.n_files += 1
                    count.n_known += bool(task.done)
                    if not task.done:
                        value = json.dumps(made.frames).encode()
                        cache.put(task.track.path, made.sha256, kind, value)
                    for row in _rows(task.track, made, out, framing, form):
                        count.n_frames += 1
                        yield row
                if on_row is not None:
                    on_row(count.n_files, len(count.problems))
            if not count.n_frames:
                reason = count.problems[0][1].message if count.problems else "no file was given"
                raise DatasetError(f"no file gave a frame, for instance: {reason}")

        head = write_manifest(out / "manifest.jsonl", name, version, rows())
    return Framed(head, count.n_files, count.n_frames, count.n_known, tuple(count.problems))


class _Count:
    def __init__(self) -> None:
        self.n_files = self.n_frames = self.n_known = 0
        self.problems: list[tuple[str, Failure]] = []


def _kind(framing: Framing, form: Form) -> str:
    text = json.dumps([framing.to_dict(), form], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _tasks(tracks: Iterable[Track], out: Path, cache: Cache, kind: str) -> Iterator[_Task]:
    """Look up every file; frames that were deleted since are made again."""
    for track in tracks:
        sha256 = cache.sha256(track.path)
        stored = cache.get(sha256, kind) if sha256 else None
        frames = tuple((name, digest) for name, digest in parse_json(stored or b"[]"))
        there = all(os.path.exists(out / name) for name, _ in frames)  # noqa: PTH110
        yield _Task(track, frames if there else ())


def _frames(task: _Task, out: Path, framing: Framing, form: Form) -> _Made:
    """Cut one file; runs in a worker."""
    if task.done:
        return _Made("", task.done)
    location = task.track.path
    sha256 = sha256_file(location)
    clip = replace(read_clip(location, mono=True), track_id=location)
    frames = cut_frames(clip, framing, draw=int(sha256[:15], 16))
    stem = f"frames/{sha256[:2]}/{sha256[:24]}-{_kind(framing, form)}"
    (out / stem).parent.mkdir(parents=True, exist_ok=True)
    made = []
    for number, frame in enumerate(frames):
        data = _encoded(frame, framing.sample_rate_hz, form)
        name = f"{stem}-{number:04d}.{form}"
        with replacing(out / name) as part:
            part.write_bytes(data)
        made.append((name, hashlib.sha256(data).hexdigest()))
    return _Made(sha256, tuple(made))


def _encoded(frame: FloatArray, sample_rate_hz: int, form: Form) -> bytes:
    file = io.BytesIO()
    if form == "npy":
        np.save(file, frame)
    else:
        import soundfile

        soundfile.write(file, frame, sample_rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _rows(track: Track, made: _Made, out: Path, framing: Framing, form: Form) -> Iterator[Track]:
    """Yield a row for each frame: labels and relations of its source, facts of its own.

    Frames of one file share its recording, so that no split by recording tears them apart.
    """
    facts: dict[str, Any] = {
        "duration_s": framing.length / framing.sample_rate_hz,
        "sample_rate_hz": framing.sample_rate_hz,
        "channels": 1,
        "codec": form,
        "bitrate_kbps": None,
        "segments": (),
        "recording": track.recording or track.id,
    }
    for number, (name, sha256) in enumerate(made.frames):
        location = str(out / name)
        yield replace(track, id=f"{track.id}#{number}", path=location, sha256=sha256, **facts)
