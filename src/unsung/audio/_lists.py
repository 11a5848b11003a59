# SPDX-License-Identifier: MIT
"""Reads the rows of playlists (.m3u, .m3u8) and manifests (.jsonl, .csv)."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from unsung.errors import ManifestError
from unsung.types import Manifest

__all__ = ["Row", "RowsError", "is_list", "is_url", "read_list"]

_START = "#EXTVLCOPT:start-time="


class RowsError(Exception):
    """Inside this folder only: a list cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Row:
    """One entry of a list, its path as written."""

    path: str
    track_id: str = ""
    label: str = ""
    group: str = ""
    start_s: float | None = None


def is_url(name: str) -> bool:
    """Return whether this is an http(s) address."""
    return name.lower().startswith(("http://", "https://"))


def is_list(name: str) -> bool:
    """Return whether the extension is that of a playlist or manifest."""
    return name.lower().endswith((".m3u", ".m3u8", ".jsonl", ".csv"))


def read_list(name: str) -> list[Row]:
    """Return all rows of a list.

    Raises:
        RowsError: the file cannot be read or has not the form that its extension says.
    """
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise RowsError(f"the list cannot be read ({error.strerror}); check it") from error
    lower = name.lower()
    if lower.endswith(".csv"):
        return _csv(_text(data))
    if lower.endswith(".jsonl"):
        return _jsonl(Path(name), _text(data))
    return _playlist(_text(data))


def _text(data: bytes) -> str:
    """Decode UTF-8 (with or without BOM), UTF-16 with BOM, else Latin-1."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _playlist(text: str) -> list[Row]:
    rows: list[Row] = []
    start_s: float | None = None
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith(_START):
            start_s = _number(line.removeprefix(_START))
        if not line or line.startswith("#"):
            continue
        rows.append(Row(_local(line), start_s=start_s))
        start_s = None
    return rows


def _local(entry: str) -> str:
    """Turn a file:// address into a path; leave everything else."""
    if not entry.lower().startswith("file://"):
        return entry
    path = unquote(urlsplit(entry).path, errors="surrogateescape")
    return path[1:] if len(path) > 2 and path[2] == ":" else path  # /C:/music


def _csv(text: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if "path" not in (reader.fieldnames or []):
        raise RowsError(
            f"expected a column named 'path', found {', '.join(reader.fieldnames or []) or 'none'};"
            " name the column of file names so"
        )
    try:
        return [_row(values) for values in reader if values["path"]]
    except csv.Error as error:
        raise RowsError(f"line {reader.line_num} is no CSV ({error}); repair it") from error


def _jsonl(path: Path, text: str) -> list[Row]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    try:
        values = [json.loads(line) for _, line in lines[:1]]
        if values and isinstance(values[0], dict) and "manifest" in values[0]:
            tracks = Manifest.load(path).tracks
            return [Row(t.path, t.id, t.label, t.group) for t in tracks]
    except ManifestError as error:
        raise RowsError(str(error)) from error
    except ValueError as error:
        raise RowsError(f"line 1 is no JSON ({error}); expected one object a line") from error
    rows = []
    for number, line in lines:
        try:
            rows.append(_row(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RowsError(
                f"line {number}: expected an object with a 'path' ({error}); repair the line"
            ) from error
    return rows


def _row(values: dict[str, str | None]) -> Row:
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
