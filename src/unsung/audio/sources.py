# SPDX-License-Identifier: MIT
"""Turns what a user names (files, folders, globs, playlists, manifests, URLs, -) into sources."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unsung.audio._lists import Row, RowsError, is_list, is_url, read_list
from unsung.audio._sniff import shown
from unsung.types import Record

__all__ = ["EXTENSIONS", "Source", "SourceKind", "expand"]

SourceKind = Literal["file", "url", "stdin", "missing"]
EXTENSIONS = frozenset(
    f".{name}"
    for names in (
        "aac ac3 aif aifc aiff alac amr ape au caf dff dsf eac3 flac m4a m4b mka mp1 mp2 mp3 mpc",
        "mpga oga ogg opus ra rf64 snd spx tak tta voc w64 wav wave weba wma wv",
        "3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv rm ts webm wmv",
    )
    for name in names.split()
)
"""What a folder is searched for; a file that is named itself is taken whatever its extension."""


@dataclass(frozen=True)
class Source(Record):
    """One thing to scan. ``path`` is what the user sees and what is opened.

    A source of kind "missing" is a row that fails: ``reason`` says why and what to do.
    """

    path: str
    kind: SourceKind
    track_id: str
    label: str = ""
    group: str = ""
    start_s: float | None = None
    reason: str = ""


def expand(inputs: Sequence[str]) -> Iterator[Source]:
    """Yield a source for every file behind the inputs, in order; folders are sorted.

    Nothing is raised for a missing or empty input: it yields one source of kind "missing", so
    that the other inputs go on.

    Args:
        inputs: files, folders (searched in depth for known extensions, hidden files left out),
            globs with ``*``, ``?``, ``[]`` and ``**``, playlists (.m3u, .m3u8), manifests
            (.jsonl, .csv with a ``path`` column), http(s) addresses, and ``-`` (standard input).
    """
    for name in inputs:
        yield from _one(name)


def _one(name: str) -> Iterator[Source]:
    if name == "-":
        yield Source("-", "stdin", "-")
        return
    if is_url(name):
        yield Source(name, "url", name)
        return
    try:
        is_folder, is_file = os.path.isdir(name), os.path.exists(name)  # noqa: PTH110, PTH112
    except ValueError:  # a null byte
        is_folder = is_file = False
    if is_folder:
        found = False
        for path in _walk(name, set()):
            found = True
            yield Source(path, "file", path)
        if not found:
            yield _missing(name, "the folder holds no file with a known audio extension")
    elif is_file and is_list(name):
        yield from _listed(name)
    elif is_file:
        yield Source(name, "file", name)
    elif glob.has_magic(name):
        yield from _matched(name)
    else:
        yield _missing(name, "no such file or folder; check the path")


def _walk(folder: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Yield known files in depth, sorted; each folder once, however links point."""
    try:
        state = os.stat(folder)  # noqa: PTH116  # str paths keep undecodable bytes and are faster
        identity = (state.st_dev, state.st_ino)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    if identity in seen and state.st_ino:
        return
    seen.add(identity)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _known(entry.name) and entry.is_file():
            yield entry.path
        elif entry.is_dir():
            yield from _walk(entry.path, seen)


def _matched(pattern: str) -> Iterator[Source]:
    """Yield what a glob matches: files as named, folders in depth (each file once)."""
    explicit = bool(Path(pattern).suffix.strip(".*?[]"))
    seen: set[str] = set()
    for path in sorted(glob.iglob(pattern, recursive=True)):  # noqa: PTH207
        if os.path.isdir(path):  # noqa: PTH112
            paths = [] if "**" in pattern else _walk(path, set())
        else:
            paths = iter([path] if explicit or _known(path) else [])
        for item in paths:
            if item not in seen:
                seen.add(item)
                yield Source(item, "file", item)
    if not seen:
        yield _missing(pattern, "nothing matches this pattern; check it, or quote it less")


def _listed(name: str) -> Iterator[Source]:
    """Yield the rows of a playlist or manifest; relative paths start at its folder."""
    try:
        rows = read_list(name)
    except RowsError as error:
        yield _missing(name, str(error))
        return
    folder = os.path.dirname(name)  # noqa: PTH120
    for row in rows:
        yield _from_row(row, folder)
    if not rows:
        yield _missing(name, "the list names no files; add at least one")


def _from_row(row: Row, folder: str) -> Source:
    if is_url(row.path):
        return Source(row.path, "url", row.track_id or row.path, row.label, row.group, row.start_s)
    beside = os.path.join(folder, row.path)  # noqa: PTH118  # an absolute path stays as it is
    path = beside
    if not os.path.lexists(beside) and os.path.lexists(row.path):
        path = row.path  # written relative to where the program runs
    if not os.path.exists(path):  # noqa: PTH110
        missing = _missing(path, "no such file, though a list names it; check the list's paths")
        return Source(
            path, "missing", row.track_id or path, row.label, row.group, reason=missing.reason
        )
    return Source(path, "file", row.track_id or path, row.label, row.group, row.start_s)


def _missing(path: str, reason: str) -> Source:
    return Source(path, "missing", path, reason=f"{shown(path)}: {reason}")


def _known(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in EXTENSIONS  # noqa: PTH122
