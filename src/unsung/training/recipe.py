# SPDX-License-Identifier: MIT
"""Reads a recipe: all that decides a training run, from one TOML file into frozen records.

    name = "residual-linear"
    detector = "residual_linear"
    [data]
    manifests = ["music.csv"]
    fold = "0"
    [optimiser]
    lr = 1e-3
    [run]
    epochs = 20

Signature defaults → TOML → ``--set key=value``; an unknown key is an error with the near name. A
recipe that ships names no data: ``--data`` does. Lengths ``_s`` are seconds, rates ``_hz`` Hz.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unsung.core.settings import built, replaced
from unsung.errors import UnknownName, UsageError
from unsung.training.settings import (
    Augment,
    Calibrate,
    Data,
    Distortion,
    Loss,
    Optimiser,
    Round,
    Run,
    Schedule,
    Slurm,
)
from unsung.types import Record

__all__ = ["Recipe", "find_recipe", "load_recipe", "recipe_names"]

SAME_WEIGHTS = (
    "summary", "slurm", "grid", "sets", "calibrate", "data.cache", "data.jobs", "data.store",
    "run.checkpoint_steps", "run.device", "run.minutes", "run.patience", "run.tensorboard",
)  # fmt: skip
"""Keys that change no step: a checkpoint goes on under another value of them."""


@dataclass(frozen=True)
class Recipe(Record):
    """One training run.

    Attributes:
        options: arguments of the detector's constructor.
        weights: safetensors or a checkpoint (read without executing anything) to start from.
        skip_weights: beginnings of names in that file that are left as initialised (a head of
            another size).
        stage: what learns, for detectors trained in stages; last_layers: how many, where it counts.
        distortions: name → distortion.
        sets: name → distortions of a test set; the plain test is always measured.
        rounds: rounds of iterative learning; none: one run with ``augment.distortions``.
        grid: key of this file → values; all combinations are trained.
    """

    name: str
    detector: str
    summary: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    weights: str = ""
    skip_weights: tuple[str, ...] = ()
    stage: str = ""
    last_layers: int = 2
    data: Data = field(default_factory=Data)
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    loss: Loss = field(default_factory=Loss)
    augment: Augment = field(default_factory=Augment)
    run: Run = field(default_factory=Run)
    calibrate: Calibrate = field(default_factory=Calibrate)
    slurm: Slurm = field(default_factory=Slurm)
    distortions: dict[str, Distortion] = field(default_factory=dict)
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        used = [*self.augment.distortions, *(n for r in self.rounds for n in r.distortions)]
        for name in [*used, *(n for names in self.sets.values() for n in names)]:
            if name not in self.distortions:
                raise UnknownName("distortion in this recipe", name, self.distortions)
        for name in ("clean", "valid"):
            if name in self.sets:
                raise UsageError(f"sets: '{name}' is measured anyway; call this set otherwise")
        parts = self.optimiser.accumulate * self.run.processes
        if self.run.batch % parts:
            raise UsageError(
                f"run.batch: expected a multiple of accumulate × processes = {parts}, got "
                f"{self.run.batch}; every part of a step holds as many windows"
            )

    @property
    def sha256(self) -> str:
        """Hash of all that changes weights: what a checkpoint belongs to."""
        values = self.to_dict()
        for key in SAME_WEIGHTS:
            table, _, name = key.rpartition(".")
            (values[table] if table else values).pop(name)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Recipe:
        """Build a recipe from `to_dict` values or TOML; a wrong key names the nearest."""
        return built(cls, values, "")

    def with_settings(self, settings: Sequence[str]) -> Recipe:
        """Return the recipe with ``key=value`` settings: ``optimiser.lr=1e-4``."""
        return built(Recipe, replaced(self.to_dict(), settings), "")


def load_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe file; paths in it are relative to where the program runs.

    Raises:
        UsageError: not TOML, a needed key is missing, or a value does not fit.
        UnknownName: an unknown key, with the nearest known one.
    """
    try:
        values: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error})") from error
    return built(Recipe, replaced(dict(values), settings), "")


def recipe_names() -> dict[str, Path]:
    """Return name → file of the recipes here and beside the source code."""
    beside = Path(__file__).resolve().parents[3] / "recipes"
    folders = (beside, Path("recipes").resolve())
    return {p.stem: p for folder in folders for p in sorted(folder.glob("*.toml"))}


def find_recipe(name: str) -> Path:
    """Return a recipe's file, given by its name or its path.

    Raises:
        UnknownName: no recipe of that name.
        UsageError: no such file.
    """
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise UsageError(f"{name}: no such recipe; `unsung train` lists those that ship")
        return Path(name)
    known = recipe_names()
    if name not in known:
        raise UnknownName("recipe", name, known)
    return known[name]
