# SPDX-License-Identifier: MIT
"""The file that lets a killed scan go on: JSON Lines, one flushed line a score.

One row a file and setting, broken files included: a new row for a file that has changed, or is
tried again, takes the old one's place when the scan ends (after a kill, when the next one starts).
A file that failed by its own fault is left out until it changes; see `quarantine.lasting`.

What is safe when: after the death of the process, every line written (the system has it); after a
power loss, every line up to the last `SYNC_S` seconds (the disk has it), and what is missing is
scanned again. A torn last line, or one of zero bytes as file systems leave them, is dropped.
"""

from __future__ import annotations

import os
import threading
from array import array
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from unsung.core.records import Records, read_records
from unsung.errors import UnsungError, UsageError
from unsung.outputs import Kind, lines_with
from unsung.scanning.keys import KeyIndex
from unsung.scanning.output import ROWS, parse_row, row_line
from unsung.scanning.quarantine import lasting
from unsung.scanning.settings import FileFacts, Row, Stamp
from unsung.stopping import finishing
from unsung.types import Score

__all__ = ["RESUME", "SYNC_S", "ResumeFile", "StoreFull"]

SYNC_S = 5.0
"""Seconds of work that a power loss may cost; syncing every line would wait for the disk."""

_HEAD = b'{"path": '
RESUME = Kind(
    "rows of an earlier scan", ROWS.suffixes, lines_with("path", "detector", "sha256", "verdict")
)
"""What `ResumeFile` goes on with."""


class StoreFull(UnsungError):
    """The rows cannot be written any more: a full disk, a quota, a lost network folder."""


class ResumeFile:
    """Reads what a scan has already written and appends what it finds out now.

    The content (file hash, bundle hash, settings) decides, not the name: a file that was moved or
    a second copy gets its own line, copied from the first without decoding anything. A file whose
    size and time are those of its row is not even read.

    Args:
        path: the file; made when absent.
        stamp: what this scan's rows carry.
        mark: called with every row before it is stored; returns the row to store: it may write
            beside the file or into its tags.
        retry_failed: try files again that failed and have not changed.
        listed: part of a catalogue, whose quarantine knows what failed and whose parts know lines
            by their offset: the file only grows.
        sync_s: seconds of work that a power loss may cost.
    """

    def __init__(
        self,
        path: Path,
        stamp: Stamp,
        mark: Callable[[Row], Row] | None = None,
        retry_failed: bool = False,
        *,
        listed: bool = False,
        sync_s: float = SYNC_S,
    ) -> None:
        self._path, self._stamp, self._sync_s, self._mark = path, stamp, sync_s, mark
        self._retry_failed, self._listed = retry_failed or listed, listed
        self._guard = threading.Lock()  # feeder threads ask while the consumer stores
        self._open()
        if self._compacted():  # a kill had prevented it
            self._open()

    def _open(self) -> None:
        try:
            self._file = Records(
                self._path,
                head=_HEAD,
                ours=_is_score,
                what="an earlier scan",
                sync_s=self._sync_s,
            )
        except OSError as error:
            raise UsageError(
                f"{self._path}: cannot be written ({error.strerror}); give --resume another file"
            ) from error
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with finishing():
            try:
                self._file.sync()
            finally:
                if not self._compacted():
                    self._file.close()

    @property
    def keys(self) -> array[int]:
        """The content keys, sorted, 8 bytes each."""
        with self._guard:
            return array("Q", self._rows.keys().tobytes())

    @property
    def size(self) -> int:
        """Length of the file in bytes; every line before it is whole."""
        return self._file.size

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
            at = self._files.get(self._stamp.file_key(path, state.st_size, state.st_mtime_ns))
            return at if at is not None and at == self._lines.get(self._line_key(path)) else None

    def settle(self, row: Row) -> Row:
        """Store a finished row; a known one becomes a skipped row or a copy under its new path."""
        if row.known_at is not None:
            held_score, held_facts = self._load(row.known_at)
            score = replace(held_score, path=row.score.path)
            failed = score.state == "failed"
            return replace(row, score=score, facts=held_facts, quarantined=failed)
        if row.known_key is None:
            return self._kept(row)
        with self._guard:
            at = self._rows.get(row.known_key)
            line = self._lines.get(self._line_key(row.score.path))
        assert at is not None, "a known row names a content that is held"
        first, _ = self._load(at)
        own = None if line is None else self._load(line)[0]
        held = own is not None and own.sha256 == row.score.sha256 and own.state != "failed"
        score = replace(first, path=row.score.path)
        facts = row.facts
        if facts is not None and first.path != score.path:
            facts = replace(facts, duplicate_of=first.path)
        copy = replace(row, score=score, facts=facts, skipped=held)
        return copy if held else self._kept(copy)

    def _kept(self, row: Row) -> Row:
        marked = row if self._mark is None else self._mark(row)
        offset = self._file.size
        self.store(marked.score, marked.facts)
        before, after = row.score.sha256, marked.score.sha256
        if before != after and row.score.state != "failed":  # tags changed the bytes, not the sound
            with self._guard:
                self._rows.put(self._stamp.key(before), offset)
        return marked

    def store(self, score: Score, facts: FileFacts | None = None) -> None:
        """Append one row, unless the file's row says the same already."""
        before = self._lines.get(self._line_key(score.path))
        if before is not None and score.error is not None and self._says(before, score, facts):
            return
        try:
            offset = self._file.append_line(row_line(score, facts).encode("utf-8"))
        except OSError as error:
            raise StoreFull(
                f"{self._path}: cannot be written any more ({error.strerror}); its "
                f"{self._count} rows are whole: make room and run the same command again"
            ) from error
        self._count += 1
        with self._guard:
            self._note(score.to_dict(), facts, offset)

    def _says(self, at: int, score: Score, facts: FileFacts | None) -> bool:
        held, seen = self._load(at)
        facts = facts or FileFacts()
        same_file = (held.sha256, seen.size_bytes, seen.modified_ns) == (
            *(score.sha256, facts.size_bytes, facts.modified_ns),
        )
        return held.error == score.error and same_file and seen.settled >= facts.settled

    def _note(self, row: Mapping[str, Any], facts: FileFacts | None, offset: int) -> None:
        """Index a row; the one that it replaces is noted to be dropped."""
        path, sha256, error = row["path"], str(row.get("sha256") or ""), row.get("error")
        line = self._line_key(path, row)
        if (before := self._lines.get(line)) is not None:
            self._replaced.append(before)
        self._lines.put(line, offset)
        if not self._stamp.fits(row):
            return
        if (error is None or row.get("logit") is not None) and sha256:  # or damaged, heard in part
            key = self._stamp.key(sha256)
            if not (facts is not None and facts.duplicate_of and key in self._rows):
                self._rows.put(key, offset)
        elif self._retry_failed or not lasting(error, sha256):
            return
        if facts is not None and facts.settled:
            assert facts.size_bytes is not None and facts.modified_ns is not None
            file_key = self._stamp.file_key(path, facts.size_bytes, facts.modified_ns)
            self._files.put(file_key, offset)

    def _line_key(self, path: str, row: Mapping[str, Any] | None = None) -> int:
        """Return the key of a file's row under this scan's settings, or under those of the row."""
        return (self._stamp if row is None else Stamp.of(row)).key("", path)

    def _read(self) -> None:
        """Index the rows."""
        self._rows = KeyIndex()  # content key -> offset of its line
        self._lines = KeyIndex()  # path and settings -> offset
        self._files = KeyIndex()  # path, size and time -> offset
        self._replaced = array("Q")  # offsets of lines that have a newer one for their file
        self._count = 0
        for at, _, row in read_records(self._path, skip_damaged=True):
            self._count += 1
            if isinstance(row, dict) and isinstance(row.get("path"), str):
                self._note(row, _facts(row), at)

    def _compacted(self) -> bool:
        if not self._replaced or self._listed:
            return False
        return self._file.close_without(self._replaced)

    def _load(self, offset: int) -> tuple[Score, FileFacts]:
        return parse_row(self._file.at(offset))


def _facts(row: dict[str, Any]) -> FileFacts | None:
    """Take from a stored row what the index needs; a row without facts has none."""
    size, modified, scanned = (row.get(k) for k in ("size_bytes", "modified_ns", "scanned_ns"))
    if not (isinstance(size, int) and isinstance(modified, int) and isinstance(scanned, int)):
        return FileFacts(duplicate_of=str(row.get("duplicate_of") or ""))
    return FileFacts(size, modified, scanned, str(row.get("duplicate_of") or ""))


def _is_score(row: Any) -> bool:
    """Say whether this is a row of ours: any list of somebody's files has a path."""
    names = ("path", "detector", "sha256")
    return isinstance(row, dict) and all(isinstance(row.get(name), str) for name in names)
