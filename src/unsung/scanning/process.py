# SPDX-License-Identifier: MIT
"""One worker process and the two pipes to it: tasks in, rows out, killed when its time is over."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self, TypeAlias

from unsung.audio.fetch import stdin_file
from unsung.errors import UnsungError
from unsung.scanning.limits import TimeLimit
from unsung.scanning.settings import Row
from unsung.scanning.worker import Claim, Task
from unsung.scratch import Scratch

__all__ = ["Known", "Worker", "WorkerDied", "WorkerNotStarted", "started"]

Known: TypeAlias = Callable[[int, str], bool]
"""Answers a worker that holds a content's hash: is it scored, or being scored, elsewhere?"""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""One thread a process: the processes are the parallelism, and threads would fight over cores."""

BOOT = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from unsung.scanning.worker import main; main()"
)


STARTS_AGAIN_S = 1.0
"""Pause before a process is started again that ended at its start: memory may be free then."""


_NOT_STARTED = "a process to score this file ended before it was ready, twice"
_SCARCE = "this happens when memory runs out: use fewer --jobs; the next scan tries the file again"


class WorkerDied(UnsungError):
    """A worker process ended while it scored a file (killed, out of memory, a crash)."""


class WorkerNotStarted(WorkerDied):
    """A worker process ended before it was ready: a fault of the moment, not of a file."""


class Worker:
    """One process and the two pipes to it.

    Attributes:
        claimed: hash of the content that the process took on last; empty before it has one.
    """

    def __init__(self, known: Known | None = None, time_s: float | None = None) -> None:
        self._known, self._time_s = known, time_s
        self._late = False
        self.claimed = ""
        self._scratch = Scratch("worker")  # a killed process leaves its files in it
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self._scratch.path))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BOOT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **ONE_THREAD, **places},
                process_group=0,  # Ctrl-C reaches the parent alone, which ends the scan in order
            )
        except OSError as error:
            self._scratch.close()
            raise WorkerNotStarted(f"{_NOT_STARTED} ({error.strerror}); {_SCARCE}") from error

    @property
    def alive(self) -> bool:
        """Say whether the process still runs."""
        return self._process.poll() is None

    def greet(self, init: Mapping[str, Any]) -> Self:
        """Send the settings and wait until the bundle is loaded.

        Raises:
            WorkerNotStarted: the process ended before; this worker is of no more use.
            UnsungError: the settings or the bundle cannot be used.
        """
        try:
            self._send(sys.path)
            self._send(dict(init))
            problem = self._receive()
        except WorkerDied as error:
            raise WorkerNotStarted(f"{_NOT_STARTED} ({self._how()}); {_SCARCE}") from error
        if isinstance(problem, Exception):
            raise problem
        return self

    def ask(self, task: Task) -> Row:
        """Have one task scored.

        Raises:
            WorkerDied: the process ended; this worker is of no more use.
            TimeLimit: it was killed because its time was over.
        """
        if task.source.kind == "stdin":  # the worker's own standard input is the task pipe
            with stdin_file() as path:
                return self._ask(Task(task.index, task.source, path))
        return self._ask(task)

    def _ask(self, task: Task) -> Row:
        self.claimed = ""
        with self._deadline():
            self._send(task)
            while isinstance(answer := self._receive(), Claim):
                known = self._known is not None and self._known(answer.index, answer.sha256)
                self.claimed = "" if known else answer.sha256
                self._send(known)
        if not isinstance(answer, Row):
            raise WorkerDied(f"expected a row from the worker process, got {type(answer).__name__}")
        return answer

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """Kill the process when its time is over: the read that waits for it then ends."""
        if self._time_s is None:
            yield
            return
        timer = threading.Timer(self._time_s, self._kill_late)
        timer.start()
        try:
            yield
        except WorkerDied as error:
            if not self._late:
                raise
            raise TimeLimit(
                f"not finished after {self._time_s:g} s, the time limit; its process was killed; "
                "raise --time-limit for this file, or leave it out"
            ) from error
        finally:
            timer.cancel()

    def _kill_late(self) -> None:
        self._late = True
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
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
        self._scratch.close()

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
        return WorkerDied(
            f"the process that scored this file ended by {self._how()}; "
            "this happens when memory runs out: scan the file alone, with --jobs 1"
        )

    def _how(self) -> str:
        code = self._process.returncode
        return f"signal {-code} ({_signal_name(-code)})" if code < 0 else f"exit code {code}"


def started(make: Callable[[], Worker], init: Mapping[str, Any]) -> Worker:
    """Make a worker that is ready; one that ends at its start is replaced once.

    Raises:
        WorkerNotStarted: both ended.
        UnsungError: the settings or the bundle cannot be used.
    """
    try:
        return make().greet(init)
    except WorkerNotStarted:
        time.sleep(STARTS_AGAIN_S)
        return make().greet(init)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
