# SPDX-License-Identifier: MIT
"""Hands a manifest to other tools: JSON Lines, Parquet, CSV, WebDataset shards, `datasets`.

The three tables hold paths, the two others the sound itself, byte by byte as it is in the files.
A file that cannot be read is left out and returned by its id.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from unsung.data._atomic import FULL, full_disk, replacing
from unsung.data.manifests import MANIFEST, portable, write_manifest
from unsung.errors import ManifestError, MissingExtra, UnknownName
from unsung.outputs import Kind, csv_with
from unsung.tables import csv_line
from unsung.types import Manifest, Track

__all__ = ["FORMATS", "export", "export_file"]

SHARD_TRACKS = 1000
SHARD_BYTES = 1 << 30
_NAMES = [field.name for field in dataclasses.fields(Track)]
_COLUMNS = [name for name in _NAMES if name != "path"]
_TABLE = Kind("a table of tracks", (".csv",), csv_with(*_NAMES[:10]))
_KINDS = {"sample_rate_hz": "int64", "channels": "int64"}
_KINDS |= {"duration_s": "float64", "bitrate_kbps": "float64"}


def export(
    manifest: Manifest,
    out: Path,
    form: str,
    *,
    shard_tracks: int = SHARD_TRACKS,
    on_row: Callable[[int], None] | None = None,
) -> list[str]:
    """Write the manifest in another form.

    Args:
        manifest: with resolved paths.
        out: a file (jsonl, parquet, csv) or a new folder (webdataset, datasets).
        form: one of `FORMATS`.
        shard_tracks: most tracks in one WebDataset shard.
        on_row: called with the number of tracks written.

    Returns:
        Files left out, each with the reason.

    Raises:
        UnknownName: no such form.
        ManifestError: the disk is full, the folder is not empty, or no file could be read.
        MissingExtra: the form needs a package that is not installed.
    """
    if form not in FORMATS:
        raise UnknownName("export format", form, FORMATS)
    left_out: list[str] = []
    rows = _counted(manifest.tracks, on_row)
    if (file := export_file(out, form)) is not None:
        if file[1] is MANIFEST:
            write_manifest(file[0], manifest.name, manifest.version, rows)
        else:
            _write_csv(rows, out)
    else:
        _new_folder(out)
        try:
            pairs = _with_sound(rows, left_out)
            if form == "webdataset":
                _write_shards(pairs, out, shard_tracks)
            else:
                _write_datasets(pairs, out)
        except OSError as error:
            raise full_disk(error, out) from error
        if len(left_out) == len(manifest):
            raise ManifestError(f"{out}: no file could be read, for instance {left_out[0]}")
    return left_out


def export_file(out: Path, form: str) -> tuple[Path, Kind] | None:
    """Return the file that a form is written to, and its kind; None for a new folder's forms."""
    if form == "csv":
        return out, _TABLE
    if form not in ("jsonl", "parquet"):
        return None
    named = out if out.suffix == f".{form}" else out.with_name(out.name + f".{form}")
    return named, MANIFEST


def _write_csv(tracks: Iterable[Track], out: Path) -> None:
    root = os.path.abspath(out.parent)  # noqa: PTH100
    with replacing(out) as part, part.open("w", newline="", encoding="utf-8") as stream:
        stream.write(csv_line(_NAMES))
        for track in tracks:
            values = vars(track) | {"path": portable(track.path, root)}
            values["segments"] = json.dumps(track.segments) if track.segments else ""
            stream.write(csv_line(values[name] for name in _NAMES))


def _write_shards(pairs: Iterable[tuple[Track, bytes]], out: Path, shard_tracks: int) -> None:
    """Write ``shard-000000.tar`` and so on: a sound, its row as JSON and its label a sample."""
    try:
        import webdataset
    except ImportError as error:
        raise MissingExtra("webdataset", "data", "WebDataset shards") from error
    pattern = str(out / "shard-%06d.tar").replace("\\", "/")
    with webdataset.ShardWriter(
        pattern, maxcount=shard_tracks, maxsize=SHARD_BYTES, verbose=0
    ) as shards:
        for number, (track, data) in enumerate(pairs):
            shards.write(
                {
                    "__key__": f"{number:09d}",  # ids may hold dots, which end a key
                    _extension(track): data,
                    "json": json.dumps(vars(track)).encode(),
                    "cls": b"0" if track.label == "human" else b"1",
                }
            )


def _write_datasets(pairs: Iterable[tuple[Track, bytes]], out: Path) -> None:
    """Write what `datasets.load_from_disk` reads: an undecoded Audio column and one a field.

    Arrow directly, batch by batch: the package's own writer wants an audio encoder for this.
    """
    try:
        import datasets
        import pyarrow
    except ImportError as error:
        raise MissingExtra("datasets", "data", "a Hugging Face dataset") from error
    features = datasets.Features(
        {"audio": datasets.Audio(decode=False)}
        | {name: datasets.Value(_KINDS.get(name, "string")) for name in _COLUMNS}
    )
    raw, whole = out / "raw.arrow", out.with_name(f".{out.name}.part")
    with raw.open("wb") as file, pyarrow.ipc.new_stream(file, features.arrow_schema) as stream:
        for track, data in pairs:
            row = {name: getattr(track, name) for name in _COLUMNS}
            row["audio"] = {"bytes": data, "path": Path(track.path).name}
            row["segments"] = json.dumps(track.segments)
            stream.write(pyarrow.RecordBatch.from_pylist([row], schema=features.arrow_schema))
    hidden = datasets.utils.are_progress_bars_disabled()
    datasets.utils.disable_progress_bars()  # we show our own
    try:
        datasets.Dataset.from_file(str(raw)).save_to_disk(str(whole))
        shutil.rmtree(out)
        whole.replace(out)
    finally:
        if not hidden:
            datasets.utils.enable_progress_bars()
        shutil.rmtree(whole, ignore_errors=True)


def _with_sound(tracks: Iterable[Track], left_out: list[str]) -> Iterator[tuple[Track, bytes]]:
    for track in tracks:
        try:
            data = Path(track.path).read_bytes()
        except OSError as error:
            if error.errno in FULL:
                raise
            left_out.append(f"{track.id}: {error.strerror or error}")
            continue
        yield track, data


def _counted(tracks: Iterable[Track], on_row: Callable[[int], None] | None) -> Iterator[Track]:
    for count, track in enumerate(tracks, start=1):
        yield track
        if on_row is not None:
            on_row(count)


def _new_folder(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ManifestError(f"{out}: expected a new or empty folder; give another name")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise full_disk(error, out) from error


def _extension(track: Track) -> str:
    return Path(track.path).suffix.lower().lstrip(".") or "audio"


FORMATS = ("csv", "datasets", "jsonl", "parquet", "webdataset")
