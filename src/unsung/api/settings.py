# SPDX-License-Identifier: MIT
"""What a server is set to: the detector, who may ask, and the bound of everything a client can use.

Every bound has a reason beside it. Memory and disk of a server are bounded by them:
``workers × worker_memory_mb`` of memory for decoding, ``(workers + queue + jobs) × upload_mb`` of
disk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from unsung.errors import UsageError
from unsung.types import Record

__all__ = ["LOOPBACK", "Limits", "ServerSettings"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Limits(Record):
    """The bounds, all of them positive.

    Attributes:
        workers: decoder processes; each scores one file at a time.
        queue: requests that may wait beyond those being scored; one more is answered 429.
        upload_mb: largest body of one request, counted while it arrives.
        files: most uploads in one request or job.
        duration_s: longest sound after decoding, whatever its header says.
        decode_s: longest time for one file before its process is killed.
        worker_memory_mb: address space of a worker (`resource.RLIMIT_AS`), where the system has it.
        upload_s: longest time for a body to arrive.
        stall_s: longest silence within a body.
        jobs: jobs that are kept, finished ones included.
        job_ttl_s: how long a finished job's result is kept.
        tasks_per_worker: a worker is replaced after so many files, so that no leak adds up.
        grace_s: how long a shutdown waits for what is being scored.
        url_s: longest time for fetching an address.
    """

    workers: int = field(default_factory=_cores)
    queue: int = 32
    upload_mb: float = 200.0
    files: int = 50
    duration_s: float = 3600.0
    decode_s: float = 60.0
    worker_memory_mb: int = 2048
    upload_s: float = 300.0
    stall_s: float = 15.0
    jobs: int = 100
    job_ttl_s: float = 3600.0
    tasks_per_worker: int = 1000
    grace_s: float = 30.0
    url_s: float = 120.0

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            if value < 0 or (value == 0 and name != "queue"):
                raise UsageError(f"expected {name} above 0, got {value:g}; leave it out")

    @property
    def upload_bytes(self) -> int:
        """The largest body in bytes (1 MB = 10⁶ bytes)."""
        return round(self.upload_mb * 1e6)


@dataclass(frozen=True)
class ServerSettings(Record):
    """One server.

    Attributes:
        bundle: name of a packaged detector, or the folder of one; only the operator chooses it.
        limits: the bounds.
        key_lines: ``name:sha256`` of API keys; empty means that no key is asked for.
        allow_urls: whether clients may name an address to fetch.
        origins: browsers' origins that may read answers (CORS); none by default.
        hosts: accepted Host headers without port; empty accepts every name.
        log_names: write the client's file names into the access log.
        spool: folder for the private temporary folder; None takes the system's.
    """

    bundle: str = "default"
    limits: Limits = field(default_factory=Limits)
    key_lines: tuple[str, ...] = ()
    allow_urls: bool = False
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    log_names: bool = False
    spool: str | None = None

    def __post_init__(self) -> None:
        for origin in self.origins:
            if "://" not in origin or origin.endswith("/"):
                raise UsageError(
                    f"expected an origin such as https://example.org, got '{origin}'; "
                    "name each one, a star would open the server to every page"
                )
        if self.spool is not None and not Path(self.spool).is_dir():
            raise UsageError(f"{self.spool}: expected a folder for temporary files; make it first")

    def with_hosts(self, hosts: tuple[str, ...]) -> Self:
        """Return the same settings for other Host headers."""
        return replace(self, hosts=hosts)
