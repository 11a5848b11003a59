# SPDX-License-Identifier: MIT
"""The middle of a track, decoded once; and where a manifest's tracks lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from unsung.audio.read import open_audio, read_sound
from unsung.audio.sources import Source
from unsung.core.text import is_url
from unsung.errors import UsageError
from unsung.types import Clip

__all__ = ["SECONDS", "beside", "middle", "named"]

SECONDS = 10.0
"""One window of the default detector: the battery then takes some ten seconds a track."""


def middle(path: Path, seconds: float = SECONDS) -> Clip:
    """Decode the middle of a file, all of it where it is shorter.

    Raises:
        AudioError: the sound there cannot be judged; a scan would say so too.
        UsageError: the length is not above zero.
    """
    if not seconds > 0:
        raise UsageError(f"expected more than 0 seconds, got {seconds:g}; try {SECONDS:g}")
    with open_audio(path) as stream:
        total_s = stream.duration_s
    if total_s is not None:
        return read_sound(path, max(0.0, (total_s - seconds) / 2), seconds)
    whole = read_sound(path)
    wanted = round(seconds * whole.sample_rate_hz)
    start = max(0, (whole.samples.shape[1] - wanted) // 2)
    return replace(
        whole,
        samples=whole.samples[:, start : start + wanted],
        start_s=start / whole.sample_rate_hz,
    )


def named(text: str) -> Source:
    """Return one thing to read, without looking whether it is a folder or a list."""
    if text == "-":
        return Source(text, "stdin", text)
    return Source(text, "url" if is_url(text) else "file", text)


def beside(path: str, folder: Path) -> str:
    """Return a manifest's path as it can be opened: beside the table, or from here."""
    if is_url(path):
        return path
    beside = folder / path
    return str(beside) if beside.exists() or not Path(path).exists() else path
