# SPDX-License-Identifier: MIT
"""Scores an experiment on a Ray cluster: a task a track, tried again when its process is lost.

Every machine of the cluster needs this package and must see the same folders. When not to use: on
one machine; processes (`--jobs`) start faster and hand rows out cell by cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from unsung.errors import MissingExtra
from unsung.reproduce.detectors import Detector
from unsung.reproduce.plan import Job
from unsung.reproduce.pool import Crew, Row, died
from unsung.reproduce.worker import score_job
from unsung.scanning.on_ray import LOCAL, connect

__all__ = ["LOCAL", "ray_crew"]

RETRIES = 3
"""How often a task is tried again whose process or machine is lost."""

IN_FLIGHT = 512
"""Tasks handed to Ray at once; more would only fill its object store."""


def ray_crew(address: str, processes: int | None = None) -> Crew:
    """Return a crew of Ray tasks.

    Args:
        address: of the cluster's head (``host:port``, ``auto``), or "local".
        processes: tasks at the same time, for a local cluster only; None takes every core.

    Raises:
        MissingExtra: no Ray.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtra("ray", "cluster", "unsung reproduce --ray") from error

    def crew(missing: Sequence[Job], detectors: Sequence[Detector]) -> Iterator[Row]:
        connect(ray, address, processes)
        try:
            yield from _work(ray, missing, detectors)
        finally:
            ray.shutdown()

    return crew


def _work(ray: Any, missing: Sequence[Job], detectors: Sequence[Detector]) -> Iterator[Row]:
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(score_track)
    shared = ray.put(list(detectors))
    waiting = iter(missing)
    running: dict[Any, Job] = {}
    while True:
        while len(running) < IN_FLIGHT and (job := next(waiting, None)) is not None:
            running[task.remote(job, shared)] = job
        if not running:
            return
        (done, *_), _ = ray.wait(list(running), num_returns=1)
        job = running.pop(done)
        try:
            rows = ray.get(done)
        except ray.exceptions.RayError as error:
            how = f"was lost {RETRIES + 1} times on the cluster ({type(error).__name__})"
            rows = list(died(job, detectors, set(), how))
        yield from rows


def score_track(job: Job, detectors: Sequence[Detector]) -> list[Row]:
    """Score one track; the name is what Ray shows of the process."""
    return list(score_job(job, detectors))
