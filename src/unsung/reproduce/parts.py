# SPDX-License-Identifier: MIT
"""Append-only files of scores: one for the experiment, one for each job of a cluster.

A file is written by one process at a time, a flushed line a cell, so that a kill costs at most the
line being written. Part files lie in ``parts/`` beside the scores; the next run of any kind takes
their rows over and deletes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from unsung.core.records import Records
from unsung.errors import UnsungError
from unsung.reproduce.plan import read_scores

__all__ = ["JOBS", "Appender", "WriteFailed", "part_files", "parts_folder", "take_over"]


JOBS = "jobs.json"
"""In the folder of part files: the cluster jobs that write them."""


class WriteFailed(UnsungError):
    """A result could not be written: the disk is full or the folder may not be written."""


def parts_folder(scores: Path) -> Path:
    """Return the folder of the part files that belong to a file of scores."""
    return scores.parent / "parts"


def part_files(scores: Path) -> list[Path]:
    """Return the part files beside a file of scores, sorted."""
    return sorted(parts_folder(scores).glob("part-*.jsonl"))


class Appender:
    """Holds a file of scores alone; ``known`` are its rows at the start.

    Raises:
        UsageError: another process writes to the file, or it is damaged.
        WriteFailed: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = Records(path, what="scores")
        except OSError as error:
            raise _failed(path, error) from error
        try:
            self.known = read_scores(path)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Appender:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one row.

        Raises:
            WriteFailed: the disk is full; the rows before stay.
        """
        try:
            self._file.append(row, allow_nan=False)
        except OSError as error:
            raise _failed(self._path, error) from error


def take_over(scores: Path, known: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of part files whose cells are not known yet.

    Raises:
        UsageError: a part is damaged.
    """
    seen = set(known)
    for path in part_files(scores):
        for key, row in read_scores(path).items():
            if key not in seen:
                seen.add(key)
                yield row


def _failed(path: Path, error: OSError) -> WriteFailed:
    return WriteFailed(
        f"{path}: cannot be written ({error.strerror or error}); every score made so far is kept: "
        "make room or give another folder with --out, then run again"
    )
