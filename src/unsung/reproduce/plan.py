# SPDX-License-Identifier: MIT
"""What is to be scored: a cell is one track under one condition, seed and detector.

Each cell has a key over everything that its score depends on, so that a later run takes only what
is missing, whatever else changed in the experiment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsung.attacks import parse
from unsung.errors import UsageError
from unsung.reproduce.detectors import Detector
from unsung.reproduce.experiment import CLEAN, Study
from unsung.types import Track

__all__ = ["RETRIED", "Cell", "Job", "Plan", "make_plan", "read_scores"]

RETRIED = "WorkerDied"
"""The one error that a later run tries again: the sound was not to blame for it."""


@dataclass(frozen=True)
class Cell:
    """One score to be made; ``key`` names it in the file of scores."""

    key: str
    condition: str
    seed: int
    detector: int


@dataclass(frozen=True)
class Job:
    """A track and all its cells: the track is decoded once."""

    track: Track
    middle_s: float | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Plan:
    """All jobs of an experiment and how many cells they hold."""

    jobs: tuple[Job, ...]

    @property
    def n_cells(self) -> int:
        """Number of scores when everything is done."""
        return sum(len(job.cells) for job in self.jobs)

    @property
    def keys(self) -> frozenset[str]:
        """Keys of all cells."""
        return frozenset(cell.key for job in self.jobs for cell in job.cells)

    def missing(self, known: Mapping[str, Any]) -> Iterator[Job]:
        """Yield the jobs with the cells that are not known yet."""
        for job in self.jobs:
            rest = tuple(cell for cell in job.cells if cell.key not in known)
            if rest:
                yield Job(job.track, job.middle_s, rest)


def make_plan(study: Study, tracks: Sequence[Track], detectors: Sequence[Detector]) -> Plan:
    """Return every cell of an experiment; an attack without chance in it gets one seed only."""
    pairs = []
    for condition in study.conditions:
        seeded = condition != CLEAN and parse(condition).seeded
        seeds = study.experiment.seeds if seeded else study.experiment.seeds[:1]
        pairs += [(condition, seed) for seed in seeds]
    for detector in detectors:
        for track in tracks:
            detector.of(track)  # a fold without a bundle shows now, not after an hour
    hashes = [detector.sha256 for detector in detectors]
    middle_s = study.select.middle_s
    return Plan(
        tuple(
            Job(
                track,
                middle_s,
                tuple(
                    Cell(_key(track, middle_s, condition, seed, sha256), condition, seed, index)
                    for condition, seed in pairs
                    for index, sha256 in enumerate(hashes)
                ),
            )
            for track in tracks
        )
    )


def _key(
    track: Track, middle_s: float | None, condition: str, seed: int, detector_sha256: str
) -> str:
    # The path is left out: the same manifest lies elsewhere on another machine.
    row = [track.id, track.sha256, track.split, middle_s, condition, seed, detector_sha256]
    return hashlib.sha256(json.dumps(row).encode()).hexdigest()[:20]


def read_scores(path: Path) -> dict[str, dict[str, Any]]:
    """Return the scores of a file by key; a last line that a kill cut short is left out.

    Raises:
        UsageError: a line in the middle is damaged.
    """
    if not path.exists():
        return {}
    found: dict[str, dict[str, Any]] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):  # without a newline it is not finished
        if not line:
            continue
        try:
            row = json.loads(line)
            key = row["key"]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path}, line {number}: no score as this program writes them ({error}); "
                "delete the line, its cell is then scored again"
            ) from error
        if (row.get("error") or {}).get("type") == RETRIED:
            found.pop(key, None)
        else:
            found[key] = row
    return found
