# SPDX-License-Identifier: MIT
"""Rows of Parquet files with sound inside them, as Hugging Face hubs publish; needs pyarrow.

A cell of sound is a struct of `bytes` and `path`. Where the bytes are inside, they are written
once, unchanged, to a file of their own below `extracted/`, because a track is a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from unsung.errors import DatasetError, MissingExtra

__all__ = ["extract", "parquet_rows"]

_BATCH = 64  # rows; a row can hold a whole song
_MAGIC = {
    b"RIFF": ".wav",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"\xff\xfb": ".mp3",
    b"\xff\xf3": ".mp3",
}


def parquet_rows(
    files: Sequence[Path], needed: Sequence[str]
) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    """Yield (file, row number from 1, row) of several Parquet files; other columns are not read.

    Raises:
        MissingExtra: pyarrow is not installed.
        DatasetError: a file is damaged or lacks a needed column.
    """
    try:
        import pyarrow
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtra("pyarrow", "data", "reading Parquet files") from error
    for path in files:
        try:
            with pq.ParquetFile(path) as table:
                names = table.schema_arrow.names
                missing = [name for name in needed if name not in names]
                if missing:
                    raise DatasetError(
                        f"{path}, line 1: the column {' and '.join(missing)} is missing; "
                        f"came: {', '.join(names)}"
                    )
                number = 0
                for batch in table.iter_batches(batch_size=_BATCH, columns=list(needed)):
                    for row in batch.to_pylist():
                        number += 1
                        yield path, number, row
        except (pyarrow.ArrowException, OSError) as error:
            raise DatasetError(f"{path}: cannot be read as Parquet ({error}); get it again") from (
                error
            )


def extract(sound: Any, folder: Path, name: str, where: str) -> Path:
    """Return the file of a cell of sound, writing its bytes below `folder` if they are inside.

    A file that is there with the same size is kept, so a second reading writes nothing.

    Args:
        sound: a struct with bytes and path, or a path.
        folder: where written files go.
        name: file name without ending.
        where: file and line, for the message.

    Raises:
        DatasetError: the cell holds neither bytes nor a path.
    """
    data = sound.get("bytes") if isinstance(sound, dict) else None
    path = sound.get("path") if isinstance(sound, dict) else sound
    if data is None and isinstance(path, str) and path:
        return Path(path)
    if not isinstance(data, bytes) or not data:
        raise DatasetError(f"{where}: expected sound (bytes or a path), got nothing")
    ending = Path(path).suffix if path else ""
    ending = ending or next((e for m, e in _MAGIC.items() if data.startswith(m)), ".audio")
    target = folder / f"{name}{ending}"
    if not (target.is_file() and target.stat().st_size == len(data)):
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(data)
        part.replace(target)
    return target
