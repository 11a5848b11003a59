# SPDX-License-Identifier: MIT
"""The middle of a track, decoded once; and where a manifest's tracks lie."""

from __future__ import annotations

from pathlib import Path

from unsung.audio.read import read_middle
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
    return read_middle(path, seconds, judged=True)


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
