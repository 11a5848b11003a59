# SPDX-License-Identifier: MIT
"""The file that lets a stopped stress test go on: JSON Lines, one flushed line a finished curve.

A line is found again by what it was made from: the file's content, the attack with its strengths
and source code, the bundle with its thresholds, the seed and what was heard. Anything else is
another line.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from unsung.errors import UsageError
from unsung.outputs import Kind, lines_with
from unsung.text import parse_json

__all__ = ["LOG", "StressLog", "content_key"]

LOG = Kind(
    "rows of an earlier stress test",
    (".jsonl", ".ndjson", ".json"),
    lines_with("key", "kind", "path", "values"),
)
"""What `StressLog` goes on with."""


def content_key(**parts: Any) -> str:
    """Return a hash over plain values.

    >>> content_key(a=1.0) == content_key(a=1.0) != content_key(a=2.0)
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class StressLog:
    """Reads what earlier runs finished and appends what this one does; safe between threads.

    Args:
        path: the file; made when absent.

    Raises:
        UsageError: the file holds something else, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._places: dict[str, int] = {}
        self._size, self._unfinished = 0, False
        try:
            if path.exists():
                self._read()
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

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the values stored under a key, None where there are none."""
        place = self._places.get(key)
        if place is None:
            return None
        with self._path.open("rb") as lines:
            lines.seek(place)
            row: dict[str, Any] = parse_json(lines.readline())
        return dict(row["values"])

    def put(self, key: str, kind: str, path: str, values: dict[str, Any]) -> None:
        """Store values: one unbuffered write, so that a kill loses at most half a line."""
        row = {"key": key, "kind": kind, "path": path, "values": values}
        line = json.dumps(row).encode() + b"\n"
        with self._lock:
            place = self._size
            self._append(line)
            self._places[key] = place

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._size += len(data)

    def _read(self) -> None:
        """Index the lines; the size ends before a half last line."""
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                row = _parsed(line)
                whole = line.endswith(b"\n")
                if row is None and not whole and (number > 1 or line.startswith(b'{"key')):
                    return  # half a line, left by a kill
                if row is None and number == 1:
                    raise UsageError(
                        f"{self._path}: expected JSON Lines of an earlier stress test, got "
                        "something else; --resume will not touch it: give a new file"
                    )
                if row is not None:
                    self._places[row["key"]] = self._size
                self._size += len(line)
                self._unfinished = not whole


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except ValueError:
        return None
    fits = isinstance(row, dict) and isinstance(row.get("key"), str) and "values" in row
    return row if fits else None
