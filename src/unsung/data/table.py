# SPDX-License-Identifier: MIT
"""Reads a CSV or TSV of recordings as tracks; paths are relative to the table's folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from unsung.errors import ManifestError
from unsung.tables import Row, Table, number
from unsung.text import parse_json
from unsung.types import Label, Manifest, Track

__all__ = ["LABEL_WORDS", "iter_table", "label_word", "labels_are_numbers", "read_table"]

ALIASES = {
    "file": "path",
    "source": "group",
    "fold": "split",
    "source_codec": "codec",
    "source_sample_rate_hz": "sample_rate_hz",
    "source_channels": "channels",
    "excerpt_s": "duration_s",
}
"""Column names of published tables → our fields; our own names win where both stand."""

LABEL_WORDS: dict[str, Label] = {
    **dict.fromkeys(("human", "humanmade", "real", "bonafide", "genuine", "authentic"), "human"),
    **dict.fromkeys(("notai", "nonai", "0", "false"), "human"),
    **dict.fromkeys(("ai", "aigenerated", "aimade", "fake", "spoof", "spoofed", "synthetic"), "ai"),
    **dict.fromkeys(("generated", "deepfake", "artificial", "1", "true"), "ai"),
}
"""Words that other projects use for our labels, in small letters without what joins them."""

_NUMBERS = {"duration_s": float, "bitrate_kbps": float, "sample_rate_hz": int, "channels": int}
_TEXTS = (
    "generator dataset split group codec sha256 licence family use pair_id recording".split()  # noqa: SIM905
)


def read_table(path: Path, name: str = "") -> Manifest:
    """Read a table with at least `path` and `label`; known columns are taken, others ignored.

    Raises:
        ManifestError: no such file, a needed column is missing, or a value does not fit (the
            message names the line).
    """
    tracks = tuple(iter_table(path))
    if not tracks:
        raise ManifestError(f"{path}: the table has no rows; expected one recording a line")
    return Manifest(name or path.stem, "1", tracks)


def iter_table(path: Path) -> Iterator[Track]:
    """Yield the tracks of a table one by one, as `read_table` does.

    Raises:
        ManifestError: as `read_table`, except for a table without rows, which yields nothing.
    """
    table = Table(path)
    present = {ALIASES.get(column, column) for column in table.columns}
    missing = [column for column in ("path", "label") if column not in present]
    if missing:
        raise ManifestError(
            f"{path}: expected the columns path and label, {' and '.join(missing)} missing; "
            f"came: {', '.join(table.columns) or 'none'}"
        )
    for row in table.rows():
        yield _track(table, row)


def labels_are_numbers(path: Path) -> bool:
    """Say whether a table labels with 0 and 1, which others use the other way round.

    Raises:
        ManifestError: as `iter_table`.
    """
    return any(label_word(row.cells.get("label", "")) in ("0", "1") for row in Table(path).rows())


def label_word(text: str) -> str:
    """Return a label as `LABEL_WORDS` lists it: small letters, nothing that joins, whole numbers.

    >>> label_word(" Bona_Fide"), label_word("AI-generated"), label_word("1.0")
    ('bonafide', 'aigenerated', '1')
    """
    word = re.sub(r"[\s_-]+", "", text.lower())
    return re.sub(r"^([01])\.0*$", r"\1", word)


def _track(table: Table, row: Row) -> Track:
    cells = {ALIASES[key]: value for key, value in row.cells.items() if key in ALIASES}
    cells |= {key: value for key, value in row.cells.items() if key not in ALIASES}
    if not cells["path"]:
        raise ManifestError(f"{table.path}, line {row.line}: expected a path, the cell is empty")
    word = label_word(cells["label"])
    label = LABEL_WORDS.get(word, word)
    if label not in get_args(Label):
        raise ManifestError(
            f"{table.path}, line {row.line}: expected a label among {', '.join(get_args(Label))} "
            f"(or real, fake, 0, 1), got '{cells['label']}'"
        )
    numbers: dict[str, float | int] = {}
    for key, kind in _NUMBERS.items():
        value = number(table, Row(row.line, cells), key) if cells.get(key) else None
        if value is not None:
            numbers[key] = kind(value)
    texts = {key: cells[key] for key in _TEXTS if cells.get(key)}
    address = "://" in cells["path"]
    return Track(
        id=cells.get("id") or cells["path"],
        path=cells["path"] if address else str(table.path.parent / cells["path"]),
        label=label,  # type: ignore[arg-type]
        segments=_segments(table, row, cells.get("segments", "")),
        **texts,  # type: ignore[arg-type]
        **numbers,  # type: ignore[arg-type]
    )


def _segments(table: Table, row: Row, text: str) -> tuple[tuple[float, float, str], ...]:
    """Read what `unsung data export` writes into the cell: a JSON list of [start, end, label]."""
    if not text:
        return ()
    try:
        return tuple((float(a), float(b), str(label)) for a, b, label in parse_json(text))
    except (ValueError, TypeError) as error:
        raise ManifestError(
            f"{table.path}, line {row.line}: expected segments as JSON "
            f"[[start_s, end_s, label], ...], got '{text[:60]}'"
        ) from error
