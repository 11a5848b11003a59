# SPDX-License-Identifier: MIT
"""Reads a CSV of recordings as a manifest; paths are relative to the table's folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from unsung.errors import ManifestError
from unsung.types import Label, Manifest, Track

__all__ = ["read_manifest", "read_table"]

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

LABEL_WORDS = {"real": "human", "bonafide": "human", "0": "human", "fake": "ai", "1": "ai"}
"""Words that other projects use for our labels."""

_NUMBERS = {"duration_s": float, "bitrate_kbps": float, "sample_rate_hz": int, "channels": int}
_TEXTS = (
    "generator dataset split group codec sha256 licence family use pair_id recording".split()  # noqa: SIM905
)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest: JSON Lines as `Manifest.save` writes, or a CSV."""
    if path.suffix.lower() in (".jsonl", ".json"):
        return Manifest.load(path)
    return read_table(path)


def read_table(path: Path, name: str = "") -> Manifest:
    """Read a CSV with at least `path` and `label`; known columns are taken, others ignored.

    Raises:
        ManifestError: no such file, a needed column is missing, or a value does not fit (the
            message names the line).
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
            columns = reader.fieldnames or []
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: cannot be read as a CSV table ({error})") from error
    present = {ALIASES.get(column, column) for column in columns}
    missing = [column for column in ("path", "label") if column not in present]
    if missing:
        raise ManifestError(
            f"{path}: expected the columns path and label, {' and '.join(missing)} missing; "
            f"came: {', '.join(columns) or 'none'}"
        )
    tracks = tuple(_track(path, number, row) for number, row in enumerate(rows, start=2))
    if not tracks:
        raise ManifestError(f"{path}: the table has no rows; expected one recording a line")
    return Manifest(name or path.stem, "1", tracks)


def _track(table: Path, number: int, row: Mapping[str, str | None]) -> Track:
    cells = {ALIASES.get(key, key): value or "" for key, value in row.items() if key in ALIASES}
    cells |= {key: value or "" for key, value in row.items() if key not in ALIASES}
    word = cells["label"].strip().lower()
    label = LABEL_WORDS.get(word, word)
    if label not in get_args(Label):
        raise ManifestError(
            f"{table}, line {number}: expected a label among {', '.join(get_args(Label))} "
            f"(or real, fake, 0, 1), got '{cells['label']}'"
        )
    numbers: dict[str, float | int] = {}
    for key, kind in _NUMBERS.items():
        if cells.get(key):
            try:
                numbers[key] = kind(float(cells[key]))
            except ValueError as error:
                raise ManifestError(
                    f"{table}, line {number}: expected a number for {key}, got '{cells[key]}'"
                ) from error
    texts = {key: cells[key] for key in _TEXTS if cells.get(key)}
    return Track(
        id=cells.get("id") or cells["path"],
        path=str(table.parent / cells["path"]),
        label=label,  # type: ignore[arg-type]
        **texts,  # type: ignore[arg-type]
        **numbers,  # type: ignore[arg-type]
    )
