# SPDX-License-Identifier: MIT
"""Reads the metadata files that corpora come with; every fault names file, line and remedy."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from unsung.audio.folders import entries
from unsung.audio.sources import EXTENSIONS
from unsung.errors import DatasetError

__all__ = [
    "AUDIO",
    "SPLITS",
    "audio_files",
    "choice",
    "columns",
    "first_file",
    "inner",
    "number",
    "table",
]

AUDIO = tuple(sorted(EXTENSIONS))
"""File endings that are listed as sound; other files in a corpus are left alone."""

SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "val": "validation",
    "validation": "validation",
    "dev": "validation",
    "progress": "validation",
    "test": "test",
    "eval": "test",
    "hidden": "hidden",
}
"""Words that publishers use for a split → ours; "hidden" is ASVspoof 2021's trimmed silence set."""

_LONGEST_FIELD = 1 << 26  # whole books stand in one cell of some lyrics lists
T = TypeVar("T")


def inner(root: Path, *names: str) -> Path:
    """Return the first of these folders below the root that exists, or the root itself.

    Archives differ in whether they hold a top folder; both ways of unpacking are accepted.
    """
    return next((root / name for name in names if (root / name).is_dir()), root)


def first_file(root: Path, names: Sequence[str], instructions: str) -> Path:
    """Return the first of these files that exists.

    Raises:
        DatasetError: none does; the message holds the instructions.
    """
    for name in names:
        if (root / name).is_file():
            return root / name
    raise DatasetError(f"{root}: expected the file {' or '.join(names)}; {instructions}")


def audio_files(folder: Path) -> list[Path]:
    """Return the sound files below a folder, sorted.

    Hidden folders are skipped, and what macOS puts beside files (`._song.wav`); a song whose name
    begins with a dot is not. Linked folders are entered, as large corpora are often linked
    together; a link that leads back to a folder above itself is not.

    What cannot be looked at (a closed folder, a loop of links, a pipe) is among them: whoever reads
    it learns why, and no row is lost without a word.
    """
    found: list[Path] = []
    stack = [(str(folder), frozenset[str]())]
    while stack:
        here, above = stack.pop()
        real = os.path.realpath(here)
        if real in above:
            continue
        for entry in entries(here):
            seen = entry.path == here or not entry.name.startswith(".")
            if entry.kind == "folder" and seen:
                stack.append((entry.path, above | {real}))
            elif entry.kind != "folder" and (
                _is_sound(entry.name) or (entry.kind == "fault" and seen)
            ):
                found.append(Path(entry.path))
    return sorted(found)


def _is_sound(name: str) -> bool:
    return name.lower().endswith(AUDIO) and not name.startswith("._")


def table(
    path: Path, needed: Sequence[str], delimiter: str = ","
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) of a CSV with a header; the line is where the row begins.

    Raises:
        DatasetError: not readable as such a table, a needed column is missing (line 1), or a row
            is shorter than the needed columns.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, delimiter=delimiter)
            _check_header(path, reader.fieldnames or (), needed)
            line = reader.line_num + 1
            for row in reader:
                yield line, _cells(path, line, row, needed)
                line = reader.line_num + 1
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: cannot be read as a table ({error}); get it again") from error


def columns(
    path: Path, least: int, names: str, separator: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, values) of a file without header; by default values are parted by spaces.

    Args:
        path: the file.
        least: how many values a line must have.
        names: what the values are, for the message.
        separator: what parts the values; None for any run of spaces.

    Raises:
        DatasetError: not readable, or a line has too few values.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for line, text in enumerate(stream, start=1):
                values = text.rstrip("\n").split(separator)
                if not text.strip():
                    continue
                if len(values) < least:
                    raise DatasetError(
                        f"{path}, line {line}: expected {least} values ({names}), "
                        f"got {len(values)}; get the file again"
                    )
                yield line, values
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as text ({error}); get it again") from error


def choice(words: Mapping[str, T], value: str, path: Path, line: int, name: str) -> T:
    """Return what a word stands for.

    Raises:
        DatasetError: the word is unknown; the message names the known ones.
    """
    if value in words:
        return words[value]
    raise DatasetError(
        f"{path}, line {line}: expected {name} among {', '.join(words)}, got '{value}'"
    )


def number(value: str, path: Path, line: int, name: str) -> float:
    """Return a cell as a number.

    Raises:
        DatasetError: it is none.
    """
    try:
        return float(value)
    except ValueError as error:
        raise DatasetError(
            f"{path}, line {line}: expected a number for {name}, got '{value}'"
        ) from error


def _check_header(path: Path, present: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in present]
    if missing:
        raise DatasetError(
            f"{path}, line 1: the column {' and '.join(missing)} is missing; "
            f"came: {', '.join(present) or 'none'}; get the file again from its publisher"
        )


def _cells(
    path: Path, line: int, row: Mapping[str | None, object], needed: Sequence[str]
) -> dict[str, str]:
    short = [name for name in needed if row[name] is None]
    if short:
        raise DatasetError(
            f"{path}, line {line}: the row ends before the column {short[0]}; get the file again"
        )
    return {str(key): str(value or "") for key, value in row.items() if key is not None}
