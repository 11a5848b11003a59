# SPDX-License-Identifier: MIT
"""Runs the scan on a Ray cluster: its machines decode and score, this one reads and writes.

Each Ray process keeps one worker process of its own, the same as on one machine: a file that
crashes or hangs it costs one row. A task whose machine is lost is tried again elsewhere. Every
machine needs this package and must see the inputs under the same paths (a shared folder, or
object storage). When not to use: on one machine, where ``--jobs`` starts faster.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from unsung.errors import MissingExtra, UnsungError, UsageError
from unsung.scanning.limits import TimeLimit
from unsung.scanning.pool import Item, lost
from unsung.scanning.process import Known, Worker, WorkerDied
from unsung.scanning.settings import Row, Stamp
from unsung.scanning.worker import Task

__all__ = ["LOCAL", "connect", "run"]

LOCAL = "local"
"""The address that starts a cluster on this machine and ends it after the scan."""

RETRIES = 3
"""How often a task is tried again whose process or machine is lost."""

PER_CORE = 3
"""Tasks handed to Ray for each core: one at work, one on the way, one in reserve."""


def run(
    items: Iterator[Item],
    address: str,
    jobs: int | None,
    init: Mapping[str, Any],
    stamp: Stamp,
    *,
    known: Known | None = None,
    time_s: float | None = None,
) -> Iterator[Row]:
    """Yield rows as they finish; a few tasks a core are under way, whatever the input's length.

    Args:
        items: numbered inputs, taken lazily; rows pass through.
        address: of the cluster's head (``host:port``, ``auto``), or "local".
        jobs: cores of a local cluster; None takes all.
        init: the arguments of `Scorer`.
        stamp: what rows carry that no machine lived to finish.
        known: answers whether a content is scored elsewhere; asked on this machine.
        time_s: a process that works longer on one file is killed and replaced.

    Raises:
        MissingExtra: no Ray.
        UsageError: no cluster answers at the address.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtra("ray", "cluster", "unsung scan --ray") from error
    connect(ray, address, jobs)
    try:
        yield from _Cluster(ray, init, stamp, known, time_s).rows(items)
    finally:
        ray.shutdown()


@dataclass(frozen=True)
class _Setting:
    """What all tasks of a scan have in common; it travels once to each machine."""

    init: Mapping[str, Any]
    stamp: Stamp
    time_s: float | None


class _Cluster:
    """The tasks under way; questions about contents come back as rows and go out again."""

    def __init__(
        self,
        ray: Any,
        init: Mapping[str, Any],
        stamp: Stamp,
        known: Known | None,
        time_s: float | None,
    ) -> None:
        self._ray, self._stamp, self._known = ray, stamp, known
        self._setting = ray.put(_Setting({**init, "asks": known is not None}, stamp, time_s))
        self._task = ray.remote(num_cpus=1, max_retries=RETRIES)(score_on_machine)
        self._claims = (
            ray.remote(num_cpus=0, max_concurrency=64)(Questions).remote()
            if known is not None
            else None
        )
        self._running: dict[Any, Task] = {}

    def rows(self, items: Iterator[Item]) -> Iterator[Row]:
        stop = threading.Event()
        answering = threading.Thread(target=self._answer, args=(stop,), daemon=True)
        if self._claims is not None:
            answering.start()
        try:
            yield from self._rows(items)
        finally:
            stop.set()
            if self._claims is not None:
                answering.join(timeout=5.0)

    def _rows(self, items: Iterator[Item]) -> Iterator[Row]:
        ended = False
        while not ended or self._running:
            while not ended and len(self._running) < self._room():
                item = next(items, None)
                if item is None:
                    ended = True
                elif isinstance(item, Row):
                    yield item
                else:
                    task = Task(*item)
                    sent = self._task.remote(task, self._setting, self._claims)
                    self._running[sent] = task
            if self._running:
                yield from self._finished()

    def _room(self) -> int:
        cores = self._ray.cluster_resources().get("CPU", 1.0)  # machines come and go
        return max(1, int(PER_CORE * cores))

    def _finished(self) -> Iterator[Row]:
        done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=5.0)
        for reference in done:
            task = self._running.pop(reference)
            try:
                yield self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                raise UnsungError(f"the cluster cannot score: {error.cause}") from error
            except self._ray.exceptions.RayError as error:
                why = f"lost {RETRIES + 1} times on the cluster ({type(error).__name__})"
                yield lost(task, self._stamp, WorkerDied(f"{why}; scan the file alone"))

    def _answer(self, stop: threading.Event) -> None:
        """Answer the machines' questions until the scan ends."""
        assert self._known is not None and self._claims is not None
        answers: dict[tuple[int, str], bool] = {}
        while not stop.is_set():
            try:
                asked = self._ray.get(self._claims.exchange.remote(answers, 0.5))
            except self._ray.exceptions.RayError:
                return  # shut down, or the actor's machine is lost: tasks then score what they hold
            answers = {question: self._known(*question) for question in asked}


class Questions:
    """An actor that carries questions from the machines to the scan, and answers back."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked: list[tuple[int, str]] = []
        self._answers: dict[tuple[int, str], bool] = {}

    def known(self, index: int, sha256: str) -> bool:
        """Ask and wait for the answer; without one in a minute the asker scores for itself."""
        question = (index, sha256)
        with self._changed:
            self._asked.append(question)
            self._changed.notify_all()
            self._changed.wait_for(lambda: question in self._answers, timeout=60.0)
            return self._answers.pop(question, False)

    def exchange(
        self, answers: dict[tuple[int, str], bool], wait_s: float
    ) -> list[tuple[int, str]]:
        """Take answers; return the questions that came since, after a moment at most."""
        with self._changed:
            self._answers.update(answers)
            self._changed.notify_all()
            self._changed.wait_for(lambda: bool(self._asked), timeout=wait_s)
            asked, self._asked = self._asked, []
            return asked


_worker: dict[int, Worker] = {}
"""The worker process of this Ray process; it lives as long, and ends with it."""


def score_on_machine(task: Task, setting: _Setting, claims: Any) -> Row:
    """Score one track in this machine's worker process; the name is what Ray shows."""
    worker = _worker.get(0)
    if worker is None or not worker.alive:
        worker = _worker[0] = Worker(_asker(claims), setting.time_s)
        worker.greet(setting.init)
    try:
        return worker.ask(task)
    except (WorkerDied, TimeLimit) as error:
        _worker.clear()
        return lost(task, setting.stamp, error, worker.claimed)


def _asker(claims: Any) -> Known | None:
    if claims is None:
        return None
    import ray

    def known(index: int, sha256: str) -> bool:
        try:
            return bool(ray.get(claims.known.remote(index, sha256)))
        except ray.exceptions.RayError:
            return False  # nobody answers: score it; the store then keeps both rows

    return known


def connect(ray: Any, address: str, jobs: int | None) -> None:
    """Start a cluster of this machine, or join the one at an address; quietly.

    Raises:
        UsageError: nothing answers at the address.
    """
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        ray.init(address=LOCAL, num_cpus=jobs, include_dashboard=False, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"--ray {address}: no Ray cluster answers there ({error}); give the address that "
            "`ray start --head` printed, or 'local'"
        ) from error
