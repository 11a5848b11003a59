# SPDX-License-Identifier: MIT
"""Reads an experiment's TOML file, once, into a frozen record; unknown keys are errors.

    name = "tempo-pitch"
    question = "Do key and tempo change the verdict?"
    detectors = ["default"]
    attacks = ["mp3@64", "pitch_shift@2+time_stretch@1.1"]
    [manifests]
    music = "music.csv"
    [select]
    n_human = 60
    [[grid]]
    attack = "pitch_shift"
    strength = [-2, -1, 1, 2]
    [[expected]]
    condition = "clean"
    metric = "auc"
    value = 0.97
    tolerance = 0.02
    source = "the paper, table 2"

A list in a grid makes the product. The clean sound is always a condition.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from unsung.core.settings import replaced
from unsung.errors import UnknownName, UsageError
from unsung.reproduce.conditions import CLEAN, conditions, expected, known_keys
from unsung.reproduce.groupings import GROUPINGS
from unsung.reproduce.metrics import DEFAULT_METRICS, METRICS
from unsung.reproduce.requires import absent_attacks
from unsung.types import Experiment, Label, Record

__all__ = ["Selection", "Slurm", "Study", "find", "folders", "load"]

_KEYS = (
    "name",
    "question",
    "manifests",
    "split",
    "detectors",
    "attacks",
    "metrics",
    "seeds",
    "select",
    "grid",
    "expected",
    "groupings",
    "limits",
    "requires",
    "slurm",
)


@dataclass(frozen=True)
class Selection(Record):
    """Which tracks are measured, and which part of each.

    Attributes:
        labels: labels taken; human ones are the negatives, all others the positives.
        uses: values of the manifest's `use` taken; empty takes all.
        families: families (or generators) of positives taken; empty takes all.
        n_human: number of human tracks, spread over groups; None takes all.
        n_ai: number of the others, spread over families; None takes all.
        per_generator: at most so many of each family; None sets no limit.
        seed: seed of what is drawn.
        middle_s: seconds around each track's middle; None takes the whole track.
    """

    labels: tuple[str, ...] = ("human", "ai")
    uses: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    n_human: int | None = None
    n_ai: int | None = None
    per_generator: int | None = None
    seed: int = 0
    middle_s: float | None = 10.0

    def __post_init__(self) -> None:
        for label in self.labels:
            if label not in get_args(Label):
                raise UnknownName("label", label, get_args(Label))
        for name in ("n_human", "n_ai", "per_generator"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise UsageError(f"select.{name}: expected a whole number from 1 on, got {value!r}")
        if self.middle_s is not None and not self.middle_s > 0:
            raise UsageError(f"select.middle_s: expected seconds above 0, got {self.middle_s!r}")


@dataclass(frozen=True)
class Slurm(Record):
    """How `--slurm` asks for machines; none of it changes a score.

    Attributes:
        jobs: jobs in all; each scores a slice of the tracks.
        parallel: jobs that may run at the same time.
        partition: Slurm partition; empty takes the cluster's default.
        time_min: minutes a job may run; what it scored until then is kept.
        memory_gb: memory of a job.
        cpus: processor cores of a job; each scores tracks of its own.
        account: Slurm account; empty takes the user's default.
        cluster: "slurm", or "local" to run the same jobs as processes of this machine.
        attempts: how often cells of jobs that ended early are submitted again.
    """

    jobs: int = 8
    parallel: int = 64
    partition: str = ""
    time_min: int = 120
    memory_gb: float = 4.0
    cpus: int = 1
    account: str = ""
    cluster: str = "slurm"
    attempts: int = 2

    def __post_init__(self) -> None:
        for name in ("jobs", "parallel", "time_min", "cpus", "attempts"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"slurm.{name}: expected a whole number from 1 on, got {value!r}")
        if not self.memory_gb > 0:
            raise UsageError(f"slurm.memory_gb: expected GB above 0, got {self.memory_gb!r}")
        if self.cluster not in ("slurm", "local"):
            raise UnknownName("cluster", self.cluster, ("slurm", "local"))


@dataclass(frozen=True)
class Study(Record):
    """An experiment with its choice of tracks, before any file is opened.

    Attributes:
        experiment: question, detectors, attacks, metrics, seeds.
        select: which tracks.
        groupings: kinds of generator groups with result rows of their own: "family", "generator".
        limits: what a reader must know before relying on the numbers.
        requires: capabilities it waits for, as ``kind/name``.
        slurm: settings of `--slurm`.
        settings: ``key=value`` that replaced values of the file, those of `slurm` left out.
    """

    experiment: Experiment
    select: Selection = field(default_factory=Selection)
    groupings: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    slurm: Slurm = field(default_factory=Slurm)
    settings: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """The clean sound, then every chain of attacks."""
        return (CLEAN, *self.experiment.attacks)


def folders() -> list[Path]:
    """Return where experiments are looked for: here, then beside the source code."""
    beside = Path(__file__).resolve().parents[3] / "experiments"
    return list(dict.fromkeys([Path("experiments").resolve(), beside]))


def find(name: str) -> Path:
    """Return the file of an experiment given by its name or its path.

    Raises:
        UnknownName: no such experiment; the message suggests the nearest.
        UsageError: no such file.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"{name}: no such file; `unsung reproduce` lists the experiments")
        return path
    known = {p.stem: p for folder in reversed(folders()) for p in sorted(folder.glob("*.toml"))}
    if name not in known:
        raise UnknownName("experiment", name, known)
    return known[name]


def load(path: Path, settings: Sequence[str] = ()) -> Study:
    """Read an experiment file; `settings` such as ``select.n_ai=10`` replace its values.

    Raises:
        UsageError: not TOML, a needed key is missing or a value does not fit.
        UnknownName: an unknown key, attack, metric or label, with the nearest known one.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        replaced(values, settings)
        kept = tuple(text for text in settings if not text.strip().startswith("slurm."))
        return replace(_study(values), settings=kept)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error})") from error
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: a value has the wrong type ({error})") from error


def _study(values: Mapping[str, Any]) -> Study:
    known_keys("key in an experiment", values, _KEYS)
    for key in ("name", "question", "manifests", "detectors"):
        if not values.get(key):
            raise UsageError(f"expected the key '{key}' in the experiment; add it")
    metrics = tuple(values.get("metrics", DEFAULT_METRICS))
    for metric in metrics:
        if metric not in METRICS:
            raise UnknownName("metric", metric, METRICS)
    seeds = tuple(int(seed) for seed in values.get("seeds", (0,)))
    if not seeds:
        raise UsageError("seeds: expected at least one seed, got an empty list; write seeds = [0]")
    for grouping in values.get("groupings", ()):
        if grouping not in GROUPINGS:
            raise UnknownName("grouping", grouping, GROUPINGS)
    requires = tuple(values.get("requires", ()))
    absent = absent_attacks(requires)
    chains = tuple(conditions(values.get("attacks", ()), values.get("grid", ()), absent))
    experiment = Experiment(
        name=str(values["name"]),
        question=str(values["question"]).strip(),
        manifests={str(k): str(v) for k, v in values["manifests"].items()},
        split=str(values.get("split", "")),
        detectors=tuple(values["detectors"]),
        attacks=chains,
        metrics=metrics,
        seeds=seeds,
        expected=expected(values.get("expected", ()), (CLEAN, *chains), absent),
    )
    return Study(
        experiment,
        Selection.from_dict(values.get("select", {})),
        groupings=tuple(values.get("groupings", ())),
        limits=tuple(str(text) for text in values.get("limits", ())),
        requires=requires,
        slurm=Slurm.from_dict(values.get("slurm", {})),
    )
