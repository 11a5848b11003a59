# SPDX-License-Identifier: MIT
"""The one reader of CSV and TSV tables: a header, rows with their line, errors that name both."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from unsung.errors import ManifestError, UnknownName

__all__ = ["Row", "Table", "number"]

_LONGEST_CELL = 10_000_000  # notes and lyrics pass Python's default of 128 KiB


@dataclass(frozen=True)
class Row:
    """One row: ``cells`` by column name, absent cells empty; ``line`` is where it ends."""

    line: int
    cells: Mapping[str, str]


class Table:
    """A table that is read once, row by row, however long it is.

    Args:
        path: a file with a header line; tabs separate the columns of ``.tsv``, commas of others.

    Raises:
        ManifestError: the file cannot be read, is not UTF-8 or no table (here or in `rows`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: tuple[str, ...] = tuple(next(self._lines()).cells)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in order."""
        lines = self._lines()
        next(lines, None)
        yield from lines

    def need(self, *wanted: str) -> None:
        """Check that columns exist.

        Raises:
            ManifestError: one is missing; the message suggests the nearest name.
        """
        for name in wanted:
            if name not in self.columns:
                raise ManifestError(f"{self.path}: {UnknownName('column', name, self.columns)}")

    def _lines(self) -> Iterator[Row]:
        """Yield the header as a row of its own names, then the rows."""
        csv.field_size_limit(_LONGEST_CELL)
        separator = "\t" if self.path.suffix.lower() == ".tsv" else ","
        try:
            with self.path.open(newline="", encoding="utf-8-sig") as stream:
                reader = csv.DictReader(stream, delimiter=separator, restval="")
                yield Row(1, dict.fromkeys(reader.fieldnames or (), ""))
                for cells in reader:
                    cells.pop(None, None)  # more cells than columns
                    yield Row(reader.line_num, cells)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise ManifestError(
                f"{self.path}: cannot be read as a CSV table ({reason}); give a CSV with a "
                "header in UTF-8, or a manifest (.jsonl)"
            ) from error


def number(table: Table, row: Row, column: str, what: str = "") -> float | None:
    """Return a cell as a number; None if it is empty.

    Raises:
        ManifestError: it is something else; the message names the line.
    """
    text = row.cells[column].strip()
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise ManifestError(
            f"{table.path}, line {row.line}: expected a number {what or f'for {column}'}, "
            f"got '{text}'"
        ) from error
