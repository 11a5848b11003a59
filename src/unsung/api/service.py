# SPDX-License-Identifier: MIT
"""One server's parts and what it does with an upload; knows nothing of routes."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request

from unsung.api.addresses import Fetcher
from unsung.api.crew import Crew
from unsung.api.errors import AddressRefused, Busy, DecodeTimeout, MixedUp, NotReady
from unsung.api.frames import Outcome, Task
from unsung.api.jobs import Jobs
from unsung.api.keys import KeyRing
from unsung.api.metrics import Metrics
from unsung.api.names import shown_address
from unsung.api.problems import public
from unsung.api.process import MAIN
from unsung.api.settings import ServerSettings
from unsung.api.spool import Spool
from unsung.api.uploads import Upload
from unsung.audio import sha256_file
from unsung.runtime import load_bundle
from unsung.scanning.one import failed, stamp_of
from unsung.scanning.pool import WorkerDied
from unsung.scanning.settings import Settings

__all__ = ["Options", "Service"]

_SWEEP_S = 5.0
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What a client may choose for a scan."""

    false_alarm_rate: float
    prior: float
    fast: bool = False


class Service:
    """Loads the bundle at once; `running` starts and ends everything else."""

    def __init__(
        self, settings: ServerSettings, *, program: str = MAIN, fetch: Fetcher | None = None
    ) -> None:
        self.settings, self.limits = settings, settings.limits
        self.bundle = load_bundle(settings.bundle)
        self.keys = KeyRing(settings.key_lines)
        self.metrics = Metrics()
        self.stopping = False
        self._program = program
        self._fetch = fetch or Fetcher(self.limits.upload_bytes, self.limits.url_s)
        self._slots = 0
        self.spool: Spool
        self.crew: Crew
        self.jobs: Jobs

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hold the processes and the private folder for the life of the server."""
        self.spool = Spool(self.settings.spool)
        try:
            self.crew = Crew(
                self.settings.bundle, self.spool.path, self.limits, program=self._program
            )
            self.jobs = Jobs(self.spool, self.limits)
            self._watch()
            await self.crew.start()
            sweeper = asyncio.ensure_future(self._sweep())
            try:
                yield
            finally:
                self.stopping = True
                sweeper.cancel()
                await self.jobs.close()
                await self.crew.close()
        finally:
            self.spool.close()

    async def stop(self) -> None:
        """Take no more work and end what waits without end; running scans may finish."""
        self.stopping = True
        if hasattr(self, "jobs"):
            await self.jobs.close()

    @property
    def ready(self) -> bool:
        """Whether a scan sent now would be scored."""
        return not self.stopping and hasattr(self, "crew") and self.crew.usable

    @contextlib.contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the places for requests that work or wait.

        Raises:
            Busy: all are taken.
            NotReady: the server stops or no worker lives.
        """
        if not self.ready:
            raise NotReady("the server starts, stops or replaces its workers; ask again")
        most = self.limits.workers + self.limits.queue
        if self._slots >= most:
            wait_s = math.ceil(self.crew.mean_s * self._slots / self.limits.workers)
            raise Busy(
                f"expected at most {most} requests at once, all places are taken; "
                "come back after Retry-After seconds",
                max(1, min(60, wait_s)),
            )
        self._slots += 1
        try:
            yield
        finally:
            self._slots -= 1

    async def score(self, upload: Upload, options: Options, want: str = "") -> Outcome:
        """Score one upload and remove it; what is wrong with it becomes its row.

        Raises:
            MixedUp: the answer is for other bytes than were sent.
            NotReady: the server is stopping.
        """
        task = Task(
            str(upload.path),
            upload.name,
            options.false_alarm_rate,
            options.prior,
            options.fast,
            want,
        )
        try:
            found = await self.crew.score(task)
        except (DecodeTimeout, WorkerDied) as error:
            settings = Settings("", options.false_alarm_rate, options.prior, options.fast)
            row = failed(upload.name, stamp_of(self.bundle, settings), error)
            found = Outcome(replace(row, sha256=upload.sha256))
        finally:
            upload.path.unlink(missing_ok=True)
        score = found.score
        if score.sha256 != upload.sha256 and (score.sha256 or score.error is None):
            raise MixedUp(f"an answer for {score.sha256[:12]} came for {upload.sha256[:12]}")
        if score.error is not None:
            score = replace(score, error=public(score.error))
        self.metrics.scored(score)
        return replace(found, score=score)

    async def fetch(self, url: str, folder: Path) -> Upload:
        """Fetch a client's address into a folder.

        Raises:
            AddressRefused: addresses are off, or this one is not public.
            FetchError: it cannot be fetched.
            TooLarge: it holds too much.
        """
        if not self.settings.allow_urls:
            raise AddressRefused(
                "expected an uploaded file, got an address; this server does not fetch addresses"
            )
        path = folder / "0000"
        await asyncio.to_thread(self._fetch, url, path)
        digest = await asyncio.to_thread(sha256_file, path)
        return Upload(path, shown_address(url), digest, path.stat().st_size)

    def _watch(self) -> None:
        watch, crew = self.metrics.watch, self.crew
        watch("unsung_slots", "Requests that work or wait.", lambda: self._slots)
        watch("unsung_workers", "Worker processes that live.", lambda: crew.alive)
        watch("unsung_workers_busy", "Workers that score a file.", lambda: crew.busy)
        watch("unsung_workers_killed", "Killed for taking too long.", lambda: crew.counts.killed)
        watch("unsung_workers_died", "Ended on their own.", lambda: crew.counts.died)
        watch("unsung_workers_retired", "Replaced in order.", lambda: crew.counts.retired)
        watch("unsung_jobs", "Jobs kept.", lambda: len(self.jobs))
        watch("unsung_jobs_running", "Jobs not finished.", lambda: self.jobs.running)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_S, self.limits.job_ttl_s / 2))
            self.jobs.purge()


async def unless_gone(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """Do work for a client, and stop it when the client hangs up.

    Raises:
        ConnectionAbortedError: it did.
    """
    doing = asyncio.ensure_future(work())
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ConnectionAbortedError("the client hung up")
        return doing.result()
    finally:
        leaving.cancel()
        doing.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
