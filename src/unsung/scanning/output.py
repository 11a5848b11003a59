# SPDX-License-Identifier: MIT
"""Writes scores as JSON Lines, CSV or Parquet: the same names everywhere, no half-written file.

CSV and Parquet are flat: ``error`` becomes ``error.type`` and ``error.message``; in CSV the
windows, evidence, provenance, segments, stability and notes are JSON text, in Parquet the windows
are lists of two numbers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self, TextIO

from unsung.errors import MissingExtra, UsageError
from unsung.outputs import (
    Kind,
    json_with,
    named,
    new_part,
    output_file,
    parquet_with,
    take_place,
)
from unsung.scanning.keys import KeyIndex
from unsung.scanning.settings import FileFacts, Metadata
from unsung.stopping import finishing
from unsung.tables import csv_line
from unsung.text import one_line, parse_json
from unsung.types import Score

__all__ = [
    "COLUMNS",
    "FACTS",
    "PARQUET",
    "ROWS",
    "CsvWriter",
    "JsonWriter",
    "ParquetWriter",
    "Writer",
    "json_line",
    "newest_rows",
    "parse_row",
    "read_rows",
    "read_scores",
    "row_line",
]

COLUMNS = [
    name
    for field in dataclasses.fields(Score)
    for name in (("error.type", "error.message") if field.name == "error" else (field.name,))
]
FACTS = [field.name for field in dataclasses.fields(FileFacts)]
"""What a stored row holds beside the fields of its score: see `FileFacts`."""

ROWS = Kind(
    "scores", (".jsonl", ".ndjson", ".json"), json_with("path", "detector", "sha256", "verdict")
)
PARQUET = Kind(
    "a table of scores", (".parquet",), parquet_with("path", "verdict", "error.type", "provenance")
)
"""What `ParquetWriter` writes."""

_AS_TEXT = ("evidence", "provenance", "segments", "stability", "notes")
_NESTED = ("windows", *_AS_TEXT)
_COUNTS = ("n_audio_tracks",)
_NUMBERS = ("duration_s", "logit", "llr_nats", "probability", "prior", "false_alarm_rate")
_BATCH = 1000


class Writer(Protocol):
    """Takes one score after another."""

    def write(self, score: Score) -> None:
        """Add one row."""
        ...


def json_line(score: Score) -> str:
    """Return a score as one line of JSON with its line end.

    >>> json_line(Score("a.mp3")).startswith('{"path": "a.mp3", ')
    True
    """
    return _line(score.to_dict())


def row_line(score: Score, facts: FileFacts | None) -> str:
    """Return a score and what is known of its file as one line; scores read back without it."""
    return _line(score.to_dict() | (facts.to_dict() if facts is not None else {}))


def _line(values: dict[str, Any]) -> str:
    text = json.dumps(values, ensure_ascii=False)
    if one_line(text) != text:  # a name that is no Unicode, or has signs a terminal acts on
        text = json.dumps(values).replace("\x7f", "\\u007f")
    return text + "\n"


def read_scores(path: Path) -> Iterator[Score]:
    """Yield the scores of a JSON Lines file; where a path comes twice, both are given in order.

    Raises:
        UsageError: a line is no score.
    """
    for score, _ in read_rows(path):
        yield score


def read_rows(path: Path) -> Iterator[tuple[Score, FileFacts]]:
    """Yield the scores of a JSON Lines file, each with what its row says of the file.

    Raises:
        UsageError: a line is no score.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield parse_row(parse_json(line))
            except (ValueError, TypeError, AttributeError, UsageError) as error:
                raise UsageError(
                    f"{path}, line {number}: expected a score ({error}); "
                    "a scan that goes on with --resume repairs its own last line"
                ) from error


def parse_row(values: dict[str, Any]) -> tuple[Score, FileFacts]:
    """Split a stored row into its score and the facts of its file."""
    facts = {name: values.pop(name) for name in FACTS if name in values}
    return Score.from_dict(values), FileFacts.from_dict(facts)


def newest_rows(path: Path) -> Iterator[tuple[Score, FileFacts]]:
    """Yield the last row of each path, in two passes; damaged lines are left out.

    Raises:
        UsageError: the file cannot be read.
    """
    newest = KeyIndex()
    try:
        with path.open("rb") as lines:
            at = 0
            for line in lines:
                newest.put(_path_key(line), at)
                at += len(line)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); scan first") from error
    with path.open("rb") as lines:
        at = 0
        for line in lines:
            start, at = at, at + len(line)
            if newest.get(_path_key(line)) != start:
                continue
            try:
                yield parse_row(parse_json(line))
            except (ValueError, TypeError, AttributeError, UsageError):
                continue  # half a line, or one that the disk damaged


_PATH = re.compile(rb'\{"path": ("(?:[^"\\]|\\.)*")')


def _path_key(line: bytes) -> int:
    found = _PATH.match(line)
    name = found.group(1) if found else b""
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big")


class JsonWriter:
    """One score a line, flushed, so that a reader in a pipe sees it at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, score: Score) -> None:
        """Add one row."""
        self._stream.write(json_line(score))
        self._stream.flush()


class CsvWriter:
    """A header and one flushed line a score."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        stream.write(csv_line(COLUMNS))
        stream.flush()

    def write(self, score: Score) -> None:
        """Add one row."""
        row = _flat(score)
        for name in _NESTED:
            row[name] = json.dumps(row[name]) if row[name] else ""
        self._stream.write(csv_line(row[name] for name in COLUMNS))
        self._stream.flush()


class ParquetWriter:
    """Rows in batches to a file beside the target, which takes its place when all are in.

    A scan that is interrupted leaves the rows it had finished; with notes, which describe the
    whole, it leaves nothing.

    Args:
        path: the file to write.
        facts: also write the columns of `FileFacts`; ``metadata`` is a struct of strings.
        notes: text kept in the file's own metadata.

    Raises:
        MissingExtra: pyarrow is not installed.
        UsageError: the file stands there and is no table of scores, or cannot be written.
    """

    def __init__(
        self, path: Path, *, facts: bool = False, notes: dict[str, str] | None = None
    ) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingExtra("pyarrow", "tables", "writing Parquet") from error
        output_file(path, (), PARQUET)
        self._arrow, self._notes = pyarrow, notes
        self._path = path
        names = [*COLUMNS, *(FACTS if facts else ())]
        self._schema = pyarrow.schema([(name, self._type(name)) for name in names], notes)
        try:
            self._part = new_part(path, "")  # who reads *.parquet must not find it
            self._file: IO[bytes] = self._part.open("wb")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
        self._table = pyarrow.parquet.ParquetWriter(self._file, self._schema)
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with finishing(), named(self._path):
            self._flush()
            self._table.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if kind is not None and self._notes:
                self._part.unlink()
            else:
                take_place(self._part, self._path)

    def write(self, score: Score, facts: FileFacts | None = None) -> None:
        """Add one row."""
        row = _flat(score)
        if facts is not None:
            row |= facts.to_dict()
            row["metadata"] = {k: _printable(v) for k, v in row["metadata"].items()}
        for name in _AS_TEXT:
            row[name] = json.dumps(row[name]) if row[name] else None
        self._rows.append({k: _printable(v) if isinstance(v, str) else v for k, v in row.items()})
        if len(self._rows) >= _BATCH:
            with named(self._path):
                self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._table.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def _type(self, name: str) -> Any:
        arrow = self._arrow
        if name == "windows":
            return arrow.list_(arrow.list_(arrow.float64()))
        if name in (
            "sample_rate_hz",
            "channels",
            "size_bytes",
            "modified_ns",
            "scanned_ns",
            *_COUNTS,
        ):
            return arrow.int64()
        if name == "metadata":
            fields = dataclasses.fields(Metadata)
            return arrow.struct([(field.name, arrow.string()) for field in fields])
        return arrow.float64() if name in (*_NUMBERS, "covered_s") else arrow.string()


def _flat(score: Score) -> dict[str, Any]:
    row = score.to_dict()
    error = row.pop("error") or {}
    return {**row, "error.type": error.get("type"), "error.message": error.get("message")}


def _printable(text: str) -> str:
    return text if not _unencodable(text) else text.encode("utf-8", "backslashreplace").decode()


def _unencodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
