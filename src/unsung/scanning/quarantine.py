# SPDX-License-Identifier: MIT
"""The list of files that gave no verdict, with reasons, so that a later scan leaves them out.

JSON Lines, append-only; a later line for a path replaces an earlier one. A file that was changed
since is tried again by itself. What may well work next time (a server that did not answer, a path
that is not there yet) is not listed.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from unsung.core.records import Records, read_records
from unsung.errors import UsageError
from unsung.outputs import Kind, lines_with
from unsung.scanning.keys import KeyIndex
from unsung.scanning.settings import Row
from unsung.types import Record

__all__ = [
    "LIST",
    "PASSING",
    "Quarantine",
    "Quarantined",
    "file_key",
    "lasting",
    "read_quarantine",
]

PASSING = frozenset(
    ("FetchError", "MissingExtra", "MissingTool", "MemoryError", "OSError", "WorkerNotStarted")
)
"""Errors of the moment or the machine, not of the file."""

UNREAD = frozenset(("FileTooLarge", "TimeLimit", "WorkerDied"))
"""Errors of a file whose bytes need not have been read."""


def lasting(error: Mapping[str, Any] | None, sha256: str) -> bool:
    """Say whether an error is the file's own, and will come again while the file stays.

    What could not even be read (gone, not allowed) has no hash: it may work without a change.
    """
    kind = error.get("type") if error else None
    return bool(kind) and kind not in PASSING and (bool(sha256) or kind in UNREAD)


LIST = Kind("a quarantine list", (), lines_with("path", "type", "message", "released"))
"""What `Quarantine` goes on with."""


@dataclass(frozen=True)
class Quarantined(Record):
    """One line: why a file is left out; ``released`` says that it has been scored since."""

    path: str
    type: str = ""
    message: str = ""
    sha256: str = ""
    size_bytes: int | None = None
    modified_ns: int | None = None
    detector: str = ""
    at_ns: int = 0
    released: bool = False


def read_quarantine(path: Path) -> Iterator[Quarantined]:
    """Yield what stands in quarantine now: the newest line of each path, without the released.

    Raises:
        UsageError: a line is not one of this list.
    """
    newest: dict[str, Quarantined] = {}
    for entry in _entries(path):
        newest[entry.path] = entry
    yield from (entry for entry in newest.values() if not entry.released)


class Quarantine:
    """The open list: `holds` is asked from any thread, `note` is told every finished row.

    Args:
        path: the list; made when absent.
        retry: hold nothing back this time; files that work are released.
    """

    def __init__(self, path: Path, *, retry: bool = False) -> None:
        self._path, self._retry = path, retry
        self._guard = threading.Lock()
        self._files = KeyIndex()  # path, size and time -> 1 (held) or 0 (released)
        self._paths = KeyIndex()  # path -> key of its newest line
        try:
            self._file = Records(path, what=LIST.what)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
        try:
            for entry in _entries(path):
                self._remember(entry)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def holds(self, path: str) -> bool:
        """Say whether a file is to be left out: listed, and unchanged since."""
        if self._retry:
            return False
        try:
            state = os.stat(path)  # noqa: PTH116  # paths are text, undecodable bytes included
        except (OSError, ValueError):
            return False
        with self._guard:
            return self._files.get(file_key(path, state.st_size, state.st_mtime_ns)) == 1

    def note(self, row: Row) -> None:
        """List a failed file with its reason; release one that was scored."""
        score, facts = row.score, row.facts
        if row.skipped or row.quarantined:
            return
        with self._guard:
            listed = self._files.get(self._paths.get(file_key(score.path)) or 0) == 1
        if score.state != "failed" or score.error is None:  # damaged, but judged: done
            if listed:
                self._write(Quarantined(score.path, released=True, at_ns=time.time_ns()))
            return
        if not lasting(score.error.to_dict(), score.sha256) or facts is None:
            return
        size, modified = facts.size_bytes, facts.modified_ns
        if size is None or modified is None:
            return
        self._write(
            Quarantined(
                score.path,
                score.error.type,
                score.error.message,
                score.sha256,
                size,
                modified,
                score.detector,
                time.time_ns(),
            )
        )

    def _write(self, entry: Quarantined) -> None:
        self._file.append(entry.to_dict())
        self._remember(entry)

    def _remember(self, entry: Quarantined) -> None:
        with self._guard:
            name = file_key(entry.path)
            before = self._paths.get(name)
            if before is not None:
                self._files.put(before, 0)
            if entry.released or entry.size_bytes is None or entry.modified_ns is None:
                return
            key = file_key(entry.path, entry.size_bytes, entry.modified_ns)
            self._files.put(key, 1)
            self._paths.put(name, key)


def _entries(path: Path) -> Iterator[Quarantined]:
    for number, (_, _, row) in enumerate(read_records(path), start=1):
        try:
            yield Quarantined.from_dict(row)
        except (ValueError, TypeError, AttributeError, UsageError) as error:
            raise UsageError(
                f"{path}, line {number}: expected a quarantined file ({error}); "
                "give a list that a scan wrote, or a new file"
            ) from error


def file_key(path: str, *state: int) -> int:
    """Return 64 bits for a path, or for a path in one state."""
    text = "\0".join((path, *map(str, state))).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
