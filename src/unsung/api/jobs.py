# SPDX-License-Identifier: MIT
"""Long work that outlives its request: progress by events, a result for a while, then nothing.

Jobs live in memory: a server that restarts has none. Their ids cannot be guessed (128 bits), and
where API keys are set a job answers to the key that made it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from unsung.api.errors import Busy, JobGone
from unsung.api.settings import Limits
from unsung.api.spool import Spool
from unsung.api.uploads import Upload
from unsung.types import Record, Score

__all__ = ["Job", "JobInfo", "Jobs"]

Status = Literal["running", "done", "cancelled", "failed"]
ScoreOne = Callable[[Upload], Awaitable[Score]]
_log = logging.getLogger("unsung.api")


@dataclass(frozen=True)
class JobInfo(Record):
    """How far a job is; times are UTC. ``expires`` is empty while it runs."""

    id: str
    status: Status
    total: int
    done: int
    failed: int
    created: str
    expires: str = ""


@dataclass
class Job:
    """One job: its scores so far, in the order of the uploads."""

    id: str
    owner: str
    folder: Path
    uploads: list[Upload]
    status: Status = "running"
    created_s: float = field(default_factory=time.time)
    expires_s: float | None = None
    scores: list[Score] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None

    @property
    def info(self) -> JobInfo:
        """What clients see."""
        failed = sum(score.state == "failed" for score in self.scores)
        return JobInfo(
            self.id,
            self.status,
            len(self.uploads),
            len(self.scores),
            failed,
            _utc(self.created_s),
            "" if self.expires_s is None else _utc(self.expires_s),
        )

    async def events(self, after: int = 0, beat_s: float = 15.0) -> AsyncIterator[dict[str, Any]]:
        """Yield an event a file from number ``after`` on, then the end; {} is a beat."""
        sent = min(after, len(self.scores))
        while True:
            for score in self.scores[sent:]:
                sent += 1
                progress = {"done": sent, "total": len(self.uploads), "score": score.to_dict()}
                yield {"event": "score", "id": sent, "data": progress}
            if self.status != "running" and sent == len(self.scores):
                yield {"event": "end", "id": sent, "data": self.info.to_dict()}
                return
            if not await self._news(sent, beat_s):
                yield {}

    async def _news(self, sent: int, longest_s: float) -> bool:
        """Wait until there is more to tell; False when nothing happened for so long."""
        with contextlib.suppress(TimeoutError):
            async with self.changed, asyncio.timeout(longest_s):
                await self.changed.wait_for(
                    lambda: len(self.scores) > sent or self.status != "running"
                )
                return True
        return False

    async def notify(self) -> None:
        """Wake everybody who watches."""
        async with self.changed:
            self.changed.notify_all()


class Jobs:
    """The jobs of one server."""

    def __init__(self, spool: Spool, limits: Limits) -> None:
        self._spool, self._limits = spool, limits
        self._jobs: dict[str, Job] = {}
        # One worker stays for those who wait for their answer.
        self._turns = asyncio.Semaphore(max(1, limits.workers - 1))

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def running(self) -> int:
        """Jobs that are not finished."""
        return sum(job.status == "running" for job in self._jobs.values())

    def check_room(self) -> None:
        """Refuse a job before its files are sent.

        Raises:
            Busy: as many jobs are kept as may be.
        """
        self.purge()
        if len(self._jobs) >= self._limits.jobs:
            raise Busy(
                f"expected at most {self._limits.jobs} jobs, finished ones included; delete one "
                "(DELETE /v1/jobs/ID) or come back later",
                30,
            )

    def start(self, folder: Path, uploads: list[Upload], owner: str, score: ScoreOne) -> Job:
        """Begin to score; the folder is the job's from here on."""
        self.check_room()
        job = Job(secrets.token_urlsafe(16), owner, folder, uploads)
        self._jobs[job.id] = job
        job.task = asyncio.ensure_future(self._run(job, score))
        return job

    def get(self, job_id: str, owner: str) -> Job:
        """Return a job.

        Raises:
            JobGone: none of this id for this key.
        """
        self.purge()
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise JobGone(
                "expected the id of a job, got one that never was, has expired or was made with "
                "another key; make a new job"
            )
        return job

    async def cancel(self, job: Job) -> None:
        """Stop a running job; what it has scored stays."""
        if job.task is not None and job.status == "running":
            job.task.cancel()
            await asyncio.wait([job.task])
            if job.status == "running":  # it was cancelled before its first step
                await self._end(job, "cancelled")

    def forget(self, job: Job) -> None:
        """Drop a finished job and its result."""
        self._jobs.pop(job.id, None)

    def purge(self) -> None:
        """Drop what has expired."""
        now_s = time.time()
        for job in list(self._jobs.values()):
            if job.expires_s is not None and job.expires_s <= now_s:
                self.forget(job)

    async def close(self) -> None:
        """Cancel everything."""
        for job in list(self._jobs.values()):
            await self.cancel(job)

    async def _run(self, job: Job, score: ScoreOne) -> None:
        status: Status = "failed"
        try:
            for upload in job.uploads:
                async with self._turns:
                    job.scores.append(await score(upload))
                await job.notify()
            status = "done"
        except asyncio.CancelledError:
            status = "cancelled"
        except Exception:
            _log.exception("a job failed")
        await self._end(job, status)

    async def _end(self, job: Job, status: Status) -> None:
        self._spool.remove(job.folder)
        job.expires_s = time.time() + self._limits.job_ttl_s
        job.status = status
        await job.notify()


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
