# SPDX-License-Identifier: MIT
"""Worker processes that survive their files: a process that dies costs one row, not the scan."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from unsung.audio.sources import Source
from unsung.errors import UnsungError
from unsung.scanning.limits import TimeLimit
from unsung.scanning.one import failed
from unsung.scanning.process import (
    ONE_THREAD,
    Known,
    Worker,
    WorkerDied,
    WorkerNotStarted,
    started,
)
from unsung.scanning.settings import Row, Stamp
from unsung.scanning.worker import Task, facts_of

__all__ = ["ONE_THREAD", "Item", "Worker", "WorkerDied", "cores", "hopeful", "lost", "run"]

HOPELESS = 5
"""So many files in a row without a process that starts (each tried twice) end the scan."""

Item: TypeAlias = tuple[int, Source] | Row
"""A numbered input to score, or a row that is finished already and only passes through."""


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    sources: Iterator[Item],
    jobs: int,
    init: Mapping[str, Any],
    stamp: Stamp,
    *,
    known: Known | None = None,
    time_s: float | None = None,
    stop_inputs: Callable[[], None] | None = None,
) -> Iterator[Row]:
    """Yield rows as they finish; at most ``2 x jobs`` sources are taken ahead of the consumer.

    Args:
        sources: numbered inputs, taken one at a time as workers fall idle; rows pass through.
        jobs: number of processes.
        init: the arguments of `Scorer`, sent to each process once.
        stamp: what rows carry that no process lived to finish.
        known: answers the processes' questions about contents; called from several threads.
        time_s: a process that works longer on one file is killed and replaced.
        stop_inputs: called at the end: wakes inputs that wait for something to come.

    Raises:
        UnsungError: a worker cannot use the settings, or the inputs themselves raised.
    """
    crew = _Crew(sources, jobs, init, stamp, known=known, time_s=time_s)
    try:
        yield from crew.rows()
    finally:
        if stop_inputs is not None:
            stop_inputs()
        crew.close()


def lost(task: Task, stamp: Stamp, error: Exception, sha256: str = "") -> Row:
    """Return the row of a file whose process did not live to finish it."""
    score = replace(failed(task.source.path, stamp, error), sha256=sha256)
    return Row(task.index, score, facts=facts_of(task.source, task.path))


def hopeful(rows: Iterator[Row]) -> Iterator[Row]:
    """Pass rows on until processes no longer start: a scan must not end in a million such rows.

    Raises:
        UnsungError: `HOPELESS` rows in a row have no other fault.
    """
    count = 0
    for row in rows:
        error = row.score.error
        count = count + 1 if error and error.type == WorkerNotStarted.__name__ else 0
        yield row
        if error and count == HOPELESS:
            raise UnsungError(f"no worker process can start: {error.message}")


class _Crew:
    """Feeder threads, each with one worker process; they share one input and one output."""

    def __init__(
        self,
        sources: Iterator[Item],
        jobs: int,
        init: Mapping[str, Any],
        stamp: Stamp,
        *,
        known: Known | None,
        time_s: float | None,
    ) -> None:
        self._sources, self._stamp, self._known, self._time_s = sources, stamp, known, time_s
        self._init = {**init, "asks": known is not None}
        self._taking = threading.Lock()  # its own: the next input may be long in coming
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._out: queue.Queue[Row | BaseException | None] = queue.Queue(maxsize=jobs)
        self._workers: list[Worker] = []
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(jobs)]

    def rows(self) -> Iterator[Row]:
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        while running:
            try:  # a timeout keeps Ctrl-C alive on every system
                item = self._out.get(timeout=1.0)
            except queue.Empty:
                continue
            if item is None:
                running -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item

    def close(self) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=5.0)  # one may wait for standard input

    def _serve(self) -> None:
        """Feed one worker until the input ends; replace it when it dies."""
        worker: Worker | None = None
        try:
            while (item := self._next()) is not None:
                if isinstance(item, Row):
                    self._put(item)
                    continue
                task = Task(*item)
                try:
                    worker = worker or started(self._hire, self._init)
                    row = worker.ask(task)
                except (WorkerDied, TimeLimit) as error:
                    row = lost(task, self._stamp, error, worker.claimed if worker else "")
                    worker = None
                self._put(row)
        except BaseException as error:
            self._put(error)
        finally:
            if worker is not None:
                worker.close()
            self._put(None)

    def _next(self) -> Item | None:
        with self._taking:
            return None if self._stop.is_set() else next(self._sources, None)

    def _hire(self) -> Worker:
        worker = Worker(self._known, self._time_s)
        with self._lock:
            self._workers = [w for w in self._workers if w.alive] + [worker]
            if self._stop.is_set():
                worker.kill()
        return worker

    def _put(self, item: Row | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._out.put(item, timeout=0.2)
            except queue.Full:
                continue
            return
