# SPDX-License-Identifier: MIT
"""JSON Lines that survive a kill: one write a line, half a last line is dropped on opening.

A lock keeps a second job out of the same file; the system releases it with the process, however
that ends. When not to use: for tables that change; rows are only ever added.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from unsung.errors import ManifestError, UsageError
from unsung.text import parse_json

__all__ = ["Journal"]


class Journal:
    """Rows of an earlier run, and the file open for more.

    Raises:
        UsageError: another process writes to it, or it cannot be opened.
        ManifestError: a line that is not a JSON object, other than a half last one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be written ({error.strerror}); choose another output"
            ) from error
        try:
            _lock(self._file.fileno(), path)
            self.rows = self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row and see it onto the disk before anything else is done."""
        data = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        while data:  # a raw write may take only a part, as on a disk that is nearly full
            data = data[self._file.write(data) :]
        os.fsync(self._file.fileno())
        self.rows.append(dict(row))

    def _read(self) -> list[dict[str, Any]]:
        self._file.seek(0)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        rows = []
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            try:
                row = parse_json(line)
            except ValueError as error:
                raise ManifestError(f"{self.path}, line {number}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ManifestError(
                    f"{self.path}, line {number}: expected an object, got {type(row).__name__}"
                )
            rows.append(row)
        if whole < len(data):
            if not whole and not data.startswith(b"{"):
                raise ManifestError(f"{self.path}: expected JSON Lines, got something else")
            self._file.truncate(whole)
        return rows


def _lock(descriptor: int, path: Path) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows: two jobs on one folder are not kept apart there
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UsageError(
            f"{path}: another job writes to it now; wait for it, or choose another output"
        ) from error
