# SPDX-License-Identifier: MIT
"""Sends a file, a folder or a manifest of human music through several decoders, resumably.

Writes FLAC and an append-only `rows.jsonl` (one line a finished copy or problem, so that a killed
run goes on where it stopped), then `manifest.jsonl` with originals and copies as pairs. A file that
cannot be read costs a problem row, nothing else. Units: Hz, seconds, dB.
When not to use: for one clip in memory; call a system of `unsung.synthesis.resynthesis` instead.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from unsung import registry
from unsung.audio import expand
from unsung.core.records import Journal
from unsung.data import read_manifest
from unsung.errors import ManifestError, UsageError
from unsung.outputs import FOREIGN, Kind, output_folder, text_with, write_whole
from unsung.synthesis._resynthesis_work import Order, one_thread, work
from unsung.types import Manifest, Record, Track

WRITTEN = {
    "rows.jsonl": Kind("rows of resynthesised tracks", (), text_with('{"order": {"rate_hz": ')),
    **dict.fromkeys(("systems.json", "manifest.jsonl", "audio"), FOREIGN),
}
"""What stands in the folder; the rows are its sign."""

__all__ = ["WRITTEN", "Summary", "SystemSummary", "parse_systems", "resynthesise"]

_LISTS = (".csv", ".jsonl")


@dataclass(frozen=True)
class SystemSummary(Record):
    """What one system did: copies, times real time of one process, median distances."""

    name: str
    copies: int
    times_real_time: float
    snr_db: float
    distance_db: float
    lag: float


@dataclass(frozen=True)
class Summary(Record):
    """What a run did; `problems` are (track, system, message)."""

    manifest: str
    tracks: int
    copies: int
    resumed: int
    left_out: int
    sound_s: float
    wall_s: float
    systems: tuple[SystemSummary, ...]
    problems: tuple[tuple[str, str, str], ...]


def parse_systems(text: str) -> tuple[tuple[str, str], ...]:
    """Read "lyra,zoo:64,zoo@17,encodec:24khz-6kbps" as (name, setting) pairs, checked.

    >>> parse_systems("zoo:8,zoo@17")
    (('zoo', '8'), ('zoo', '@17'))

    Raises:
        UsageError: no system is named.
        UnknownName: no system or setting of that name; the message suggests the nearest.
    """
    found = []
    for part in filter(None, (item.strip() for item in text.split(","))):
        name, colon, setting = part.partition(":")
        if not colon and "@" in name:
            name, _, member = name.partition("@")
            setting = f"@{member}"
        kind = registry.get("resynthesis", name)
        found.append((name, str(kind.checked_setting(setting))))
    if not found:
        known = ", ".join(registry.names("resynthesis"))
        raise UsageError(f"expected systems such as lyra,zoo:64, got '{text}'; known: {known}")
    return tuple(dict.fromkeys(found))


def resynthesise(
    source: str | Path,
    systems: str,
    output: Path,
    *,
    weights: Mapping[str, Path] | None = None,
    originals: bool = False,
    rate_hz: int | None = None,
    bits: int = 16,
    seed: int = 0,
    jobs: int = 1,
    on_row: Callable[[Mapping[str, Any]], None] | None = None,
) -> Summary:
    """Make a copy of every human track by every system; return what was done.

    Args:
        source: a sound file, a folder, or a manifest (.csv, .jsonl; only rows labelled human).
        systems: as `parse_systems` reads them.
        output: folder; run again with the same arguments to go on.
        weights: system → file or folder with its weights.
        originals: also write the originals as FLAC, so that codec and rate tell nothing.
        rate_hz: resample originals and copies to this rate; None keeps each track's own.
        bits: 16 or 24 of the FLAC files.
        seed: of what systems draw; each track has its own stream of it.
        jobs: processes.
        on_row: called with each finished row, for progress.

    Raises:
        UsageError: nothing to do, a wrong value, or a folder made with other arguments.
        MissingExtra: a system's package is not installed.
        UnsungError: a system's weights were not found or do not fit.
    """
    started = time.monotonic()
    if bits not in (16, 24) or jobs < 1:
        raise UsageError(f"expected 16 or 24 bits and a job or more, got {bits} and {jobs}")
    named, given = parse_systems(systems), dict(weights or {})
    _refuse_strange_weights(given, named)
    tracks, left_out, name = _tracks(Path(source))
    output_folder(output, (source,), WRITTEN, signs=("rows.jsonl",))
    order = Order(str(output.resolve()), named, given, originals, rate_hz, bits, seed)
    provenance = [system.provenance for system in order.systems().values()]  # or raise now
    output.mkdir(parents=True, exist_ok=True)
    with Journal(output / "rows.jsonl") as journal:
        rows = _held(journal, order)
        write_whole(output / "systems.json", json.dumps(provenance, indent=1))
        resumed = sum(1 for row in rows if row.get("copy", {}).get("label") == "resynth")
        for made in _run(order, _todo(order, tracks, rows), jobs):
            for row in made:
                journal.append(row)
                rows.append(row)
                if on_row is not None:
                    on_row(row)
    manifest = _manifest(name, tracks, rows, originals)
    path = output / "manifest.jsonl"
    manifest.save(path)
    wall_s = time.monotonic() - started
    summary = Summary(str(path), len(tracks), 0, resumed, left_out, 0.0, round(wall_s, 3), (), ())
    return _counted(summary, rows)


def _tracks(source: Path) -> tuple[list[Track], int, str]:
    if source.suffix.lower() in _LISTS and source.is_file():
        rows = read_manifest(source)
        human = [track for track in rows if track.label == "human"]
        if not human:
            raise ManifestError(f"{source}: expected rows labelled human, found none")
        ids = {track.id for track in human}
        if len(ids) != len(human):
            raise ManifestError(f"{source}: expected one id a row, {len(human) - len(ids)} repeat")
        return human, len(rows) - len(human), rows.name
    found = list(expand([str(source)]))
    missing = [item for item in found if item.kind == "missing"]
    if missing or not found:
        raise UsageError(f"{source}: {missing[0].reason if missing else 'nothing found'}")
    base = source if source.is_dir() else source.parent
    tracks = [
        Track(id=Path(item.path).relative_to(base).as_posix(), path=item.path, label="human")
        for item in found
    ]
    return tracks, 0, source.stem


def _refuse_strange_weights(weights: Mapping[str, Path], named: Sequence[tuple[str, str]]) -> None:
    for name in weights:
        if name not in {system for system, _ in named}:
            raise UsageError(
                f"--weights names '{name}', which is not among the systems "
                f"{', '.join(system for system, _ in named)}"
            )


def _held(journal: Journal, order: Order) -> list[dict[str, Any]]:
    """Return finished rows of a former run."""
    head, lines = {"order": order.key()}, journal.rows
    if not lines:
        journal.append(head)
    elif lines[0] != head:
        raise UsageError(
            f"{journal.path}: was made with other options or another seed ({lines[:1]}); "
            "name another output folder, or remove this one"
        )
    return [row for row in lines[1:] if "copy" in row and Path(row["copy"]["path"]).is_file()]


Todo = list[tuple[Track, tuple[tuple[str, str], ...]]]


def _todo(order: Order, tracks: Sequence[Track], rows: Sequence[Mapping[str, Any]]) -> Todo:
    done = {(row["track"], row["system"]) for row in rows if "copy" in row}
    found = [(track, order.missing(track.id, done)) for track in tracks]
    return [(track, parts) for track, parts in found if parts]


def _run(order: Order, todo: Todo, jobs: int) -> Iterator[list[dict[str, Any]]]:
    if jobs == 1 or len(todo) < 2:
        yield from (work(order, track, parts) for track, parts in todo)
        return
    context = get_context("spawn")  # torch and forked threads do not mix
    with ProcessPoolExecutor(min(jobs, len(todo)), context, initializer=one_thread) as pool:
        futures = [pool.submit(work, order, track, parts) for track, parts in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _manifest(
    name: str, tracks: Sequence[Track], rows: Sequence[Mapping[str, Any]], originals: bool
) -> Manifest:
    """Return originals, then copies, in the order of the source."""
    made: dict[str, list[Track]] = {}
    for row in rows:
        if "copy" in row:
            made.setdefault(row["track"], []).append(Track.from_dict(row["copy"]))
    listed: list[Track] = []
    for track in tracks:
        copies = sorted(made.get(track.id, ()), key=lambda copy: (copy.label, copy.id))
        if not copies:
            continue
        if not originals:
            recording, group = track.recording or track.id, track.group or track.id
            listed.append(
                dataclasses.replace(track, pair_id=track.id, recording=recording, group=group)
            )
        listed.extend(copies)
    return Manifest(f"{name}-resynthesised", "1", tuple(listed))


def _counted(summary: Summary, rows: Sequence[Mapping[str, Any]]) -> Summary:
    copies = [row for row in rows if row.get("copy", {}).get("label") == "resynth"]
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in copies:
        groups.setdefault(row["system"], []).append(row)
    systems = []
    for system, held in groups.items():
        sound_s = sum(row["copy"]["duration_s"] for row in held)
        spent_s = max(sum(row["seconds"] for row in held), 1e-9)
        middle = {key: median(row["quality"][key] for row in held) for key in _MEASURES}
        systems.append(SystemSummary(system, len(held), round(sound_s / spent_s, 1), **middle))
    problems = tuple((r["track"], r["system"], r["problem"]) for r in rows if "problem" in r)
    total_s = sum(row["copy"]["duration_s"] for row in copies)
    return dataclasses.replace(
        summary,
        copies=len(copies),
        sound_s=round(total_s, 3),
        systems=tuple(systems),
        problems=problems,
    )


_MEASURES = ("snr_db", "distance_db", "lag")
