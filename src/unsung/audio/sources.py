# SPDX-License-Identifier: MIT
"""Turns what a user names (files, folders, globs, playlists, manifests, URLs, -) into sources."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from unsung.audio._lists import Row, RowsError, is_address, is_list, read_list
from unsung.audio._sniff import shown
from unsung.audio._spelling import Finder
from unsung.audio.folders import Entry, entries, look, walk
from unsung.core.text import is_url
from unsung.types import Record

__all__ = ["EXTENSIONS", "Source", "SourceKind", "barred", "expand", "search"]

SourceKind = Literal["file", "url", "stdin", "missing"]
EXTENSIONS = frozenset(
    f".{name}"
    for names in (
        "aa aac aax ac3 adts aif aifc aiff alac amr ape au awb caf dff dsf dts dtshd eac3 f4a f4b",
        "flac m4a m4b m4p m4r mka mlp mogg mp+ mp1 mp2 mp3 mpa mpc mpga mpp oga ogg oggflac ogx",
        "oma opus ra rf64 shn snd spx tak thd tta voc w64 wav wave weba wma wv",
        "3g2 3gp 3gpp asf avi f4v flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogm ogv qt rm rmvb ts",
        "vob webm wmv",
        "722 al alaw aptx dfpwm g722 g723_1 g729 gsm msbc sbc sln ul ulaw",
    )
    for name in names.split()
)
"""What a folder is searched for; a file that is named itself is taken whatever its extension.

Streams without any header are among them (last line) where the extension says how they are read;
.raw and .pcm say too little, and may be photographs.
"""


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


def expand(inputs: Sequence[str], left_out: Counter[str] | None = None) -> Iterator[Source]:
    """Yield a source for every file behind the inputs, in order; folders are sorted.

    Nothing is raised for what is missing, empty or cannot be looked at: it yields one source of
    kind "missing", so that everything else goes on.

    Args:
        inputs: files, folders (searched in depth for known extensions, hidden files left out),
            globs with ``*``, ``?``, ``[]`` and ``**``, playlists (.m3u, .m3u8, .pls, .xspf),
            manifests (.jsonl, .csv with a ``path`` column), http(s) addresses, and ``-``
            (standard input).
        left_out: counts the files of folders that have another extension, by extension.
    """
    for name in inputs:
        yield from _one(name, Counter() if left_out is None else left_out)


def search(folder: str, left_out: Counter[str]) -> Iterator[Source]:
    """Yield the known files of a folder in depth, sorted, and what cannot be looked at."""
    for entry in walk(folder):
        known = _known(entry.name)
        maybe_folder = entry.kind == "link" and "." not in entry.name
        if entry.kind == "file" and known:
            yield Source(entry.path, "file", entry.path)
        elif entry.kind == "fault" or maybe_folder or known:
            yield _missing(entry.path, entry.reason)
        else:
            left_out[_extension(entry.name)] += 1


def barred(path: str) -> Source:
    """Return the source of something that was there and cannot be looked at any more."""
    entry = look(path)
    return _missing(path, "no such file; check the path" if entry is None else entry.reason)


def _one(name: str, left_out: Counter[str]) -> Iterator[Source]:
    if name == "-":
        yield Source("-", "stdin", "-")
        return
    if is_url(name):
        yield Source(name, "url", name)
        return
    entry = look(name)
    if (entry is None or entry.kind == "fault") and glob.has_magic(name):
        yield from _matched(name, left_out)
    elif entry is None:
        yield _missing(name, "no such file or folder; check the path")
    else:
        yield from _found(entry, left_out, set())


def _found(entry: Entry, left_out: Counter[str], read: set[str]) -> Iterator[Source]:
    """Yield what a path that was named stands for; ``read`` are the lists that were opened."""
    name = entry.path
    if entry.kind == "folder":
        others: Counter[str] = Counter()
        source = None
        for source in search(name, others):
            yield source
        left_out.update(others)
        if source is None:
            yield _missing(name, "the folder holds no file with a known audio extension")
    elif entry.kind != "file":
        yield _missing(name, entry.reason)
    elif is_list(name):
        yield from _listed(name, left_out, read)
    else:
        yield Source(name, "file", name)


def _matched(pattern: str, left_out: Counter[str]) -> Iterator[Source]:
    """Yield what a glob matches: files as named, folders in depth (each file once)."""
    explicit = bool(Path(pattern).suffix.strip(".*?[]"))
    seen: set[str] = set()
    for entry in sorted(_fitting(*_parts(pattern))):
        if entry.kind == "folder":
            sources = search(entry.path, left_out)
        elif explicit or entry.kind == "fault" or _known(entry.name):
            path = entry.path
            good = entry.kind == "file"
            sources = iter([Source(path, "file", path) if good else _missing(path, entry.reason)])
        else:
            left_out[_extension(entry.name)] += 1
            continue
        for source in sources:
            if source.path not in seen:
                seen.add(source.path)
                yield source
    if not seen:
        yield _missing(pattern, "nothing matches this pattern; check it, or quote it less")


def _parts(pattern: str) -> tuple[str, list[str]]:
    """Return where a pattern begins and its parts, folder by folder."""
    drive, rest = os.path.splitdrive(pattern)
    rest = rest.replace(os.altsep or os.sep, os.sep)
    parts = [part for part in rest.split(os.sep) if part]  # noqa: PTH206
    return drive + (os.sep if rest.startswith(os.sep) else ""), parts


def _fitting(base: str, parts: Sequence[str]) -> Iterator[Entry]:
    """Yield what fits the parts of a pattern below a folder, and what bars the way.

    Python's own glob is silent about folders that cannot be listed.
    """
    if not parts:
        yield Entry(base, "", "folder")
        return
    part, rest = parts[0], parts[1:]
    if part == "**" and rest:
        for entry in walk(base, with_folders=True):
            if entry.kind in ("folder", "fault"):
                yield from _deeper(entry, rest)
    elif part == "**":
        yield Entry(base, "", "folder")
    elif not glob.has_magic(part):
        at = look(os.path.join(base, part))  # noqa: PTH118
        yield from _deeper(at, rest) if at is not None else ()
    else:
        for entry in entries(base):
            closed = entry.kind == "fault" and entry.path == (base or os.curdir)
            hidden = entry.name.startswith(".") and not part.startswith(".")
            if closed:
                yield entry
            elif fnmatch.fnmatch(entry.name, part) and not hidden:
                yield from _deeper(entry, rest)


def _deeper(entry: Entry, parts: Sequence[str]) -> Iterator[Entry]:
    if entry.kind == "fault" or not parts:
        yield entry
    elif entry.kind == "folder":
        yield from _fitting(entry.path, parts)


def _listed(name: str, left_out: Counter[str], read: set[str]) -> Iterator[Source]:
    """Yield the rows of a playlist or manifest; relative paths start at its folder."""
    here = os.path.realpath(name)
    if here in read:
        yield _missing(name, "this list is named by another again; it is read once")
        return
    read.add(here)
    finder = Finder(os.path.dirname(name))  # noqa: PTH120
    row = None
    try:
        for row in read_list(name):
            if row.problem:
                yield _missing(name, row.problem)
            else:
                yield from _from_row(row, finder, left_out, read)
    except RowsError as error:
        yield _missing(name, str(error))
        return
    if row is None:
        yield _missing(name, "the list names no files; add at least one")


def _from_row(row: Row, finder: Finder, left_out: Counter[str], read: set[str]) -> Iterator[Source]:
    def named(source: Source) -> Source:
        return replace(source, label=row.label, group=row.group)

    address = row.path.strip()
    if is_address(address):
        source = Source(address, "url", row.track_id or address, start_s=row.start_s)
        yield named(source)
        return
    entry = finder.find(row.path)
    if entry is not None and (entry.kind == "folder" or is_list(entry.path)):
        yield from map(named, _found(entry, left_out, read))
        return
    path = entry.path if entry is not None else finder.beside(row.path)
    if entry is not None and entry.kind == "file":
        source = Source(path, "file", row.track_id or path, start_s=row.start_s)
    else:
        why = "no such file, though a list names it; check the list's paths"
        missing = _missing(path, why if entry is None else entry.reason)
        source = replace(missing, track_id=row.track_id or path)
    yield named(source)


def _missing(path: str, reason: str) -> Source:
    return Source(path, "missing", path, reason=f"{shown(path)}: {reason}")


def _known(name: str) -> bool:
    return _extension(name) in EXTENSIONS


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122
