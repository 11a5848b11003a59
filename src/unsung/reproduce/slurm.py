# SPDX-License-Identifier: MIT
"""Scores an experiment as Slurm jobs: each job a slice of the tracks, into a part file of its own.

submitit writes and submits the jobs (one array) and keeps their logs. This process waits, collects
rows as they are written and goes on to the page; when it is killed, the jobs work on, and the next
run with `--slurm` waits for them. Every machine must see the same folders. When not to use: on one
machine; processes (`--jobs`) do the same with less ado.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unsung.core.locks import in_use
from unsung.core.records import read_records
from unsung.errors import MissingExtra, MissingTool
from unsung.reproduce.detectors import Detector
from unsung.reproduce.experiment import Slurm
from unsung.reproduce.parts import JOBS, Appender, parts_folder
from unsung.reproduce.plan import Job, read_scores
from unsung.reproduce.pool import Row, died, here
from unsung.text import parse_json

__all__ = ["SlurmCrew", "score_part"]

LOCAL = "local"


def score_part(
    jobs: Sequence[Job], detectors: Sequence[Detector], part: Path, scores: Path, processes: int
) -> int:
    """Score one slice into its part file, on whatever machine; returns the number of new rows.

    Cells that stand in the part or in the experiment's scores are not made again.
    """
    made = 0
    with Appender(part) as file:
        known = {*read_scores(scores), *file.known}
        rest = [_without(job, known) for job in jobs]
        for row in here(processes)([job for job in rest if job.cells], detectors):
            file.write(row)
            made += 1
    return made


class SlurmCrew:
    """Submits, waits and collects.

    Args:
        settings: what to ask the cluster for.
        scores: the experiment's file of scores; parts and logs go beside it.
        poll_s: seconds between looks at the part files.

    Raises:
        MissingExtra: no submitit.
        MissingTool: no Slurm on this machine.
    """

    def __init__(self, settings: Slurm, scores: Path, poll_s: float = 1.0) -> None:
        try:
            import submitit
        except ModuleNotFoundError as error:
            raise MissingExtra("submitit", "cluster", "unsung reproduce --slurm") from error
        if settings.cluster != LOCAL and shutil.which("sbatch") is None:
            need = (
                "unsung reproduce --slurm (the same jobs run here with --set slurm.cluster=local)"
            )
            raise MissingTool("the program sbatch of Slurm", "slurm-client", need)
        self._submitit = submitit
        self._settings = settings
        self._scores = scores.resolve()
        self._folder = parts_folder(self._scores)
        self._logs = self._scores.parent / "logs"
        self._poll_s = poll_s

    def wait(self) -> None:
        """Wait for the jobs that an earlier, killed run left behind."""
        path = self._folder / JOBS
        if not path.exists():
            return
        left = parse_json(path.read_text(encoding="utf-8"))
        jobs: list[Any] = []
        if left["cluster"] != LOCAL:
            jobs = [self._submitit.SlurmJob(folder=self._logs, job_id=i) for i in left["ids"]]
        parts = [self._folder / name for name in left["parts"]]
        while not all(job.done() for job in jobs) or any(p.exists() and in_use(p) for p in parts):
            time.sleep(self._poll_s)

    def __call__(self, missing: Sequence[Job], detectors: Sequence[Detector]) -> Iterator[Row]:
        """Yield rows as the jobs write them; jobs that ended early are submitted again."""
        made: set[str] = set()
        rest = list(missing)
        for attempt in range(self._settings.attempts):
            for row in self._round(rest, detectors, attempt):
                made.add(row["key"])
                yield row
            rest = [job for job in (_without(job, made) for job in missing) if job.cells]
            if not rest:
                return
        how = f"ended early {self._settings.attempts} times; see the logs in {self._logs.name}/"
        for job in rest:
            yield from died(job, detectors, made, how)

    def _round(
        self, rest: Sequence[Job], detectors: Sequence[Detector], attempt: int
    ) -> Iterator[Row]:
        count = min(self._settings.jobs, len(rest))
        names = [f"part-{attempt}-{index:03}.jsonl" for index in range(count)]
        slices = [list(rest[index::count]) for index in range(count)]
        jobs = self._submit(names, slices, detectors)
        tails = [_Tail(self._folder / name) for name in names]
        ended = False
        while not ended:
            ended = all(job.done() for job in jobs)  # asked before the last look at the files
            for tail in tails:
                yield from tail.rows()
            if not ended:
                time.sleep(self._poll_s)

    def _submit(
        self, names: Sequence[str], slices: Sequence[list[Job]], detectors: Sequence[Detector]
    ) -> list[Any]:
        settings = self._settings
        self._folder.mkdir(parents=True, exist_ok=True)
        executor = self._submitit.AutoExecutor(folder=self._logs, cluster=settings.cluster)
        asked: dict[str, Any] = {
            "name": "unsung-reproduce",
            "timeout_min": settings.time_min,
            "mem_gb": settings.memory_gb,
            "cpus_per_task": settings.cpus,
            "slurm_array_parallelism": settings.parallel,
        }
        if settings.partition:
            asked["slurm_partition"] = settings.partition
        if settings.account:
            asked["slurm_account"] = settings.account
        executor.update_parameters(**asked)
        with executor.batch():
            jobs = [
                executor.submit(
                    score_part, part, list(detectors), self._folder / name, self._scores,
                    settings.cpus,
                )
                for name, part in zip(names, slices, strict=True)
            ]  # fmt: skip
        record = {"cluster": settings.cluster, "ids": [j.job_id for j in jobs], "parts": names}
        (self._folder / JOBS).write_text(json.dumps(record), encoding="utf-8")
        return jobs


class _Tail:
    """Reads what was appended to a file since the last look; half a line waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def rows(self) -> Iterator[Row]:
        if self._path.exists():
            for _, end, row in read_records(self._path, start=self._offset):
                self._offset = end
                yield row


def _without(job: Job, known: set[str]) -> Job:
    return replace(job, cells=tuple(cell for cell in job.cells if cell.key not in known))
