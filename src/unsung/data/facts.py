# SPDX-License-Identifier: MIT
"""What a sound file is, read from its header and its bytes: the measured part of a manifest row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from unsung.audio import open_audio, sha256_file
from unsung.data._workers import each
from unsung.data.cache import Cache
from unsung.text import parse_json
from unsung.types import Failure, Record, Track

__all__ = ["Facts", "measured", "read_facts", "with_facts"]

KIND = "facts-1"
"""Raised when the meaning of a field changes, so that old values are not taken."""


@dataclass(frozen=True)
class Facts(Record):
    """Header and hash of one file; ``duration_s`` is counted where no header states it."""

    sha256: str
    duration_s: float | None
    sample_rate_hz: int
    channels: int
    codec: str
    bitrate_kbps: float | None


def read_facts(location: str) -> Facts:
    """Open a file, read its header and hash its bytes.

    Raises:
        AudioError: it cannot be opened as sound.
    """
    path = Path(location)
    with open_audio(path) as stream:
        info, duration_s = stream.info, stream.duration_s
        if duration_s is None:
            count = sum(block.shape[-1] for block in stream.blocks())
            duration_s = count / info.sample_rate_hz
    kbps = info.bitrate_kbps
    if kbps is None and duration_s:
        kbps = path.stat().st_size * 8e-3 / duration_s
    return Facts(
        sha256_file(path),
        round(duration_s, 6),
        info.sample_rate_hz,
        info.channels,
        info.codec,
        None if kbps is None else round(kbps, 3),
    )


def measured(
    tracks: Iterable[Track], cache: Cache, jobs: int = 1
) -> Iterator[tuple[Track, Facts | Failure]]:
    """Yield every track with what its file is; files known to the cache are not read.

    Only facts of readable files are stored, so that a repaired file is tried again.
    """
    for (track, known), facts in each(_read, _looked_up(tracks, cache), jobs, chunk=16):
        if not known and isinstance(facts, Facts):
            cache.put(track.path, facts.sha256, KIND, json.dumps(facts.to_dict()).encode())
        yield track, facts


def with_facts(track: Track, facts: Facts) -> Track:
    """Return the track with the measured values in the place of any stated ones."""
    return replace(
        track,
        sha256=facts.sha256,
        duration_s=facts.duration_s,
        sample_rate_hz=facts.sample_rate_hz,
        channels=facts.channels,
        codec=facts.codec,
        bitrate_kbps=facts.bitrate_kbps,
    )


def _looked_up(tracks: Iterable[Track], cache: Cache) -> Iterator[tuple[Track, Facts | None]]:
    for track in tracks:
        sha256 = cache.sha256(track.path)
        stored = cache.get(sha256, KIND) if sha256 else None
        yield track, None if stored is None else Facts(**parse_json(stored))


def _read(item: tuple[Track, Facts | None]) -> Facts:
    track, known = item
    return known or read_facts(track.path)
