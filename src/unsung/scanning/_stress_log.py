# SPDX-License-Identifier: MIT
"""The file that lets a stopped stress test go on: JSON Lines, one flushed line a finished curve.

A line is found again by what it was made from: the file's content, the attack with its strengths
and source code, the bundle with its thresholds, the seed and what was heard. Anything else is
another line.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Self

from unsung.core.records import Records, read_records
from unsung.errors import UsageError
from unsung.outputs import Kind, lines_with

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
        try:
            self._file = Records(path, head=b'{"key', ours=_is_row, what="an earlier stress test")
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be written ({error.strerror}); give --resume another file"
            ) from error
        rows = read_records(path, skip_damaged=True)
        self._places = {row["key"]: at for at, _, row in rows if _is_row(row)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the values stored under a key, None where there are none."""
        place = self._places.get(key)
        return None if place is None else dict(self._file.at(place)["values"])

    def put(self, key: str, kind: str, path: str, values: dict[str, Any]) -> None:
        """Store values: one unbuffered write, so that a kill loses at most half a line."""
        row = {"key": key, "kind": kind, "path": path, "values": values}
        self._places[key] = self._file.append(row)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("key"), str) and "values" in row
