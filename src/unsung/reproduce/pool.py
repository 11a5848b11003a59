# SPDX-License-Identifier: MIT
"""Scores tracks in this process or over several; a row is handed out as soon as it is made.

Processes send each cell through a pipe; when the parent is killed their pipes close and they end.
A process that dies costs the rest of one track.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeAlias

from unsung.errors import UnsungError
from unsung.reproduce.detectors import Detector
from unsung.reproduce.plan import Job
from unsung.reproduce.worker import error_row, score_job

__all__ = ["Crew", "WorkerDied", "died", "here"]

Row: TypeAlias = dict[str, Any]
Crew: TypeAlias = Callable[[Sequence[Job], Sequence[Detector]], Iterator[Row]]
"""Takes jobs, hands out a row a cell in any order: processes, Ray or Slurm."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread a process: the processes are the parallelism."""


class WorkerDied(UnsungError):
    """A process ended while it scored a track (killed, out of memory, a crash)."""


def died(job: Job, detectors: Sequence[Detector], made: set[str], how: str) -> Iterator[Row]:
    """Yield an error row, tried again by the next run, for each cell that was not scored."""
    error = WorkerDied(f"the process that scored {job.track.id} {how}; run again to try once more")
    for cell in job.cells:
        if cell.key not in made:
            yield error_row(job, cell, detectors, error)


def here(jobs: int) -> Crew:
    """Return a crew of so many processes of this machine; one works in this process."""

    def crew(missing: Sequence[Job], detectors: Sequence[Detector]) -> Iterator[Row]:
        count = min(jobs, len(missing))
        return _alone(missing, detectors) if count <= 1 else _together(missing, detectors, count)

    return crew


def _alone(missing: Sequence[Job], detectors: Sequence[Detector]) -> Iterator[Row]:
    for job in missing:
        yield from score_job(job, detectors)


def _together(missing: Sequence[Job], detectors: Sequence[Detector], jobs: int) -> Iterator[Row]:
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

    def obituary(self, detectors: Sequence[Detector]) -> Iterator[Row]:
        """Yield an error row for each cell that the process did not live to score."""
        assert self.job is not None
        self._process.join()
        how = f"ended with code {self._process.exitcode}, perhaps for want of memory (fewer --jobs)"
        yield from died(self.job, detectors, self.made, how)

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
