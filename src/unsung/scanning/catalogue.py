# SPDX-License-Identifier: MIT
"""A catalogue is a folder: every row once in JSON Lines, the same as Parquet parts, a quarantine.

``scores.jsonl`` is the truth: append-only, locked, safe against kill -9, power loss and a full
disk. ``parts/part-000001.parquet`` and so on hold the same lines in the same order; each part
says which bytes of scores.jsonl it was made from, so that a scan that died makes the rest, and no
row twice. Read them with any tool that reads Parquet while a scan goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsung.errors import MissingExtra, UsageError
from unsung.outputs import output_folder
from unsung.scanning.output import PARQUET, ParquetWriter, parse_row
from unsung.scanning.pipeline import Inputs, scan_rows
from unsung.scanning.quarantine import LIST
from unsung.scanning.resume import RESUME
from unsung.scanning.settings import Row, Settings
from unsung.text import parse_json

__all__ = ["KEPT", "PART_ROWS", "CatalogueFolder", "Parts", "scan_catalogue"]

PART_ROWS = 50_000
"""Rows of one Parquet part: some 20 MB, a size that queries read well."""

_FROM, _TO, _ROWS = b"unsung.from", b"unsung.to", b"unsung.rows"


KEPT = {"scores.jsonl": RESUME, "quarantine.jsonl": LIST, "parts/part-*.parquet": PARQUET}
"""What a scan goes on with in a catalogue's folder."""


@dataclass(frozen=True)
class CatalogueFolder:
    """The paths inside a catalogue's folder."""

    folder: Path

    @property
    def scores(self) -> Path:
        """Every row, in the order in which they were finished."""
        return self.folder / "scores.jsonl"

    @property
    def parts(self) -> Path:
        """Folder of the Parquet parts."""
        return self.folder / "parts"

    @property
    def quarantine(self) -> Path:
        """Files that failed, with reasons."""
        return self.folder / "quarantine.jsonl"

    @property
    def summary(self) -> Path:
        """The page over all of it."""
        return self.folder / "summary.html"


def scan_catalogue(
    inputs: Inputs,
    settings: Settings,
    folder: Path,
    *,
    part_rows: int = PART_ROWS,
    retry_failed: bool = False,
    **options: Any,
) -> Iterator[Row]:
    """Scan into a catalogue's folder, going on where an earlier scan ended.

    Args:
        inputs: as for `scan_rows`.
        settings: what every row is made with; ``metadata`` decides whether tags are carried along.
        folder: of the catalogue; made when absent.
        part_rows: rows of one Parquet part.
        retry_failed: try failed files again that have not changed.
        options: jobs, on_progress, load, limits, ray and mark of `scan_rows`.

    Raises:
        UsageError: a setting is wrong, another scan writes into this folder, or files of other
            content stand in it where ours would.
        StoreFull: the disk is full; what was finished is whole.
    """
    files = CatalogueFolder(output_folder(folder, (), KEPT))
    try:
        files.parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({error.strerror}); choose another") from error
    parts = Parts(files.scores, files.parts, part_rows)
    rows = scan_rows(
        inputs,
        settings,
        resume=files.scores,
        quarantine=files.quarantine,
        retry_failed=retry_failed,
        **options,
    )
    stored = 0
    try:
        with closing(rows):  # type: ignore[type-var]
            for row in rows:
                stored += not row.skipped
                if not row.skipped and stored % part_rows == 0:
                    parts.write(whole_only=True)
                yield row
    except (GeneratorExit, KeyboardInterrupt):
        parts.write()  # whoever stops a scan wants to look at what there is
        raise
    parts.write()


class Parts:
    """The Parquet twin of a JSON Lines file, grown from its new lines.

    Without pyarrow there are no parts; `scores.jsonl` alone is complete.
    """

    def __init__(self, lines: Path, folder: Path, rows: int = PART_ROWS) -> None:
        self._lines, self._folder, self._rows = lines, folder, rows
        try:
            import pyarrow.parquet
        except ImportError:
            self._parquet: Any = None
            return
        self._parquet = pyarrow.parquet

    def write(self, *, whole_only: bool = False) -> None:
        """Write the lines that no part holds; with ``whole_only`` only parts of full length.

        Raises:
            MissingExtra: parts are there, but pyarrow is not: they would fall behind.
        """
        if self._parquet is None:
            if any(self._folder.glob("part-*.parquet")):
                raise MissingExtra("pyarrow", "tables", "adding to this catalogue's Parquet parts")
            return
        if not self._lines.exists():
            return
        number, start = self._next()
        while (end := self._end(start, whole_only)) is not None:
            self._part(number, start, end)
            number, start = number + 1, end

    def _next(self) -> tuple[int, int]:
        """Return the number of the next part and where it begins; a short last one is redone."""
        found = sorted(self._folder.glob("part-*.parquet"))
        if not found:
            return 1, 0
        notes = self._parquet.read_schema(found[-1]).metadata
        number = int(found[-1].stem.removeprefix("part-"))
        if int(notes[_ROWS]) < self._rows:
            return number, int(notes[_FROM])
        return number + 1, int(notes[_TO])

    def _end(self, start: int, whole_only: bool) -> int | None:
        """Return where a part that begins at ``start`` ends; None when there is none to write."""
        with self._lines.open("rb") as lines:
            lines.seek(start)
            end, count = start, 0
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # being written
                end, count = end + len(line), count + 1
                if count == self._rows:
                    return end
        return end if count and not whole_only else None

    def _part(self, number: int, start: int, end: int) -> None:
        target = self._folder / f"part-{number:06d}.parquet"
        with self._lines.open("rb") as lines:
            os.fsync(lines.fileno())  # a part never holds rows that a power loss could take back
            lines.seek(start)
            count = sum(1 for _ in _until(lines, end))
            notes = {"unsung.from": str(start), "unsung.to": str(end), "unsung.rows": str(count)}
            lines.seek(start)
            with ParquetWriter(target, facts=True, notes=notes) as writer:
                for line in _until(lines, end):
                    try:
                        writer.write(*parse_row(parse_json(line)))
                    except (ValueError, TypeError, AttributeError, UsageError):
                        continue  # a line that the disk damaged: its file is scanned again


def _until(lines: Any, end: int) -> Iterator[bytes]:
    while lines.tell() < end:
        yield lines.readline()
