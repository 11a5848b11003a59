# SPDX-License-Identifier: MIT
"""The parts of a scan on Ray that run on the cluster: desk, source of numbers, scoring.

The desk is an actor beside the scan. It holds the tasks that are under way and carries the
machines' questions to the scan. Between the steps of the pipeline only the tasks' numbers travel,
so that a step that Ray runs again meets the same ones. Nothing here is of use outside
`unsung.scanning.on_ray`.
"""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from unsung.errors import UnsungError
from unsung.scanning.limits import TimeLimit
from unsung.scanning.pool import lost
from unsung.scanning.process import Known, Worker, WorkerDied, started
from unsung.scanning.settings import Row, Stamp
from unsung.scanning.worker import Task

__all__ = ["RETRIES", "Desk", "Setting", "numbers", "score"]

RETRIES = 3
"""How often a file is tried again whose process or machine is lost."""


@dataclass(frozen=True)
class Setting:
    """What all tasks of a scan have in common; it travels once to each machine."""

    init: Mapping[str, Any]
    stamp: Stamp
    time_s: float | None


class Desk:
    """Holds the numbered tasks under way, counts their tries, and passes questions on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tasks: dict[int, Task] = {}
        self._given = 0
        self._ended = False
        self._tries: Counter[int] = Counter()
        self._claimed: dict[int, str] = {}  # index of a task -> hash of the content it took on
        self._asked: list[tuple[int, str]] = []
        self._answers: dict[tuple[int, str], bool] = {}

    def put(self, number: int, task: Task) -> None:
        """Lay out the next task; numbers go up by one."""
        with self._changed:
            self._tasks[number] = task
            self._given = number + 1
            self._changed.notify_all()

    def end(self) -> None:
        """Say that no task comes any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, number: int) -> bool:
        """Wait until this task lies or lay here; False when the tasks end before it."""
        with self._changed:
            self._changed.wait_for(lambda: number < self._given or self._ended)
            return number < self._given

    def begin(self, number: int) -> tuple[Task, int, str] | None:
        """Return a task, how often it was begun and what it claimed then; None if it is done."""
        with self._changed:
            task = self._tasks.get(number)
            if task is None:
                return None
            self._tries[number] += 1
            return task, self._tries[number], self._claimed.get(task.index, "")

    def done(self, number: int) -> None:
        """Forget a task whose row is back."""
        with self._changed:
            self._tries.pop(number, None)
            if (task := self._tasks.pop(number, None)) is not None:
                self._claimed.pop(task.index, None)

    def known(self, index: int, sha256: str) -> bool:
        """Ask and wait for the answer; without one in a minute the asker scores for itself."""
        question = (index, sha256)
        with self._changed:
            self._asked.append(question)
            self._changed.notify_all()
            self._changed.wait_for(lambda: question in self._answers, timeout=60.0)
            known = self._answers.pop(question, False)
            if not known:
                self._claimed[index] = sha256
            return known

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


def numbers(row: Mapping[str, int], desk: Any) -> Iterator[dict[str, int]]:
    """Yield the tasks' numbers, from one to before another, each when its task lies on the desk."""
    import ray

    for number in range(row["first"], row["end"]):
        if not ray.get(desk.wait.remote(number)):
            return
        yield {"number": number}


def score(row: Mapping[str, int], setting: Setting, desk: Any) -> list[dict[str, Any]]:
    """Score a task in this machine's worker process; a list without it if its row is back already.

    In place of the row stands, as text, why this machine cannot score at all.
    """
    import ray

    begun = ray.get(desk.begin.remote(row["number"]))
    if begun is None:
        return []
    try:
        task, tries, claimed = begun
        found: Row | str = _row(task, tries, claimed, setting, desk)
    except UnsungError as error:
        found = str(error)
    return [{"number": row["number"], "row": pickle.dumps(found)}]


_worker: dict[int, Worker] = {}
"""The worker process of this Ray process; it lives as long, and ends with it."""


def _row(task: Task, tries: int, claimed: str, setting: Setting, desk: Any) -> Row:
    if tries > RETRIES + 1:
        why = f"lost {tries - 1} times on the cluster with the process or machine that held it"
        return lost(task, setting.stamp, WorkerDied(f"{why}; scan the file alone"), claimed)
    worker = _worker.get(0)
    try:
        if worker is None or not worker.alive:
            worker = None
            worker = _worker[0] = started(
                lambda: Worker(_asker(desk, setting), setting.time_s), setting.init
            )
        return worker.ask(task)
    except (WorkerDied, TimeLimit) as error:
        _worker.clear()
        return lost(task, setting.stamp, error, worker.claimed if worker else "")


def _asker(desk: Any, setting: Setting) -> Known | None:
    if not setting.init["asks"]:
        return None
    import ray

    def known(index: int, sha256: str) -> bool:
        try:
            return bool(ray.get(desk.known.remote(index, sha256)))
        except ray.exceptions.RayError:
            return False  # nobody answers: score it; the store then keeps both rows

    return known
