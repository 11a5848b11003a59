# SPDX-License-Identifier: MIT
"""What one process of a resynthesis job does with one track: read once, copy by each system, write.

Units: Hz, seconds. When not to use: directly; `unsung.synthesis.resynthesise` runs it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from unsung import registry
from unsung.audio import read_clip, sha256_file
from unsung.audio.resample import resample
from unsung.errors import MissingExtra, MissingTool
from unsung.outputs import replacing
from unsung.synthesis.resynthesis._quality import measure
from unsung.synthesis.resynthesis.base import Resynthesis
from unsung.types import Clip, Track

__all__ = ["ORIGINAL", "Order", "one_thread", "work"]

ORIGINAL = ("original", "")
"""Stands for the re-encoded original among the systems of an order."""


@dataclass(frozen=True)
class Order:
    """Everything that a process needs to know, the same for all tracks."""

    output: str
    named: tuple[tuple[str, str], ...]
    weights: Mapping[str, Path] = field(hash=False)
    originals: bool
    rate_hz: int | None
    bits: int
    seed: int

    def key(self) -> dict[str, Any]:
        """Return what must not change between a run and its continuation."""
        return {"rate_hz": self.rate_hz, "bits": self.bits, "seed": self.seed}

    def systems(self) -> Mapping[tuple[str, str], Resynthesis]:
        """Return the systems, made once in each process."""
        return _systems(self)

    def missing(self, track_id: str, done: set[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return which parts of the order a track still lacks."""
        parts = (*((ORIGINAL,) if self.originals else ()), *self.named)
        return tuple(part for part in parts if (track_id, written(part)) not in done)


def written(part: tuple[str, str]) -> str:
    """Return a system and its setting as a row names them: `zoo:64`."""
    return ":".join(filter(None, part))


def one_thread() -> None:
    """Keep torch in a worker process to one thread: the processes share the cores already."""
    os.environ["OMP_NUM_THREADS"] = "1"


def work(order: Order, track: Track, parts: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    """Return a row for each part: a copy with its quality and time, or a problem.

    Raises:
        MissingExtra: a system's package is not installed.
        MissingTool: the same of a program or library.
    """
    try:
        clip = _opened(order, track)
    except Exception as error:
        return [_problem(track, part, error) for part in parts]
    rows = []
    for part in parts:
        try:
            rows.append(_one(order, track, clip, part))
        except (MissingExtra, MissingTool):
            raise  # the same for every track: one message, not a list of problems
        except Exception as error:
            rows.append(_problem(track, part, error))
    return rows


def _opened(order: Order, track: Track) -> Clip:
    clip = read_clip(track.path)
    rate_hz = order.rate_hz or clip.sample_rate_hz
    samples = resample(clip.samples, clip.sample_rate_hz, rate_hz)
    return Clip(samples, rate_hz, 0.0, track.id)


def _one(order: Order, track: Track, clip: Clip, part: tuple[str, str]) -> dict[str, Any]:
    if part == ORIGINAL:
        held = _written(order, track, clip, "original")
        copy = dataclasses.replace(held, label="human", generator=track.generator)
        return {"track": track.id, "system": written(part), "copy": copy.to_dict()}
    started = time.process_time()
    system = order.systems()[part].for_track(track.id)
    made = system(clip)
    seconds = time.process_time() - started
    copy = dataclasses.replace(
        _written(order, track, made, system.name),
        id=f"{track.id}@{system.name}",
        label="resynth",
        generator=system.name,
        family=system.kind(),
    )
    return {
        "track": track.id,
        "system": written(part),
        "copy": copy.to_dict(),
        "quality": measure(clip, made, system.sample_rate_hz / 2).to_dict(),
        "peak": float(np.abs(made.samples).max()),
        "seconds": round(seconds, 4),
    }


def _written(order: Order, track: Track, clip: Clip, folder: str) -> Track:
    """Write FLAC whole or not at all; return the track with what is known of the file."""
    import soundfile

    mark = hashlib.sha256(track.id.encode()).hexdigest()[:8]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(track.id).stem)[:60].lstrip(".")
    path = Path(order.output) / "audio" / folder / f"{stem}-{mark}.flac"
    top = 1 - 2.0 ** (1 - order.bits)
    samples = np.clip(clip.samples, -1, top).T
    with replacing(path) as part:
        soundfile.write(part, samples, clip.sample_rate_hz, subtype=f"PCM_{order.bits}")
    return dataclasses.replace(
        track,
        path=str(path),
        pair_id=track.id,
        recording=track.recording or track.id,
        group=track.group or track.id,
        duration_s=clip.duration_s,
        sample_rate_hz=clip.sample_rate_hz,
        channels=len(clip.samples),
        codec="flac",
        bitrate_kbps=None,
        sha256=sha256_file(path),
    )


def _problem(track: Track, part: tuple[str, str], error: Exception) -> dict[str, Any]:
    message = f"{type(error).__name__}: {error}"
    return {"track": track.id, "system": written(part), "problem": message}


@lru_cache(maxsize=1)
def _systems_of(
    named: tuple[tuple[str, str], ...], weights: tuple[tuple[str, Path], ...], seed: int
) -> dict[tuple[str, str], Resynthesis]:
    given = dict(weights)
    return {
        (name, setting): registry.get("resynthesis", name)(
            setting, weights=given.get(name), seed=seed
        )
        for name, setting in named
    }


def _systems(order: Order) -> Mapping[tuple[str, str], Resynthesis]:
    return _systems_of(order.named, tuple(sorted(order.weights.items())), order.seed)
