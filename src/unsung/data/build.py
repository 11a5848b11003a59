# SPDX-License-Identifier: MIT
"""Builds a manifest: rows from a corpus or a table, facts from the files themselves.

Measured values (hash, duration, rate, channels, codec, bit rate) take the place of stated ones:
a detector sees the file, not the page it was described on. Rows stream from source to manifest;
an interrupted build goes on from the cache.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unsung.data._atomic import replacing
from unsung.data.cache import Cache
from unsung.data.cards import card_paths
from unsung.data.facts import Facts, measured, with_facts
from unsung.data.manifests import MANIFEST, Head, iter_manifest, write_manifest
from unsung.errors import DatasetError, ManifestError
from unsung.outputs import Kind, json_with
from unsung.registry import get
from unsung.types import Failure, Track

__all__ = ["Built", "beside", "build", "problems_path", "source_tracks"]

FOLDER = "generic_folder"
"""The corpus of a folder that names no corpus: ``human/`` and ``ai/<generator>/``."""


@dataclass(frozen=True)
class Built:
    """What a build did. ``n_problems`` rows were left out, listed with reasons in ``problems``."""

    head: Head
    n_tracks: int
    n_problems: int
    problems: Path
    hours: float


def source_tracks(source: Path, corpus: str = "", subset: str = "") -> Iterator[Track]:
    """Yield the tracks of a table, a manifest or a folder laid out as a known corpus.

    Raises:
        UnknownName: no such corpus; the message suggests the nearest.
        DatasetError: the folder has another layout.
        ManifestError: the table cannot be read.
    """
    if not corpus and source.is_file():
        return iter_manifest(source)
    if not corpus and not source.is_dir():
        raise ManifestError(
            f"{source}: expected a folder, a table (.csv, .tsv) or a manifest (.jsonl, .parquet), "
            "there is nothing of this name; check the path"
        )
    found: Iterator[Track] = get("datasets", corpus or FOLDER)(source, subset).tracks()
    return found


def beside(manifest: Path, cards: bool = True) -> dict[Path, Kind]:
    """Return all that a build writes, and the kind of each: the manifest and what stands by it."""
    problems = Kind("a list of unreadable files", (), json_with("id", "path", "error"))
    made = {manifest: MANIFEST, problems_path(manifest): problems}
    return made | (card_paths(manifest) if cards else {})


def problems_path(manifest: Path) -> Path:
    """Return where the unreadable files of a manifest are listed: ``NAME.problems.jsonl``."""
    return manifest.with_name(f"{manifest.stem}.problems.jsonl")


def build(
    tracks: Iterable[Track],
    out: Path,
    cache: Cache,
    *,
    name: str = "",
    version: str = "1",
    jobs: int = 1,
    on_row: Callable[[int, int], None] | None = None,
) -> Built:
    """Read every file and write the manifest; a file that cannot be read is listed, not fatal.

    Args:
        tracks: rows with paths; taken as they come.
        out: ``.jsonl`` or ``.parquet``.
        cache: holds what earlier builds read.
        name: of the manifest; empty takes the file's.
        version: of the manifest.
        jobs: processes that read files.
        on_row: called with the numbers of good and bad rows so far.

    Raises:
        ManifestError: no file is readable at all, an id comes twice, or the disk is full.
    """
    state = _State(on_row)
    rows = state.good(measured(_unique(tracks), cache, jobs))
    problems = problems_path(out)
    head = write_manifest(out, name or out.stem, version, state.not_empty(rows, problems))
    _list(state.bad, problems)
    return Built(head, state.n_good, len(state.bad), problems, state.seconds / 3600)


class _State:
    """Counts rows on their way and keeps the failures."""

    def __init__(self, on_row: Callable[[int, int], None] | None) -> None:
        self.bad: list[tuple[Track, Failure]] = []
        self.n_good = 0
        self.seconds = 0.0
        self._on_row = on_row

    def good(self, pairs: Iterable[tuple[Track, Facts | Failure]]) -> Iterator[Track]:
        for track, facts in pairs:
            if isinstance(facts, Failure):
                self.bad.append((track, facts))
            else:
                self.n_good += 1
                self.seconds += facts.duration_s or 0.0
                yield with_facts(track, facts)
            if self._on_row is not None:
                self._on_row(self.n_good, len(self.bad))

    def not_empty(self, rows: Iterable[Track], problems: Path) -> Iterator[Track]:
        """Stop a manifest without rows before it takes the place of a good one."""
        yield from rows
        if self.n_good:
            return
        if not self.bad:
            raise DatasetError("expected at least one track, the source holds none")
        _list(self.bad, problems)
        raise DatasetError(
            f"none of the {len(self.bad)} files could be read, for instance "
            f"{self.bad[0][1].message}; all are listed in {problems}"
        )


def _unique(tracks: Iterable[Track]) -> Iterator[Track]:
    seen: set[str] = set()
    for track in tracks:
        if track.id in seen:
            raise DatasetError(
                f"the id '{track.id}' comes twice; ids tell rows apart: give each its own"
            )
        seen.add(track.id)
        yield track


def _list(bad: list[tuple[Track, Failure]], path: Path) -> None:
    """Write the failures, one JSON object a line; an old list goes when there are none."""
    if not bad:
        path.unlink(missing_ok=True)
        return
    lines = [json.dumps({**track.to_dict(), "error": why.to_dict()}) + "\n" for track, why in bad]
    with replacing(path) as part:
        part.write_text("".join(lines), encoding="utf-8")
