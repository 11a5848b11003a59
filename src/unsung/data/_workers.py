# SPDX-License-Identifier: MIT
"""Applies a function to many files over processes: in order, bounded, surviving a dying process."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from unsung.audio.memory import keep_freed_memory
from unsung.data._atomic import FULL, full_disk
from unsung.types import Failure

__all__ = ["cores", "each"]

Item = TypeVar("Item")
Made = TypeVar("Made")
_AHEAD = 4
"""Chunks handed out before the first is taken back: keeps workers busy, memory bounded."""
_DISK_FULL = "disk full"


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(
    work: Callable[[Item], Made], items: Iterable[Item], jobs: int = 1, chunk: int = 8
) -> Iterator[tuple[Item, Made | Failure]]:
    """Yield every item with its result, or with the failure of that item alone, in order.

    Args:
        work: a function of a module (it is sent to the processes by name).
        items: taken as needed, at most some chunks ahead.
        jobs: processes; 1 works in this one.
        chunk: items sent at a time.

    Raises:
        ManifestError: the disk is full: going on would fail for every file.
    """
    if jobs <= 1:
        for item in items:
            yield item, _checked(_guarded(work, item))
        return
    supply = iter(items)
    waiting: deque[tuple[list[Item], Future[list[Made | Failure]] | None]] = deque()
    pool = _pool(jobs)
    try:
        while True:
            while len(waiting) < jobs * _AHEAD and (part := list(itertools.islice(supply, chunk))):
                waiting.append((part, _submitted(pool, work, part)))
            if not waiting:
                return
            part, future = waiting.popleft()
            try:
                if future is None:
                    raise BrokenProcessPool
                made = future.result()
            except BrokenProcessPool:
                made = _one_by_one(work, part)
                pool.shutdown(cancel_futures=True)
                pool = _pool(jobs)
                waiting = deque((p, _kept(f) or _submitted(pool, work, p)) for p, f in waiting)
            for item, result in zip(part, made, strict=True):
                yield item, _checked(result)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Not fork: libraries that were already used here hold locks and threads that fork copies.
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), keep_freed_memory)


def _submitted(
    pool: ProcessPoolExecutor, work: Callable[[Item], Made], part: list[Item]
) -> Future[list[Made | Failure]] | None:
    try:
        return pool.submit(_many, work, part)
    except BrokenProcessPool:
        return None


def _kept(future: Future[list[Made | Failure]] | None) -> Future[list[Made | Failure]] | None:
    """Return a future that holds a result in spite of the broken pool, else None."""
    fine = future is not None and future.done() and not future.cancelled()
    return future if fine and future is not None and future.exception() is None else None


def _one_by_one(work: Callable[[Item], Made], part: Sequence[Item]) -> list[Made | Failure]:
    """Find the item whose process dies: each gets a process of its own."""
    made: list[Made | Failure] = []
    for item in part:
        with _pool(1) as pool:
            try:
                made += pool.submit(_many, work, [item]).result()
            except BrokenProcessPool:
                made.append(
                    Failure(
                        "WorkerDied",
                        "the process that read this file ended (killed, out of memory or a crash "
                        "of a decoder); look at the file, or give the machine more memory",
                    )
                )
    return made


def _many(work: Callable[[Item], Made], part: Sequence[Item]) -> list[Made | Failure]:
    return [_guarded(work, item) for item in part]


def _guarded(work: Callable[[Item], Made], item: Item) -> Made | Failure:
    """Turn an exception into plain values: not every exception survives being sent."""
    try:
        return work(item)
    except OSError as error:
        if error.errno in FULL:
            return Failure(_DISK_FULL, f"{error.errno}:{error.filename or ''}")
        return Failure(type(error).__name__, str(error))
    except Exception as error:  # one file's surprise must not cost the others
        return Failure(type(error).__name__, str(error))


def _checked(result: Made | Failure) -> Made | Failure:
    if isinstance(result, Failure) and result.type == _DISK_FULL:
        number, _, name = result.message.partition(":")
        raise full_disk(OSError(int(number), os.strerror(int(number))), name or "output")
    return result
