# SPDX-License-Identifier: MIT
"""Labelled tracks and their scores, from a bundle or from any other detector.

A manifest is the JSON Lines of `Manifest.save` or a CSV with ``path`` and ``label``; ``generator``
and a group column are optional. A CSV that also has a score column needs no bundle.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unsung.audio.sources import Source
from unsung.errors import ManifestError, UnknownName
from unsung.runtime import load_bundle
from unsung.scanning.calibration import recalibrated
from unsung.scanning.one import stamp_of
from unsung.scanning.pipeline import Progress, scan_rows
from unsung.scanning.settings import Settings
from unsung.types import Manifest

__all__ = ["Columns", "Item", "join_scores", "read_items", "score_items"]

GROUPS = ("group", "source", "recording")
"""Columns that say which tracks belong together, the first one found; else each stands alone."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a CSV; an empty group takes the first of `GROUPS` there is."""

    path: str = "path"
    label: str = "label"
    score: str = "score"
    generator: str = "generator"
    group: str = ""


@dataclass(frozen=True)
class Item:
    """One labelled track and, once known, its score (positive = AI)."""

    path: str
    label: str
    generator: str = ""
    group: str = ""
    score: float | None = None
    llr_nats: float | None = None
    probability: float | None = None
    problem: str = ""
    trained_on: bool = False


def read_items(path: Path, columns: Columns = Columns()) -> list[Item]:
    """Read a manifest or a table of scores; scores are filled in where the table has them.

    Raises:
        ManifestError: not readable, or without its columns; the message names the line.
    """
    try:
        if path.suffix.lower() == ".jsonl":
            tracks = Manifest.load(path).tracks
            return [Item(t.path, t.label, t.generator, t.group or t.dataset) for t in tracks]
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return list(_csv_items(csv.DictReader(lines), path, columns))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error


def join_scores(items: Sequence[Item], scores: Path, columns: Columns = Columns()) -> list[Item]:
    """Fill in the scores of another detector, matched by path; a track without one says so.

    Raises:
        ManifestError: the table cannot be read or matches no track at all.
    """
    try:
        with scores.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            _need(reader.fieldnames or (), scores, columns.path, columns.score)
            known = {
                row[columns.path]: _number(row[columns.score], scores, reader) for row in reader
            }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(scores, error) from error
    joined = [
        replace(item, score=known[item.path])
        if item.path in known
        else replace(item, problem="no score in the table")
        for item in items
    ]
    if not any(item.path in known for item in items):
        raise ManifestError(
            f"{scores}: none of its {len(known)} paths is in the manifest; write them the same way"
        )
    return joined


def score_items(
    items: Sequence[Item],
    manifest: Path,
    settings: Settings,
    *,
    jobs: int | None = None,
    resume: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[list[Item], str, float | None]:
    """Scan every item; paths are relative to the manifest, or to where the program runs.

    Returns:
        The items with their scores, the detector's name with its hash, and its AI threshold.
    """
    bundle = recalibrated(load_bundle(settings.bundle), settings.calibration, settings.fast)
    sources = (_source(item, manifest.parent) for item in items)
    scored = list(items)
    for row in scan_rows(sources, settings, jobs=jobs, resume=resume, on_progress=on_progress):
        score, item = row.score, items[row.index]
        if score.error is not None or score.logit is None:
            problem = score.error.type if score.error is not None else "no logit"
            scored[row.index] = replace(item, problem=problem)
        else:
            scored[row.index] = replace(
                item,
                score=score.logit,
                llr_nats=score.llr_nats,
                probability=score.probability,
                trained_on=bundle.trained_on(score.sha256),
            )
    detector = stamp_of(bundle, settings).detector
    return scored, detector, bundle.thresholds(settings.false_alarm_rate).ai_logit


def _csv_items(reader: csv.DictReader[str], path: Path, columns: Columns) -> Iterator[Item]:
    names = reader.fieldnames or ()
    _need(names, path, columns.path, columns.label, *([columns.group] if columns.group else []))
    group = columns.group or next((name for name in GROUPS if name in names), "")
    has_score = columns.score in names
    for row in reader:
        yield Item(
            path=row[columns.path] or "",
            label=row[columns.label] or "",
            generator=row.get(columns.generator) or "",
            group=(row.get(group) or "") if group else "",
            score=_number(row[columns.score], path, reader) if has_score else None,
        )


def _need(names: Iterable[str], path: Path, *wanted: str) -> None:
    for name in wanted:
        if name not in names:
            raise ManifestError(f"{path}: {UnknownName('column', name, names)}")


def _number(text: str | None, path: Path, reader: csv.DictReader[str]) -> float | None:
    if not (text or "").strip():
        return None
    try:
        return float(text or "")
    except ValueError as error:
        raise ManifestError(
            f"{path}, line {reader.line_num}: expected a number as score, got {text!r}"
        ) from error


def _source(item: Item, folder: Path) -> Source:
    if item.path.lower().startswith(("http://", "https://")):
        return Source(item.path, "url", item.path)
    beside = folder / item.path
    path = str(beside if beside.exists() or not Path(item.path).exists() else item.path)
    return Source(path, "file", path)


def _unreadable(path: Path, error: Exception) -> ManifestError:
    reason = (error.strerror if isinstance(error, OSError) else None) or error
    return ManifestError(
        f"{path}: cannot be read ({reason}); give a CSV with a header, or a manifest (.jsonl)"
    )
