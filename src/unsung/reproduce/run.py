# SPDX-License-Identifier: MIT
"""Scores all cells over processes into one append-only file that survives a kill at any point.

Only the parent writes, one flushed line a cell. Processes send each cell as it is made; when the
parent is killed their pipes close and they end. A process that dies costs the rest of one track.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from unsung.errors import UnsungError, UsageError
from unsung.reproduce.detectors import Detector
from unsung.reproduce.plan import Job, Plan, read_scores
from unsung.reproduce.worker import error_row, score_job

__all__ = ["Progress", "WorkerDied", "score_all"]

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread a process: the processes are the parallelism."""


class WorkerDied(UnsungError):
    """A process ended while it scored a track (killed, out of memory, a crash)."""


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
    jobs: int = 1,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, dict[str, Any]]:
    """Append what is missing to the file of scores, and return all scores of the plan by key.

    Raises:
        UsageError: another run writes to the file, or it is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        _lock(file.fileno(), path)
        scores = read_scores(path)
        content = path.read_bytes()
        file.truncate(content.rfind(b"\n") + 1)  # a line that a kill cut short
        known = {key: row for key, row in scores.items() if key in plan.keys}
        failed = sum(row["error"] is not None for row in known.values())
        progress = Progress(len(known), plan.n_cells, len(known), failed)
        on_progress(progress)
        missing = list(plan.missing(known))
        make = _alone if min(jobs, len(missing)) <= 1 else _together
        for row in make(missing, detectors, min(jobs, len(missing))):
            file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
            known[row["key"]] = row
            bad = int(row["error"] is not None)
            progress = replace(progress, done=progress.done + 1, failed=progress.failed + bad)
            on_progress(progress)
    return known


def _lock(descriptor: int, path: Path) -> None:
    """Keep a second run from writing to the same file."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UsageError(f"{path}: another run writes to it; wait for its end") from error


def _alone(
    missing: Sequence[Job], detectors: Sequence[Detector], jobs: int
) -> Iterator[dict[str, Any]]:
    del jobs
    for job in missing:
        yield from score_job(job, detectors)


def _together(
    missing: Sequence[Job], detectors: Sequence[Detector], jobs: int
) -> Iterator[dict[str, Any]]:
    """Yield rows as they are made, from as many processes as there are jobs."""
    waiting = iter(missing)
    crew: dict[Connection, _Worker] = {}
    try:
        for _ in range(jobs):
            worker = _Worker(detectors)
            crew[worker.pipe] = worker
            worker.take(next(waiting, None))
        while any(worker.job for worker in crew.values()):
            for pipe in wait([worker.pipe for worker in crew.values() if worker.job]):
                worker = crew[pipe]  # type: ignore[index]
                try:
                    row = worker.pipe.recv()
                except (EOFError, OSError):
                    yield from worker.obituary(detectors)
                    del crew[worker.pipe]
                    worker.end()
                    worker = _Worker(detectors)
                    crew[worker.pipe] = worker
                    worker.take(next(waiting, None))
                    continue
                if row is None:
                    worker.take(next(waiting, None))
                else:
                    worker.made.add(row["key"])
                    yield row
    finally:
        for worker in crew.values():
            worker.end()


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        # Spawned, not forked: no other process then holds this pipe's far end open.
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, list(detectors)), daemon=True)
        with _one_thread():
            self._process.start()
        far.close()
        self.job: Job | None = None
        self.made: set[str] = set()

    def take(self, job: Job | None) -> None:
        self.job, self.made = job, set()
        if job is not None:
            # A process that is already dead shows when its answer is awaited.
            with contextlib.suppress(OSError):
                self.pipe.send(job)

    def obituary(self, detectors: Sequence[Detector]) -> Iterator[dict[str, Any]]:
        """Yield an error row for each cell that the process did not live to score."""
        assert self.job is not None
        self._process.join()
        error = WorkerDied(
            f"the process that scored {self.job.track.id} ended with code "
            f"{self._process.exitcode}; run again to try once more, with fewer --jobs"
        )
        for cell in self.job.cells:
            if cell.key not in self.made:
                yield error_row(self.job, cell, detectors, error)

    def end(self) -> None:
        self.pipe.close()
        self._process.terminate()
        self._process.join()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes started inside use one thread each."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection, detectors: list[Detector]) -> None:
    """Answer jobs with rows, then None, until the pipe closes."""
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            for row in score_job(pipe.recv(), detectors):
                pipe.send(row)
            pipe.send(None)
