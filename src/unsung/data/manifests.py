# SPDX-License-Identifier: MIT
"""Manifests on disk, row by row: JSON Lines or Parquet, portable paths, a hash over all rows.

JSON Lines is what `Manifest.save` writes; Parquet (a file name ending in ``.parquet``) is a tenth
of its size and the choice above some 100 000 rows. Relative paths start at the manifest's folder,
so that a folder with its manifest can be moved. The hash covers the rows as written.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unsung.data import _parquet
from unsung.data._atomic import replacing
from unsung.data.table import iter_table, read_table
from unsung.errors import ManifestError, UnknownName
from unsung.outputs import Kind, json_with, parquet_with
from unsung.text import parse_json
from unsung.types import Manifest, Track

__all__ = [
    "MANIFEST",
    "Head",
    "iter_manifest",
    "portable",
    "read_head",
    "read_manifest",
    "write_manifest",
]

TABLES = (".csv", ".tsv")
_LINES, _PARQUET = (
    json_with("manifest", "version", "sha256"),
    parquet_with("manifest", "pair_id", "recording"),
)
MANIFEST = Kind(
    "a manifest", (".jsonl", ".json", ".parquet"), lambda path: _LINES(path) or _PARQUET(path)
)
"""What `write_manifest` writes under the names that `read_manifest` takes for manifests."""
_FIELDS = {field.name: field.default for field in dataclasses.fields(Track)}
_NEEDED = [name for name, default in _FIELDS.items() if default is dataclasses.MISSING]
_REPEATED = ("label", "generator", "dataset", "split", "group", "codec", "licence", "family", "use")


@dataclass(frozen=True)
class Head:
    """What a manifest says of itself; ``sha256`` is empty for tables, which state none."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class _Resolved(Manifest):
    """A manifest whose relative paths were resolved: its identity stays that of the file."""

    stated_sha256: str = ""

    @property
    def sha256(self) -> str:
        """Hash of the rows as they are written, the same on every machine."""
        return self.stated_sha256


def read_manifest(path: Path) -> Manifest:
    """Read a manifest: JSON Lines, Parquet, CSV or TSV; relative paths are resolved.

    Raises:
        ManifestError: unreadable, damaged, or changed after it was written; the line is named.
    """
    if path.suffix.lower() in TABLES or path.suffix.lower() not in (".jsonl", ".json", ".parquet"):
        return read_table(path)
    head = read_head(path)
    tracks = tuple(iter_manifest(path, resolve=False))
    solved = tuple(_resolved(track, path.parent) for track in tracks)
    if all(a is b for a, b in zip(tracks, solved, strict=True)):
        return Manifest(head.name, head.version, tracks)
    return _Resolved(head.name, head.version, solved, head.sha256)


def read_head(path: Path) -> Head:
    """Return name, version and hash without reading the rows.

    Raises:
        ManifestError: this is no manifest.
    """
    if path.suffix.lower() in TABLES:
        return Head(path.stem, "1", "")
    try:
        if path.suffix.lower() == ".parquet":
            values = _parquet.read_head(path)
        else:
            with path.open(encoding="utf-8") as lines:
                values = parse_json(lines.readline())
        return Head(str(values["manifest"]), str(values["version"]), str(values["sha256"]))
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ManifestError(
            f"{path}: cannot be read ({reason}); give a CSV with a header, or a manifest (.jsonl)"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(
            f"{path}: expected a first line with manifest, version and sha256; "
            "write manifests with `unsung data build`"
        ) from error


def iter_manifest(path: Path, resolve: bool = True) -> Iterator[Track]:
    """Yield the tracks one by one: memory does not grow with the number of rows.

    Args:
        path: ``.jsonl``, ``.parquet``, ``.csv`` or ``.tsv``.
        resolve: make relative paths start at the manifest's folder (tables: always).

    Raises:
        ManifestError: as `read_manifest`; a hash that does not fit is only known, and raised,
            after the last row.
    """
    if path.suffix.lower() in TABLES:
        yield from iter_table(path)
        return
    head = read_head(path)
    rows = _parquet.rows(path) if path.suffix.lower() == ".parquet" else _json_rows(path)
    digest = hashlib.sha256()
    share = _Shared()
    for number, values in rows:
        track = _track(path, number, values, share)
        digest.update(_line(track))
        yield _resolved(track, path.parent) if resolve else track
    if digest.hexdigest() != head.sha256:
        raise ManifestError(
            f"{path}: the rows were changed after the manifest was written "
            f"(hash {digest.hexdigest()[:12]}, expected {head.sha256[:12]}); build it again"
        )


def write_manifest(
    path: Path,
    name: str,
    version: str,
    tracks: Iterable[Track],
    *,
    on_row: Callable[[int], None] | None = None,
) -> Head:
    """Write tracks as they come; the file appears whole or not at all.

    Paths below the manifest's folder are written relative to it, others absolute.

    Raises:
        ManifestError: the disk is full, or the file cannot be written.
        MissingExtra: Parquet without pyarrow.
    """
    digest = hashlib.sha256()
    root = os.path.abspath(path.parent)  # noqa: PTH100  # resolve() would follow links

    def rows() -> Iterator[dict[str, object]]:
        for count, track in enumerate(tracks, start=1):
            own = _moved(track, portable(track.path, root))
            digest.update(_line(own))
            yield vars(own)
            if on_row is not None:
                on_row(count)

    def head() -> dict[str, str]:
        return {"manifest": name, "version": version, "sha256": digest.hexdigest()}

    with replacing(path) as part:
        if path.suffix.lower() == ".parquet":
            _parquet.write(part, rows(), head)
        else:
            _write_json(part, rows(), head)
    return Head(name, version, digest.hexdigest())


def portable(location: str, root: str) -> str:
    """Return a path relative to a folder if it lies below it, else absolute.

    >>> portable("/data/set/a/b.wav", "/data/set")
    'a/b.wav'
    """
    if "://" in location:
        return location
    whole = os.path.abspath(location)  # noqa: PTH100
    inside = root.rstrip(os.sep) + os.sep
    return whole[len(inside) :].replace(os.sep, "/") if whole.startswith(inside) else whole


def _write_json(
    part: Path, rows: Iterable[dict[str, object]], head: Callable[[], dict[str, str]]
) -> None:
    """Write the rows behind a header of fixed length, whose hash is filled in at the end."""
    with part.open("w+", encoding="utf-8") as stream:
        stream.write(json.dumps(head()) + "\n")
        for row in rows:
            stream.write(json.dumps(row) + "\n")
        stream.seek(0)
        stream.write(json.dumps(head()))


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    with path.open(encoding="utf-8") as lines:
        next(lines)
        for number, line in enumerate(lines, start=2):
            try:
                yield number, parse_json(line)
            except ValueError as error:
                raise ManifestError(f"{path}, line {number}: {error}") from error


class _Shared(dict[str, str]):
    """One copy of each text that many rows share: half the memory of a million rows."""

    def __missing__(self, text: str) -> str:
        self[text] = text
        return text


def _track(path: Path, number: int, values: dict[str, object], share: _Shared) -> Track:
    try:
        for key in values.keys() - _FIELDS.keys():
            raise UnknownName("Track field", key, _FIELDS)
        missing = [name for name in _NEEDED if name not in values]
        if missing:
            raise ValueError(f"expected the field {missing[0]}, it is missing")
        if values.get("segments"):
            pieces = values["segments"]
            values["segments"] = tuple((a, b, c) for a, b, c in pieces)  # type: ignore[attr-defined]
        elif "segments" in values:
            values["segments"] = ()
        for key in _REPEATED:
            if key in values:
                values[key] = share[values[key]]  # type: ignore[index]
        return Track(**values)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError, UnknownName) as error:
        raise ManifestError(f"{path}, line {number}: {error}") from error


def _line(track: Track) -> bytes:
    """Return what `Manifest.sha256` hashes of a row."""
    return json.dumps(vars(track), sort_keys=True).encode()


def _moved(track: Track, path: str) -> Track:
    """Return the track with another path; `dataclasses.replace` takes three times as long."""
    return Track(**{**vars(track), "path": path})


def _resolved(track: Track, folder: Path) -> Track:
    if os.path.isabs(track.path) or "://" in track.path:  # noqa: PTH117
        return track
    return _moved(track, os.path.join(folder, track.path))  # noqa: PTH118
