# SPDX-License-Identifier: MIT
"""The one reader and the one writer of CSV tables.

Read: a header, rows with their line, errors that name both; the separator (comma, semicolon, tab,
bar) and the encoding are found out. Written: one line a row whatever a file is called, no cell that
a spreadsheet takes for a formula; the writer of Python's own library leaves a carriage return bare
in some releases.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from unsung.errors import ManifestError, UnknownName
from unsung.text import (
    CODE_PAGES,
    LONGEST_LINE,
    as_path_text,
    code_page_readings,
    has_raw_bytes,
    numbered_lines,
    one_line,
    open_text,
)

__all__ = ["Row", "Table", "csv_line", "number", "write_csv"]

_SEPARATORS = ",;\t|"
_STATED = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # Excel's own first line
_STARTS_FORMULA = re.compile("'*[=+\\-@\uff1d\uff0b\uff0d\uff20]")  # also in full width
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)")
_NEEDS_QUOTES = re.compile(r'[",;|]|^\s|\s$')
_SAMPLE = 500  # cells that tell a code page


@dataclass(frozen=True)
class Row:
    """One row: ``cells`` by column name, absent cells empty; ``line`` is where it ends."""

    line: int
    cells: Mapping[str, str]


class Table:
    """A table that is read once, row by row, however long it is.

    Commas, semicolons, tabs or bars separate the columns, whatever the header shows. UTF-8 and
    UTF-16 are recognised; of other encodings, the one is taken in which the table's paths exist.

    Args:
        path: a file with a header line.

    Raises:
        ManifestError: the file cannot be read, is no table, or names a column twice (here or in
            `rows`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.separator = ","
        self._page: str | None = None
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
        rows = self._text_rows()
        line, head = next(rows, (1, []))
        names = [name.strip() for name in head]
        twice = [name for name, count in Counter(names).items() if count > 1 and name]
        if twice:
            raise ManifestError(
                f"{self.path}: expected each column once, '{twice[0]}' stands there "
                f"{names.count(twice[0])} times; leave one of them"
            )
        yield Row(line, dict.fromkeys(names, ""))
        for line, values in rows:
            cells = dict.fromkeys(names, "")
            cells.update(zip(names, map(_meant, values), strict=False))
            yield Row(line, cells)

    def _text_rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, cells) with bytes of an old code page turned into text."""
        for line, values in self._raw_rows():
            if any(has_raw_bytes(value) for value in values):
                if self._page is None:
                    self._page = self._code_page()
                values = [as_path_text(value, self._page) for value in values]  # noqa: PLW2901
            yield line, values

    def _raw_rows(self) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(LONGEST_LINE)
        try:
            with open_text(self.path, newline="") as stream:
                lines: Iterator[str] = (line for _, line in numbered_lines(stream))
                first = next(lines, "")
                stated = _STATED.fullmatch(first.strip())
                if stated is None:
                    self.separator = _separator(first)
                    lines = chain([first], lines)
                else:
                    self.separator = stated[1]
                reader = csv.reader(lines, delimiter=self.separator)
                for values in reader:
                    if values:
                        yield reader.line_num + (stated is not None), values
        except (OSError, ValueError, TypeError, csv.Error) as error:  # TypeError: "sep=\n"
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise ManifestError(
                f"{self.path}: cannot be read as a CSV table ({reason}); give a CSV with a "
                "header in UTF-8, or a manifest (.jsonl)"
            ) from error

    def _code_page(self) -> str:
        """Return the code page in which most paths exist; "" where the bytes are the names."""
        cells = (cell for _, row in self._raw_rows() for cell in row if has_raw_bytes(cell))
        hits: Counter[str] = Counter()
        fits: Counter[str] = Counter()
        for cell in islice(cells, _SAMPLE):
            hits[""] += self._exists(cell)
            for page, text in code_page_readings(cell):
                fits[page] += 1
                hits[page] += self._exists(text)
        best = max(hits.values(), default=0)
        if best:
            return next(page for page in ("", *CODE_PAGES) if hits[page] == best)
        return max(CODE_PAGES, key=lambda page: fits[page])  # the first of those that fit best

    def _exists(self, name: str) -> bool:
        try:
            return (self.path.parent / name).exists() or Path(name).exists()
        except (OSError, ValueError):
            return False


def number(table: Table, row: Row, column: str, what: str = "") -> float | None:
    """Return a cell as a number; None if it is empty.

    A comma is the decimal sign where semicolons separate the columns, as spreadsheets write it.

    Raises:
        ManifestError: it is something else; the message names the line.
    """
    text = row.cells[column].strip()
    if not text:
        return None
    try:
        return float(text.replace(",", ".") if table.separator == ";" else text)
    except ValueError as error:
        raise ManifestError(
            f"{table.path}, line {row.line}: expected a number {what or f'for {column}'}, "
            f"got '{text}'"
        ) from error


def csv_line(cells: Iterable[object]) -> str:
    r"""Return one row of a CSV table with its line end; None is an empty cell.

    Control characters and line breaks become escapes; a text that a spreadsheet would calculate
    gets a ``'`` in front, which `Table` takes away again.

    >>> csv_line(["a, b.mp3", -0.5, None, "=1+1", "x\ry"])
    '"a, b.mp3",-0.5,,\'=1+1,x\\ry\n'
    """
    return ",".join(map(_cell, cells)) + "\n"


def write_csv(stream: TextIO, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a header and rows as `csv_line` makes them."""
    stream.write(csv_line(header))
    stream.writelines(map(csv_line, rows))


def _cell(value: object) -> str:
    text = "" if value is None else one_line(str(value))
    if _STARTS_FORMULA.match(text) and not _NUMBER.fullmatch(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _meant(cell: str) -> str:
    """Take away what `csv_line` puts before a formula."""
    return cell[1:] if cell.startswith("'") and _STARTS_FORMULA.match(cell) else cell


def _separator(header: str) -> str:
    """Return the separator that comes most often outside quotes; a comma where none does."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(_SEPARATORS, key=bare.count)
