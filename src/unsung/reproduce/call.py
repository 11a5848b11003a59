# SPDX-License-Identifier: MIT
"""One call of `unsung reproduce`: where the data are, who scores, and one experiment or all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unsung.errors import UnknownName, UnsungError, UsageError
from unsung.reproduce.experiment import Study, load
from unsung.reproduce.on_ray import ray_crew
from unsung.reproduce.pool import Crew
from unsung.reproduce.requires import check_requires
from unsung.reproduce.run import Progress
from unsung.reproduce.select import known_data
from unsung.reproduce.slurm import SlurmCrew
from unsung.reproduce.study import experiments, reproduce
from unsung.types import Result

__all__ = ["Call", "SomeFailed", "run_all", "run_one"]

OnProgress = Callable[[Progress], None]
Done = tuple[Path, list[Result]]


class SomeFailed(UnsungError):
    """Some of several experiments failed; their messages were said when it happened."""


@dataclass(frozen=True)
class Call:
    """What a call says beside the experiment.

    Attributes:
        data: path of each manifest (and of bundles) by its name.
        settings: ``key=value`` that replace values of the file.
        jobs: processes of this machine; None takes one a core.
        slurm: score as Slurm jobs.
        ray: address of a Ray cluster, "local" for one of this machine; empty does without.
        limit: at most so many tracks.
    """

    data: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    jobs: int | None = None
    slurm: bool = False
    ray: str = ""
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.slurm and self.ray:
            raise UsageError("expected --slurm or --ray, got both; give one of them")


def run_one(path: Path, out: Path | None, results: Path, call: Call, on: OnProgress) -> Done:
    """Run the experiment of a file; its folder is `out`, or its name below `results`."""
    study = load(path, call.settings)
    folder = out or results / study.experiment.name
    return folder, _run(study, folder, call, call.data, on)


def run_all(
    name: str,
    results: Path,
    call: Call,
    progress: Callable[[], OnProgress],
    say: Callable[[str], object],
) -> Iterator[Done]:
    """Run every experiment that does not wait for something, by name, and say which do.

    Raises:
        UsageError: a name was given too.
        UnknownName: a data set that no experiment knows.
        SomeFailed: some experiments ended with an error; the others are done.
    """
    if name:
        raise UsageError(f"expected a name or --all, got both ('{name}'); give one of them")
    found = experiments(results)
    studies = {item.name: load(item.path, call.settings) for item in found}
    known = {key for study in studies.values() for key in known_data(study)}
    for key in call.data:
        if key not in known:
            raise UnknownName("data set of any experiment", key, known)
    failed: list[str] = []
    for item in found:
        study = studies[item.name]
        own = {key: path for key, path in call.data.items() if key in known_data(study)}
        try:
            check_requires(item.name, study.requires, own)
        except UsageError:
            say(f"{item.name}: left out, {item.state}")
            continue
        say(f"{item.name}:")
        folder = results / item.name
        try:
            yield folder, _run(study, folder, call, own, progress())
        except UnsungError as error:
            say(f"{item.name}: {error}")
            failed.append(item.name)
    if failed:
        raise SomeFailed(f"{len(failed)} of {len(found)} experiments failed: {', '.join(failed)}")


def _run(
    study: Study, folder: Path, call: Call, data: Mapping[str, str], on: OnProgress
) -> list[Result]:
    from unsung.scanning.pool import cores

    crew: Crew | None = None
    wait = None
    if call.slurm:
        check_requires(study.experiment.name, study.requires, data)
        crew = cluster = SlurmCrew(study.slurm, folder / "scores.jsonl")
        wait = cluster.wait
    elif call.ray:
        crew = ray_crew(call.ray, call.jobs)
    return reproduce(
        study,
        folder,
        data=data,
        crew=crew,
        wait=wait,
        jobs=call.jobs or cores(),
        limit=call.limit,
        on_progress=on,
    )
