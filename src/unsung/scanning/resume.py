# SPDX-License-Identifier: MIT
"""The file that lets a killed scan go on: JSON Lines, one flushed line a score.

A later line for the same path replaces an earlier one (a file with an error is tried again).

What is safe when: after the death of the process, every line written (the system has it); after a
power loss, every line up to the last `SYNC_S` seconds (the disk has it), and what is missing is
scanned again. A torn last line, or one of zero bytes as file systems leave them, is dropped.
"""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from unsung.errors import UnsungError, UsageError
from unsung.scanning.keys import KeyIndex
from unsung.scanning.locking import lock
from unsung.scanning.output import parse_row, row_line
from unsung.scanning.settings import FileFacts, Row, Stamp
from unsung.text import parse_json
from unsung.types import Score

__all__ = ["SYNC_S", "ResumeFile", "StoreFull"]

SYNC_S = 5.0
"""Seconds of work that a power loss may cost; syncing every line would wait for the disk."""

_HEAD = b'{"path": '


class StoreFull(UnsungError):
    """The rows cannot be written any more: a full disk, a quota, a lost network folder."""


class ResumeFile:
    """Reads what a scan has already written and appends what it finds out now.

    The content (file hash, bundle hash, settings) decides, not the name: a file that was moved or
    a second copy gets its own line, copied from the first without decoding anything. A file whose
    size and time are those of its row is not even read.

    ``mark`` is called with every row before it is stored, and returns the row to store: it may
    write beside the file or into its tags.
    """

    def __init__(
        self,
        path: Path,
        stamp: Stamp,
        *,
        sync_s: float = SYNC_S,
        mark: Callable[[Row], Row] | None = None,
    ) -> None:
        self._path, self._stamp, self._sync_s, self._mark = path, stamp, sync_s, mark
        self._guard = threading.Lock()  # feeder threads ask while the consumer stores
        self._rows = KeyIndex()  # content key -> offset of its line
        self._paths = KeyIndex()  # content and path key -> offset
        self._files = KeyIndex()  # path, size and time -> offset
        self._count = 0
        try:
            new = not path.exists()
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be written ({error.strerror}); give --resume another file"
            ) from error
        try:
            self._begin(new)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, new: bool) -> None:
        lock(self._file, self._path)
        self._size = self._read()
        self._file.truncate(self._size)
        self._reader = self._path.open("rb")
        self._synced_s = time.monotonic()
        if self._unfinished:
            self._append(b"\n")
        if new:
            _sync_folder(self._path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            os.fsync(self._file.fileno())
        finally:
            self._reader.close()
            self._file.close()

    @property
    def keys(self) -> array[int]:
        """The content keys, sorted, 8 bytes each."""
        with self._guard:
            return array("Q", self._rows.keys().tobytes())

    @property
    def size(self) -> int:
        """Length of the file in bytes; every line before it is whole."""
        return self._size

    def holds(self, key: int) -> bool:
        """Say whether this content has its row; safe from any thread."""
        with self._guard:
            return key in self._rows

    def find_file(self, path: str) -> int | None:
        """Return where the row of an unchanged file stands; safe from any thread.

        Unchanged means size and time of last change; `FileFacts.settled` says when that is enough.
        """
        try:
            state = os.stat(path)  # noqa: PTH116  # paths are text, undecodable bytes included
        except (OSError, ValueError):
            return None
        with self._guard:
            return self._files.get(self._stamp.file_key(path, state.st_size, state.st_mtime_ns))

    def settle(self, row: Row) -> Row:
        """Store a finished row; a known one becomes a skipped row or a copy under its new path."""
        if row.known_at is not None:
            held_score, held_facts = self._load(row.known_at)
            return replace(row, score=replace(held_score, path=row.score.path), facts=held_facts)
        if row.known_key is None:
            return self._kept(row)
        with self._guard:
            at = self._rows.get(row.known_key)
            held = self._stamp.key(row.score.sha256, row.score.path) in self._paths
        assert at is not None, "a known row names a content that is held"
        first, _ = self._load(at)
        score = replace(first, path=row.score.path)
        facts = row.facts
        if facts is not None and first.path != score.path:
            facts = replace(facts, duplicate_of=first.path)
        copy = replace(row, score=score, facts=facts, skipped=held)
        return copy if held else self._kept(copy)

    def _kept(self, row: Row) -> Row:
        marked = row if self._mark is None else self._mark(row)
        offset = self._size
        self.store(marked.score, marked.facts)
        before, after = row.score.sha256, marked.score.sha256
        if before != after and row.score.state != "failed":  # tags changed the bytes, not the sound
            with self._guard:
                self._rows.put(self._stamp.key(before), offset)
        return marked

    def store(self, score: Score, facts: FileFacts | None = None) -> None:
        """Append one row."""
        offset = self._size
        self._append(row_line(score, facts).encode("utf-8"))
        if (score.error is None or score.damaged) and score.sha256:
            with self._guard:
                self._note(score.sha256, score.path, facts, offset)

    def _append(self, data: bytes) -> None:
        """Write one line, whole or not at all: a kill loses at most half a line."""
        left = memoryview(data)
        try:
            while left:  # a full disk takes a part first and refuses the rest
                left = left[self._file.write(left) :]
            if time.monotonic() - self._synced_s >= self._sync_s:
                os.fsync(self._file.fileno())
                self._synced_s = time.monotonic()
        except OSError as error:
            self._file.truncate(self._size)
            raise StoreFull(
                f"{self._path}: cannot be written any more ({error.strerror}); its "
                f"{self._count} rows are whole: make room and run the same command again"
            ) from error
        self._size += len(data)
        self._count += 1

    def _note(self, sha256: str, path: str, facts: FileFacts | None, offset: int) -> None:
        key = self._stamp.key(sha256)
        if not (facts is not None and facts.duplicate_of and key in self._rows):
            self._rows.put(key, offset)
        self._paths.put(self._stamp.key(sha256, path), offset)
        if facts is not None and facts.settled:
            assert facts.size_bytes is not None and facts.modified_ns is not None
            file_key = self._stamp.file_key(path, facts.size_bytes, facts.modified_ns)
            self._files.put(file_key, offset)

    def _read(self) -> int:
        """Index the rows made under these settings; return the size without a half last line."""
        self._unfinished = False
        size = 0
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                row = _parsed(line)
                if number == 1 and row is None and not _half(line):
                    raise UsageError(
                        f"{self._path}: expected JSON Lines of an earlier scan, got something "
                        "else; --resume will not touch it: give a new file"
                    )
                if row is None and not line.endswith(b"\n"):
                    break  # half a line, left by a kill
                if row is not None and self._stamp.made(row):
                    self._note(row["sha256"], row["path"], _facts(row), size)
                size += len(line)
                self._count += 1
                self._unfinished = not line.endswith(b"\n")
        return size

    def _load(self, offset: int) -> tuple[Score, FileFacts]:
        self._reader.seek(offset)
        return parse_row(parse_json(self._reader.readline()))


def _facts(row: dict[str, Any]) -> FileFacts | None:
    """Take from a stored row what the index needs; a row without facts has none."""
    size, modified, scanned = (row.get(k) for k in ("size_bytes", "modified_ns", "scanned_ns"))
    if not (isinstance(size, int) and isinstance(modified, int) and isinstance(scanned, int)):
        return FileFacts(duplicate_of=str(row.get("duplicate_of") or ""))
    return FileFacts(size, modified, scanned, str(row.get("duplicate_of") or ""))


def _half(line: bytes) -> bool:
    """Say whether a file's only line is the start of a score, cut by a kill or a power loss."""
    start = line.rstrip(b"\0")
    return not line.endswith(b"\n") and _HEAD.startswith(start[: len(_HEAD)])


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("path"), str) else None


def _sync_folder(folder: Path) -> None:
    """Make a new file's name survive a power loss, where the system lets a folder be synced."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
