# SPDX-License-Identifier: MIT
"""Worker processes that survive their files: a process that dies costs one row, not the scan."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from unsung.audio.fetch import stdin_file
from unsung.audio.sources import Source
from unsung.errors import UnsungError
from unsung.scanning.one import failed
from unsung.scanning.settings import Row, Stamp
from unsung.scanning.worker import Task

__all__ = ["WorkerDied", "cores", "run"]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""One thread a process: the processes are the parallelism, and threads would fight over cores."""

BOOT = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from unsung.scanning.worker import main; main()"
)


class WorkerDied(UnsungError):
    """A worker process ended while it scored a file (killed, out of memory, a crash)."""


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    sources: Iterator[tuple[int, Source]], jobs: int, init: Mapping[str, Any], stamp: Stamp
) -> Iterator[Row]:
    """Yield rows as they finish; at most ``2 x jobs`` sources are taken ahead of the consumer.

    Args:
        sources: numbered inputs, taken one at a time as workers fall idle.
        jobs: number of processes.
        init: the arguments of `Scorer`, sent to each process once.
        stamp: what rows carry that no process lived to finish.

    Raises:
        UnsungError: a worker cannot start at all, or the inputs themselves raised.
    """
    crew = _Crew(sources, jobs, init, stamp)
    try:
        yield from crew.rows()
    finally:
        crew.close()


class _Crew:
    """Feeder threads, each with one worker process; they share one input and one output."""

    def __init__(
        self,
        sources: Iterator[tuple[int, Source]],
        jobs: int,
        init: Mapping[str, Any],
        stamp: Stamp,
    ) -> None:
        self._sources, self._init, self._stamp = sources, init, stamp
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._out: queue.Queue[Row | BaseException | None] = queue.Queue(maxsize=jobs)
        self._workers: list[_Worker] = []
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
        worker: _Worker | None = None
        try:
            while (task := self._next()) is not None:
                worker = worker or self._start()
                try:
                    row = worker.ask(task)
                except WorkerDied as error:
                    row = Row(task.index, failed(task.source.path, self._stamp, error))
                    worker = None
                self._put(row)
        except BaseException as error:
            self._put(error)
        finally:
            if worker is not None:
                worker.close()
            self._put(None)

    def _next(self) -> Task | None:
        with self._lock:
            if self._stop.is_set():
                return None
            item = next(self._sources, None)
        return None if item is None else Task(*item)

    def _start(self) -> _Worker:
        worker = _Worker()
        with self._lock:
            self._workers = [w for w in self._workers if w.alive] + [worker]
            if self._stop.is_set():
                worker.kill()
        worker.greet(self._init)
        return worker

    def _put(self, item: Row | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._out.put(item, timeout=0.2)
            except queue.Full:
                continue
            return


class _Worker:
    """One process and the two pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
            process_group=0,  # Ctrl-C reaches the parent alone, which then ends the scan in order
        )
        self._send(sys.path)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def greet(self, init: Mapping[str, Any]) -> None:
        """Send the settings and wait until the bundle is loaded."""
        self._send(dict(init))
        try:
            problem = self._receive()
        except WorkerDied as error:
            raise UnsungError(f"a worker process could not start: {error}; try --jobs 1") from error
        if isinstance(problem, Exception):
            raise problem

    def ask(self, task: Task) -> Row:
        if task.source.kind == "stdin":  # the worker's own standard input is the task pipe
            with stdin_file() as path:
                return self._ask(Task(task.index, task.source, path))
        return self._ask(task)

    def _ask(self, task: Task) -> Row:
        self._send(task)
        row = self._receive()
        if not isinstance(row, Row):
            raise WorkerDied(f"expected a row from the worker process, got {type(row).__name__}")
        return row

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """End the process in order: it stops when its input closes."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        self._process.wait()

    def _send(self, item: object) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(item, self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._death() from error

    def _receive(self) -> object:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            raise self._death() from error

    def _death(self) -> WorkerDied:
        self.kill()
        self.close()
        code = self._process.returncode
        how = f"signal {-code} ({_signal_name(-code)})" if code < 0 else f"exit code {code}"
        return WorkerDied(
            f"the process that scored this file ended by {how}; "
            "this happens when memory runs out: scan the file alone, with --jobs 1"
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
