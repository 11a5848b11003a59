# SPDX-License-Identifier: MIT
"""Looks into folders: every entry is a file, a folder, or something that says why it is neither.

Nothing is raised and nothing vanishes: a loop of links, a closed folder or a dead mount is an entry
like the others, so that one of them costs no other file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from operator import attrgetter
from typing import Literal, NamedTuple

__all__ = ["Entry", "EntryKind", "entries", "look", "walk"]

EntryKind = Literal["file", "folder", "link", "special", "fault"]

_REASONS = {
    "link": "a link to something that is not there; repair or remove it",
    "special": "expected a regular file, this is a pipe, socket or device",
}


class Entry(NamedTuple):
    """Something in a folder.

    ``kind`` "link" leads to nothing, "special" is a pipe, socket or device, "fault" could not be
    looked at. These three have a ``reason``.
    """

    path: str
    name: str
    kind: EntryKind
    reason: str = ""


def look(path: str) -> Entry | None:
    """Return what stands at a path; None where nothing does."""
    name = os.path.basename(path)  # noqa: PTH119  # str paths keep undecodable bytes
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return _as(Entry(path, name, "link")) if os.path.islink(path) else None  # noqa: PTH114
    except ValueError:  # a null byte: no file can be called so
        return None
    except OSError as error:
        return _fault(path, name, error)
    if stat.S_ISDIR(mode):
        return Entry(path, name, "folder")
    return Entry(path, name, "file") if stat.S_ISREG(mode) else _as(Entry(path, name, "special"))


def entries(folder: str) -> Iterator[Entry]:
    """Yield what a folder holds, sorted by name; "" is where the program runs.

    Where it cannot be listed (to the end), a fault with the folder's own path and name follows.
    """
    found = []
    fault = None
    try:
        with os.scandir(folder or os.curdir) as listing:
            for entry in listing:
                found.append(_entry(folder, entry))  # what came before a fault counts
    except OSError as error:
        fault = _fault(folder or os.curdir, os.path.basename(folder), error)  # noqa: PTH119
    yield from sorted(found, key=attrgetter("name"))
    if fault is not None:
        yield fault


def walk(folder: str, *, with_folders: bool = False) -> Iterator[Entry]:
    """Yield what stands in a folder, in depth, without what is hidden.

    Each folder is entered once, however links point, and only yielded ``with_folders``.
    """
    seen: set[tuple[int, int]] = set()
    stack = [iter([Entry(folder, "", "folder")])]  # no recursion: folders may be nested deeply
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif entry.name.startswith(".") and entry.path not in (folder, os.curdir):
            continue
        elif entry.kind != "folder":
            yield entry
        else:
            barred = _enter(entry, seen)
            if barred is None:
                stack.append(entries(entry.path))
            if (barred or entry).kind != "folder" or (with_folders and barred is None):
                yield barred or entry


def _enter(folder: Entry, seen: set[tuple[int, int]]) -> Entry | None:
    """Note a folder as seen; return it again if it was already, or the fault that bars it."""
    try:
        state = os.stat(folder.path or os.curdir)  # noqa: PTH116
    except OSError as error:
        return _fault(folder.path, folder.name, error)
    identity = (state.st_dev, state.st_ino)
    if identity in seen and state.st_ino:
        return folder
    seen.add(identity)
    return None


def _entry(folder: str, entry: os.DirEntry[str]) -> Entry:
    path = os.path.join(folder, entry.name)  # noqa: PTH118
    try:
        if entry.is_dir():
            return Entry(path, entry.name, "folder")
        if entry.is_file():
            return Entry(path, entry.name, "file")
        return _as(Entry(path, entry.name, "link" if entry.is_symlink() else "special"))
    except OSError as error:
        return _fault(path, entry.name, error)


def _as(entry: Entry) -> Entry:
    return entry._replace(reason=_REASONS[entry.kind])


def _fault(path: str, name: str, error: OSError) -> Entry:
    why = error.strerror or str(error)
    return Entry(path, name, "fault", f"cannot be looked at ({why}); check rights, links and disk")
