# SPDX-License-Identifier: MIT
"""The file that lets a killed scan go on: JSON Lines, one flushed line a score.

A later line for the same path replaces an earlier one (a file with an error is tried again).
"""

from __future__ import annotations

import json
from array import array
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from unsung.errors import UsageError
from unsung.scanning.output import json_line
from unsung.scanning.settings import Row, Stamp
from unsung.types import Score

__all__ = ["ResumeFile"]

_HEAD = b'{"path": '


class ResumeFile:
    """Reads what a scan has already written and appends what it finds out now.

    The content (file hash, bundle hash, settings) decides, not the name: a file that was moved or
    a second copy gets its own line, copied from the first without decoding anything.
    """

    def __init__(self, path: Path, stamp: Stamp) -> None:
        self._path, self._stamp = path, stamp
        self._rows: dict[int, int] = {}  # content key -> offset of its line
        self._paths: set[int] = set()  # content and path key
        try:
            self._size = self._read()
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be written ({error.strerror}); give --resume another file"
            ) from error
        self._file.truncate(self._size)
        if self._unfinished:
            self._append(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def keys(self) -> array[int]:
        """The content keys, sorted, 8 bytes each: small enough for every worker to hold."""
        return array("Q", sorted(self._rows))

    def settle(self, row: Row) -> Row:
        """Store a finished row; a known one becomes a skipped row or a copy under its new path."""
        if row.known_key is None:
            self._store(row.score)
            return row
        score = replace(self._load(self._rows[row.known_key]), path=row.score.path)
        skipped = self._stamp.key(score.sha256, score.path) in self._paths
        if not skipped:
            self._store(score)
        return replace(row, score=score, skipped=skipped)

    def _store(self, score: Score) -> None:
        line = json_line(score)
        offset = self._size
        self._append(line.encode("utf-8"))
        if score.error is None and score.sha256:
            self._note(score.sha256, score.path, offset)

    def _append(self, data: bytes) -> None:
        self._file.write(data)  # one unbuffered write a line: a kill loses at most half a line
        self._size += len(data)

    def _note(self, sha256: str, path: str, offset: int) -> None:
        self._rows[self._stamp.key(sha256)] = offset
        self._paths.add(self._stamp.key(sha256, path))

    def _read(self) -> int:
        """Index the rows made under these settings; return the size without a half last line."""
        self._unfinished = False
        if not self._path.exists():
            return 0
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
                    self._note(row["sha256"], row["path"], size)
                size += len(line)
                self._unfinished = not line.endswith(b"\n")
        return size

    def _load(self, offset: int) -> Score:
        with self._path.open("rb") as lines:
            lines.seek(offset)
            return Score.from_dict(json.loads(lines.readline()))


def _half(line: bytes) -> bool:
    """Say whether a file's only line is the start of a score, cut by a kill."""
    return not line.endswith(b"\n") and _HEAD.startswith(line[: len(_HEAD)])


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("path"), str) else None
