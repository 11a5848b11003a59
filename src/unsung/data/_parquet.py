# SPDX-License-Identifier: MIT
"""Tracks as Parquet: one column a field, the manifest's head in the file's metadata."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from unsung.errors import ManifestError, MissingExtra
from unsung.types import Track

__all__ = ["read_head", "rows", "schema", "write"]

_BATCH = 20_000  # rows in memory at a time: some 20 MB
_FLOATS = ("duration_s", "bitrate_kbps")
_WHOLE = ("sample_rate_hz", "channels")


def read_head(path: Path) -> dict[str, str]:
    """Return the metadata of the file's schema.

    Raises:
        ValueError: this is no Parquet file.
    """
    arrow, parquet = _pyarrow()
    try:
        found = parquet.read_metadata(path).metadata or {}
    except arrow.ArrowException as error:
        raise ValueError(str(error)) from error
    return {key.decode(): value.decode() for key, value in found.items()}


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield row number (from 1) and values, batch by batch.

    Raises:
        ManifestError: the file is damaged.
    """
    arrow, parquet = _pyarrow()
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                for values in batch.to_pylist():
                    number += 1
                    values["segments"] = [tuple(piece.values()) for piece in values["segments"]]
                    yield number, values
    except (arrow.ArrowException, OSError) as error:
        raise ManifestError(f"{path}: damaged Parquet file ({error}); build it again") from error


def write(part: Path, values: Iterable[dict[str, Any]], head: Callable[[], dict[str, str]]) -> None:
    """Write rows in batches; ``head`` is asked for when all are in.

    Raises:
        ManifestError: a text is no valid Unicode, which Parquet cannot hold.
    """
    arrow, parquet = _pyarrow()
    form = schema(arrow)
    supply = iter(values)
    # A Python file: its OSError carries the errno that tells a full disk.
    with part.open("wb") as stream, parquet.ParquetWriter(stream, form) as table:
        while batch := list(islice(supply, _BATCH)):
            try:
                table.write_table(arrow.Table.from_pylist(_flat(batch), schema=form))
            except UnicodeEncodeError as error:
                raise ManifestError(
                    f"{part.name}: a path is no valid Unicode ({error.object!a}), which "
                    "Parquet cannot hold; write a .jsonl manifest"
                ) from error
        table.add_key_value_metadata(head())


def schema(arrow: Any) -> Any:
    """Return the Arrow schema of a track."""
    pieces = arrow.struct(
        [("start_s", arrow.float64()), ("end_s", arrow.float64()), ("label", arrow.string())]
    )
    special = dict.fromkeys(_FLOATS, arrow.float64()) | dict.fromkeys(_WHOLE, arrow.int64())
    special["segments"] = arrow.list_(pieces)
    names = [field.name for field in dataclasses.fields(Track)]
    return arrow.schema([(name, special.get(name, arrow.string())) for name in names])


def _flat(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give segments their names."""
    names = ("start_s", "end_s", "label")
    return [
        {**row, "segments": [dict(zip(names, piece, strict=True)) for piece in row["segments"]]}
        for row in batch
    ]


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "tables", "a Parquet manifest") from error
    return pyarrow, pyarrow.parquet
