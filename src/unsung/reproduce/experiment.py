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

import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from unsung.attacks import parse
from unsung.errors import UnknownName, UsageError
from unsung.reproduce.metrics import DEFAULT_METRICS, METRICS
from unsung.types import Experiment, Label, Record

__all__ = ["CLEAN", "Selection", "Study", "conditions", "find", "folders", "load"]

CLEAN = "clean"
"""Name of the condition without any attack."""

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
)
_GRID_KEYS = ("attack", "strength", "then")
_EXPECTED_KEYS = ("condition", "metric", "value", "tolerance", "source", "detector")


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
class Study(Record):
    """An experiment with its choice of tracks, before any file is opened."""

    experiment: Experiment
    select: Selection = field(default_factory=Selection)

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
        for text in settings:
            _set(values, text)
        return _study(values)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error})") from error
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: a value has the wrong type ({error})") from error


def _set(values: dict[str, Any], text: str) -> None:
    key, equals, word = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set: expected key=value, got '{text}'; for example select.n_ai=10")
    try:
        value = tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError:
        value = word.strip()
    *tables, last = key.strip().split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise UsageError(f"--set {text}: '{table}' is no table; give the whole list in TOML")
    values[last] = value


def _study(values: Mapping[str, Any]) -> Study:
    _known("key in an experiment", values, _KEYS)
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
    chains = tuple(conditions(values.get("attacks", ()), values.get("grid", ())))
    experiment = Experiment(
        name=str(values["name"]),
        question=str(values["question"]).strip(),
        manifests={str(k): str(v) for k, v in values["manifests"].items()},
        split=str(values.get("split", "")),
        detectors=tuple(values["detectors"]),
        attacks=chains,
        metrics=metrics,
        seeds=seeds,
        expected=_expected(values.get("expected", ()), (CLEAN, *chains)),
    )
    return Study(experiment, Selection.from_dict(values.get("select", {})))


def conditions(chains: Sequence[str], grids: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield every chain once, in its canonical spelling; lists in a grid make the product.

    >>> list(conditions(["mp3"], [{"attack": "gain", "strength": [6, -6]}]))
    ['mp3@64', 'gain@6', 'gain@-6']
    """
    texts = list(chains)
    for grid in grids:
        _known("key in a grid", grid, _GRID_KEYS)
        if "attack" not in grid:
            raise UsageError(f"expected the key 'attack' in a grid, got {', '.join(grid) or '{}'}")
        lists = [_many(grid.get(key)) for key in _GRID_KEYS]
        for attack, strength, then in itertools.product(*lists):
            text = attack if strength is None else f"{attack}@{strength}"
            texts.append(f"{text}+{then}" if then else text)
    yield from dict.fromkeys(str(parse(text)) for text in texts)


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _expected(rows: Sequence[Mapping[str, Any]], known: Sequence[str]) -> dict[str, Any]:
    found = {}
    for row in rows:
        _known("key of an expected value", row, _EXPECTED_KEYS)
        for key in ("metric", "value", "source"):
            if key not in row:
                raise UsageError(f"expected: the key '{key}' is missing in {dict(row)}")
        condition = str(row.get("condition", CLEAN))
        condition = condition if condition == CLEAN else str(parse(condition))
        if condition not in known:
            raise UnknownName("condition of this experiment", condition, known)
        value, tolerance = float(row["value"]), float(row.get("tolerance", 0.05))
        if not (math.isfinite(value) and tolerance >= 0):
            raise UsageError(f"expected: value {value} ± {tolerance} for {condition} is no range")
        metric, detector = str(row["metric"]), str(row.get("detector", ""))
        found[f"{condition} {metric} {detector}".strip()] = {
            "condition": condition,
            "metric": metric,
            "detector": detector,
            "value": value,
            "tolerance": tolerance,
            "source": str(row["source"]),
        }
    return found


def _known(kind: str, values: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in values:
        if key not in known:
            raise UnknownName(kind, key, known)
