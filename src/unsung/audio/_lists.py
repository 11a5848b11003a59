# SPDX-License-Identifier: MIT
"""Reads the rows of playlists (.m3u, .m3u8, .pls, .xspf) and manifests (.jsonl, .csv).

Line by line, so that a list may be of any length; a line that does not fit is a row that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from xml.parsers import expat

from unsung.errors import ManifestError
from unsung.tables import Table
from unsung.text import numbered_lines, open_text, parse_json
from unsung.types import Manifest

__all__ = ["Row", "RowsError", "is_address", "is_list", "read_list"]

MOST_BAD_LINES = 100
"""After so many lines that do not fit, the file is something else."""

_START = "#EXTVLCOPT:start-time="
_SCHEME = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # C:// has one letter
_PLS = re.compile(r"file(\d*)\s*=(.*)", re.IGNORECASE)


class RowsError(Exception):
    """Inside this folder only: a list cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Row:
    """One entry of a list, its path as written; ``problem`` says why a line gave none."""

    path: str
    track_id: str = ""
    label: str = ""
    group: str = ""
    start_s: float | None = None
    problem: str = ""


def is_address(name: str) -> bool:
    """Return whether a list's entry is an address of any scheme but ``file:``."""
    return _SCHEME.match(name) is not None


def is_list(name: str) -> bool:
    """Return whether the extension is that of a playlist or manifest."""
    return name.lower().endswith(tuple(_READERS))


def read_list(name: str) -> Iterator[Row]:
    """Yield the rows of a list.

    Raises:
        RowsError: the file cannot be read (to the end) or has not the form that its extension says.
    """
    path = Path(name)
    reader = next(read for ending, read in _READERS.items() if name.lower().endswith(ending))
    try:
        yield from reader(path)
    except OSError as error:
        why = error.strerror or error
        raise RowsError(f"the list cannot be read ({why}); check it") from error
    except ManifestError as error:
        raise RowsError(str(error)) from error
    except ValueError as error:
        raise RowsError(f"the list cannot be read ({error}); repair it") from error


def _playlist(path: Path) -> Iterator[Row]:
    start_s: float | None = None
    for line in _lines(path):
        if line.startswith(_START):
            start_s = _number(line.removeprefix(_START))
        if line.strip() and not line.lstrip().startswith("#"):
            yield Row(line, start_s=start_s)
            start_s = None


def _pls(path: Path) -> Iterator[Row]:
    found = (_PLS.fullmatch(line.strip()) for line in _lines(path))
    entries = [(int(match[1] or 0), match[2].strip()) for match in found if match]
    for _, entry in sorted(entries, key=lambda item: item[0]):
        if entry:
            yield Row(entry)


def _xspf(path: Path) -> Iterator[Row]:
    """Take the first location of every track; a DOCTYPE, whose entities may grow, is refused."""
    inside: list[str] = []
    places: list[list[str]] = []

    def refuse(*_: object) -> None:
        raise ValueError("expected a playlist without a DOCTYPE")

    def begin(tag: str, _: object) -> None:
        inside.append(tag.rpartition(" ")[2].lower())
        if inside[-1] == "track":
            places.append([])
        elif inside[-2:] == ["track", "location"]:
            places[-1].append("")

    def hear(text: str) -> None:
        if inside[-2:] == ["track", "location"]:
            places[-1][-1] += text

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.CharacterDataHandler = begin, hear
    parser.EndElementHandler = lambda _: inside.pop()
    with open_text(path) as stream:
        try:
            parser.ParseFile(stream.buffer)  # XML states its own encoding
        except expat.ExpatError as error:
            raise ValueError(f"no XML: {error}") from error
    yield from (Row(found[0].strip()) for found in places if found and found[0].strip())


def _lines(path: Path) -> Iterator[str]:
    with open_text(path, newline="") as stream:
        for _, line in numbered_lines(stream):
            yield line.rstrip("\r\n")


def _csv(path: Path) -> Iterator[Row]:
    table = Table(path)
    if "path" not in table.columns:
        raise RowsError(
            f"expected a column named 'path', found {', '.join(table.columns) or 'none'};"
            " name the column of file names so"
        )
    for row in table.rows():
        if row.cells["path"]:
            yield _row(row.cells)


def _jsonl(path: Path) -> Iterator[Row]:
    with open_text(path) as stream:
        if _has_head(stream):
            yield from (Row(t.path, t.id, t.label, t.group) for t in Manifest.load(path).tracks)
            return
        stream.seek(0)
        bad = 0
        for number, line in numbered_lines(stream):
            try:
                if line.strip():
                    yield _row(parse_json(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                bad += 1
                if number == 1 or bad > MOST_BAD_LINES:
                    raise RowsError(
                        f"line {number} is no row ({error}); expected one JSON object with a "
                        "'path' a line"
                    ) from error
                yield Row(
                    "",
                    problem=f"line {number}: expected an object with a 'path' ({error}); "
                    "repair the line",
                )


def _has_head(stream: TextIO) -> bool:
    """Say whether the first line is that of a manifest."""
    _, first = next(numbered_lines(stream), (0, ""))
    try:
        head = parse_json(first)
    except ValueError:
        return False
    return isinstance(head, dict) and "manifest" in head


def _row(values: Any) -> Row:
    """Build a row; ``start_s`` of a table says where an excerpt was cut from, so it stays out."""
    path = values["path"]
    if not isinstance(path, str):
        raise TypeError("path is no text")

    def text(*names: str) -> str:
        return next((str(values[name]) for name in names if values.get(name)), "")

    return Row(path, text("track_id", "id"), text("label"), text("group", "source"))


def _number(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".m3u": _playlist,
    ".m3u8": _playlist,
    ".pls": _pls,
    ".xspf": _xspf,
    ".jsonl": _jsonl,
    ".csv": _csv,
}
