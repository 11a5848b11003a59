# SPDX-License-Identifier: MIT
"""Scores all cells into one append-only file that survives a kill at any point.

Only this process writes to it, one flushed line a cell; who makes the rows (`pool.here`, Ray,
Slurm) is the caller's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unsung.core.locks import in_use
from unsung.errors import UsageError
from unsung.reproduce.detectors import Detector
from unsung.reproduce.parts import JOBS, Appender, part_files, parts_folder, take_over
from unsung.reproduce.plan import Job, Plan
from unsung.reproduce.pool import Crew, here

__all__ = ["Progress", "score_all"]


@dataclass(frozen=True)
class Progress:
    """How far a run is; ``skipped`` cells stood in the file already."""

    done: int
    total: int
    skipped: int
    failed: int


def score_all(
    plan: Plan,
    detectors: Sequence[Detector],
    path: Path,
    *,
    crew: Crew | None = None,
    wait: Callable[[], None] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, dict[str, Any]]:
    """Append what is missing to the file of scores, and return all scores of the plan by key.

    Args:
        plan: all cells.
        detectors: in the order of the cells' numbers.
        path: scores.jsonl; part files of cluster jobs lie beside it.
        crew: makes the rows; this process alone if None.
        wait: waits for cluster jobs that an earlier run left behind.
        on_progress: called after each row.

    Raises:
        UsageError: another run or a cluster job writes to the files, or one is damaged.
        WriteFailed: the disk is full or the folder cannot be written.
    """
    with Appender(path) as file:
        if wait is not None:
            wait()
        _absorb(path, file)
        known = {key: row for key, row in file.known.items() if key in plan.keys}
        _fill(plan, known, file, lambda jobs: (crew or here(1))(jobs, detectors), on_progress)
        file.known.update(known)
        _absorb(path, file)
    return known


def _fill(
    plan: Plan,
    known: dict[str, dict[str, Any]],
    file: Appender,
    make: Callable[[Sequence[Job]], Iterator[dict[str, Any]]],
    on_progress: Callable[[Progress], None],
) -> None:
    """Make the rows that are missing, write each and add it to the known ones."""
    failed = sum(row["error"] is not None for row in known.values())
    progress = Progress(len(known), plan.n_cells, len(known), failed)
    on_progress(progress)
    missing = list(plan.missing(known))
    for row in make(missing) if missing else ():
        if row["key"] in known:
            continue
        file.write(row)
        known[row["key"]] = row
        bad = int(row["error"] is not None)
        progress = replace(progress, done=progress.done + 1, failed=progress.failed + bad)
        on_progress(progress)


def _absorb(path: Path, file: Appender) -> None:
    """Take over what cluster jobs wrote into their part files, and delete these.

    Raises:
        UsageError: a job still writes to one.
    """
    parts = part_files(path)
    for part in parts:
        if in_use(part):
            raise UsageError(
                f"{part}: a job of an earlier run still writes to it; wait for its end with "
                "--slurm, or cancel it"
            )
    for row in take_over(path, file.known):
        file.write(row)
        file.known[row["key"]] = row
    for part in parts:
        part.unlink()
    if parts:
        (parts_folder(path) / JOBS).unlink(missing_ok=True)
