# SPDX-License-Identifier: MIT
"""What is to be scored: a cell is one track under one condition, seed and detector.

Each cell has a key over everything that its score depends on, the code of its attacks and the
detector's bundle included, so that a later run takes only what is missing, whatever else changed in
the experiment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsung.attacks import parse
from unsung.core.records import read_records
from unsung.errors import UsageError
from unsung.reproduce import adversary
from unsung.reproduce.codes import condition_sha256
from unsung.reproduce.conditions import CLEAN
from unsung.reproduce.detectors import Detector
from unsung.reproduce.experiment import Study
from unsung.types import Track

__all__ = ["RETRIED", "Cell", "Job", "Plan", "make_plan", "partner_of", "read_scores"]

RETRIED = "WorkerDied"
"""The one error that a later run tries again: the sound was not to blame for it."""


@dataclass(frozen=True)
class Cell:
    """One score to be made; ``key`` names it in the file of scores.

    ``partner`` is the second clip of attacks such as ``mix``: a track of the other class.
    """

    key: str
    condition: str
    seed: int
    detector: int
    partner: Track | None = None


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
    takes = [take for condition in study.conditions for take in _takes(study, condition)]
    for detector in detectors:
        for track in tracks:
            detector.of(track)  # a fold without a bundle shows now, not after an hour
    jobs = []
    for track in tracks:
        cells = []
        for take in takes:
            partner = partner_of(track, tracks, take.seed) if take.paired else None
            for index, detector in enumerate(detectors):
                judge = [detector.name, detector.of(track).sha256]
                key = _key(track, study.select.middle_s, take, judge, partner)
                cells.append(Cell(key, take.condition, take.seed, index, partner))
        jobs.append(Job(track, study.select.middle_s, tuple(cells)))
    return Plan(tuple(jobs))


@dataclass(frozen=True)
class _Take:
    """One condition with one seed, and what its cells have in common."""

    condition: str
    seed: int
    code: str = ""
    paired: bool = False


def _takes(study: Study, condition: str) -> list[_Take]:
    seeds = study.experiment.seeds
    if condition == CLEAN:
        return [_Take(CLEAN, seeds[0])]
    paired = adversary.needs_partner(condition)
    own = (Path(adversary.__file__),) if adversary.needs_model(condition) else ()
    code = condition_sha256(condition, own)
    chance = paired or parse(condition).seeded
    return [_Take(condition, seed, code, paired) for seed in (seeds if chance else seeds[:1])]


def partner_of(track: Track, tracks: Sequence[Track], seed: int) -> Track:
    """Return the track of the other class that is mixed into this one, of another page if it can.

    Each seed draws its own. The draw ranks hashes, so that a track that joins or leaves the
    experiment changes few of the pairs.

    Raises:
        UsageError: there is no track of the other class.
    """
    others = [t for t in tracks if (t.label == "human") != (track.label == "human")]
    if not others:
        raise UsageError(f"{track.id}: expected a track of the other class to mix in, got none")
    apart = [t for t in others if not t.group or t.group != track.group] or others
    return min(apart, key=lambda other: _digest([seed, track.id, other.id]))


def _key(
    track: Track,
    middle_s: float | None,
    take: _Take,
    judge: Sequence[str],
    partner: Track | None,
) -> str:
    # The path is left out: the same manifest lies elsewhere on another machine.
    sound = [track.id, track.sha256, track.split, middle_s, take.condition, take.seed, take.code]
    second = None if partner is None else [partner.id, partner.sha256]
    return _digest([*sound, *judge, second])[:20]


def _digest(values: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def read_scores(path: Path) -> dict[str, dict[str, Any]]:
    """Return the scores of a file by key; a last line that a kill cut short is left out.

    Raises:
        UsageError: a line in the middle is damaged.
    """
    if not path.exists():
        return {}
    found: dict[str, dict[str, Any]] = {}
    for number, (_, _, row) in enumerate(read_records(path), start=1):
        try:
            key = row["key"]
        except (KeyError, TypeError) as error:
            raise UsageError(
                f"{path}, line {number}: no score as this program writes them ({error}); "
                "delete the line, its cell is then scored again"
            ) from error
        if (row.get("error") or {}).get("type") == RETRIED:
            found.pop(key, None)
        else:
            found[key] = row
    return found
