# SPDX-License-Identifier: MIT
"""Decoder processes under a time limit: one that hangs or dies is killed, replaced and told of.

A file costs at most its own row; the server goes on. The processes score one file at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unsung.api.errors import DecodeTimeout, NotReady
from unsung.api.frames import Outcome, Task
from unsung.api.process import MAIN, Worker
from unsung.api.settings import Limits
from unsung.errors import UnsungError
from unsung.scanning.pool import WorkerDied

__all__ = ["Crew"]

_PATIENCE_S = 5.0
_log = logging.getLogger("unsung.api")


@dataclass
class Counts:
    """What happened to the crew so far."""

    killed: int = 0
    died: int = 0
    retired: int = 0


class Crew:
    """A fixed number of workers; tasks take the next one that is free, in order."""

    def __init__(self, bundle: str, spool: Path, limits: Limits, *, program: str = MAIN) -> None:
        self._init = {
            "bundle": bundle,
            "spool": str(spool),
            "longest_s": limits.duration_s,
            "memory_mb": limits.worker_memory_mb,
        }
        self._limits, self._program = limits, program
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._all: set[Worker] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = self._failing = False
        self.counts = Counts()
        self.mean_s = 0.5  # moving average of a file's time, for Retry-After

    async def start(self) -> None:
        """Start all workers.

        Raises:
            UnsungError: one cannot start.
        """
        started = [self._hire() for _ in range(self._limits.workers)]
        try:
            await asyncio.gather(*started)
        except BaseException:
            await self.close()
            raise

    @property
    def alive(self) -> int:
        """Workers that live."""
        return sum(worker.alive for worker in self._all)

    @property
    def busy(self) -> int:
        """Workers that score a file now."""
        return self.alive - self._idle.qsize()

    @property
    def usable(self) -> bool:
        """Whether a worker lives, or one that ended is being replaced without trouble."""
        return not self._closed and (self.alive > 0 or not self._failing)

    @property
    def pids(self) -> list[int]:
        """The processes' numbers."""
        return [worker.pid for worker in self._all if worker.alive]

    async def score(self, task: Task) -> Outcome:
        """Score a file with the next free worker.

        Cancelled while it waits, a task is never started; cancelled later, the worker finishes the
        file for nobody.

        Raises:
            DecodeTimeout: the file took too long.
            WorkerDied: the file ended its process.
            NotReady: the crew is closed.
        """
        if self._closed:
            raise NotReady("the server is stopping; ask again in a moment")
        worker = await self._free()
        running = self._spawn(self._use(worker, task))
        found: Outcome = await asyncio.shield(running)
        return found

    async def _free(self) -> Worker:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    return await self._idle.get()
            if not self.usable:
                raise NotReady("no worker process can be started at the moment; ask again later")

    async def close(self) -> None:
        """End all processes now."""
        self._closed = True
        await asyncio.gather(*(worker.kill() for worker in self._all))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._all.clear()

    async def _use(self, worker: Worker, task: Task) -> Outcome:
        started_s = time.monotonic()
        task = replace(task, cpu_s=self._limits.decode_s)
        try:
            return await worker.ask(task, self._limits.decode_s)
        except DecodeTimeout:
            self.counts.killed += 1
            raise
        except WorkerDied:
            self.counts.died += not self._closed
            raise
        finally:
            self.mean_s += 0.1 * (time.monotonic() - started_s - self.mean_s)
            self._give_back(worker)

    def _give_back(self, worker: Worker) -> None:
        tired = worker.spent or worker.done >= self._limits.tasks_per_worker
        if worker.alive and not tired:
            self._idle.put_nowait(worker)
            return
        self._all.discard(worker)
        self.counts.retired += tired
        if not self._closed:
            self._spawn(self._replace(worker))

    async def _replace(self, worker: Worker) -> None:
        await worker.kill()
        pause_s = 0.5
        while not self._closed:
            try:
                await self._hire()
            except (UnsungError, OSError) as error:
                self._failing = True
                _log.error("a worker could not be replaced: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(30.0, 2 * pause_s)
            else:
                return

    async def _hire(self) -> None:
        worker = await Worker.start(self._init, self._program)
        if self._closed:
            await worker.kill()
            return
        self._failing = False
        self._all.add(worker)
        self._idle.put_nowait(worker)

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the one who waits for it may be gone
