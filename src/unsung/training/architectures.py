# SPDX-License-Identifier: MIT
"""Trains every recipe within one small budget on the same pages, for a comparison of detectors.

    python -m unsung.training.architectures --data music.csv --out crews
    unsung reproduce architectures --data music=crews/test.jsonl --data crossfit=crews

A budget file says which folds of pages all recipes leave out, and what ``--set`` cuts each recipe
down to. A recipe is one process of one thread; what is done is skipped, and a killed recipe goes on
from its checkpoint. ``crews/NAME/fold-0`` is then the bundle that has not heard fold 0, as the
experiments' ``crossfit:NAME`` wants it. When not to use: to train a detector that is to be used.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unsung.data import read_manifest
from unsung.data.manifests import write_manifest
from unsung.errors import UnknownName, UnsungError, UsageError
from unsung.text import parse_json
from unsung.training.recipe import Recipe, find_recipe, load_recipe, recipe_names
from unsung.types import Record

__all__ = ["Budget", "Trained", "budget_file", "main", "read_budget", "resolved", "train_all"]

RECORD = "architecture.json"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Cut(Record):
    """Settings of one line of a budget; ``recipe`` where the line is a variant of another name."""

    set: tuple[str, ...] = ()
    recipe: str = ""


@dataclass(frozen=True)
class Budget(Record):
    """What recipes may use.

    Attributes:
        left_out: folds that no recipe hears; each is later scored by a bundle without it.
        set: ``key=value`` for every recipe.
        recipes: recipe, or name of a variant → its own settings, in the order of training.
    """

    left_out: tuple[str, ...]
    set: tuple[str, ...] = ()
    recipes: dict[str, Cut] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained(Record):
    """One finished recipe: ``heard_s`` is the sound of all steps, ``cpu_s`` of the last attempt."""

    name: str
    detector: str
    cpu_s: float
    heard_s: float
    steps: int
    tracks: dict[str, int]
    settings: tuple[str, ...]
    recipe_sha256: str
    error: str = ""


def main(argv: Sequence[str] | None = None) -> None:
    """Train all recipes of a budget from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument("--out", type=Path, required=True, help="folder for bundles and runs")
    parser.add_argument(
        "--budget", type=Path, default=None, help="TOML; by default the one shipped"
    )
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="decoded sound")
    parser.add_argument("--only", nargs="*", default=(), metavar="RECIPE", help="these alone")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    budget = read_budget(given.budget or budget_file())
    if given.one:
        train_one(given.one, budget, given.out, given.cache)
        return
    for done in train_all(given.data, budget, given.out, given, only=given.only):
        print(_line(done), flush=True)


def budget_file() -> Path:
    """Return the budget that ships beside the recipes."""
    return Path(__file__).resolve().parents[3] / "recipes" / "budgets" / "architectures.toml"


def read_budget(path: Path) -> Budget:
    """Read a budget.

    Raises:
        UsageError: no TOML, or without folds to leave out.
        UnknownName: it names a recipe that is none.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error})") from error
    folds = tuple(str(fold) for fold in values.get("left_out", ()))
    if not folds:
        raise UsageError(f"{path}: expected left_out = [folds], got none; nothing would be unheard")
    known = recipe_names()
    cuts = {
        name: Cut(tuple(table.get("set", ())), str(table.get("recipe", "")))
        for name, table in values.get("recipes", {}).items()
    }
    for name, cut in cuts.items():
        if (cut.recipe or name) not in known:
            raise UnknownName("recipe in the budget", cut.recipe or name, known)
    return Budget(folds, tuple(values.get("set", ())), cuts)


def resolved(name: str, budget: Budget, manifest: Path, cache: Path) -> Recipe:
    """Return a recipe as the budget cuts it down, on a manifest without the folds left out."""
    cut = budget.recipes[name]
    recipe = load_recipe(find_recipe(cut.recipe or name), [*budget.set, *cut.set])
    data = replace(recipe.data, manifests=(str(manifest),), fold="", cache=str(cache))
    return replace(recipe, data=data, grid={})


def train_all(
    table: Path, budget: Budget, out: Path, given: Any, only: Sequence[str] = ()
) -> Iterator[Trained]:
    """Train what is missing, each recipe in a process of its own; a failure is a row.

    Args:
        table: rows with their fold.
        budget: which recipes, and what each may use.
        out: ``NAME/fold-K`` (bundles), ``runs/NAME``, ``train.jsonl``, ``test.jsonl``.
        given: the parsed command line, passed on to each process.
        only: names of the recipes to train; all without.

    Raises:
        UnknownName: ``only`` names a recipe that the budget does not, or a fold is not there.
    """
    for name in only:
        if name not in budget.recipes:
            raise UnknownName("recipe in the budget", name, budget.recipes)
    write_parts(table, budget, out)
    for name in only or budget.recipes:
        record = out / "runs" / name / RECORD
        if not record.exists():
            said = _in_a_process(name, out, given)
            if not record.exists():
                nothing = {"train": 0, "valid": 0}
                yield Trained(name, "", 0.0, 0.0, 0, nothing, (), "", said)
                continue
        yield Trained.from_dict(parse_json(record.read_text(encoding="utf-8")))


def write_parts(table: Path, budget: Budget, out: Path) -> None:
    """Write the manifests of what is heard and of what is left out.

    Raises:
        UnknownName: a fold to leave out that the table does not have.
    """
    tracks = list(read_manifest(table))
    folds = {track.split for track in tracks}
    for fold in budget.left_out:
        if fold not in folds:
            raise UnknownName("fold in the table", fold, folds - {""})
    out.mkdir(parents=True, exist_ok=True)
    heard = [replace(t, split="") for t in tracks if t.split not in budget.left_out]
    unheard = [t for t in tracks if t.split in budget.left_out]
    write_manifest(out / "train.jsonl", "train", "1", heard)
    write_manifest(out / "test.jsonl", "test", "1", unheard)


def train_one(name: str, budget: Budget, out: Path, cache: Path) -> None:
    """Train one recipe in this process and write its record."""
    import torch

    from unsung.training.exporting import last_round
    from unsung.training.run import run_recipe

    torch.set_num_threads(1)
    recipe = resolved(name, budget, out / "train.jsonl", cache)
    folder = out / "runs" / name
    began = time.process_time()
    summary = run_recipe(recipe, folder)
    cpu_s = time.process_time() - began
    steps, heard_s = _heard(folder, recipe, summary)
    done = Trained(
        name, recipe.detector, round(cpu_s, 1), round(heard_s, 1), steps,
        {k: n for k, n in summary["tracks"].items() if k != "test"},
        (*budget.set, *budget.recipes[name].set), recipe.sha256,
    )  # fmt: skip
    _link(last_round(folder) / "bundle", name, budget, out)
    text = json.dumps(done.to_dict(), indent=1) + "\n"
    (folder / RECORD).write_text(text, encoding="utf-8")


def _heard(folder: Path, recipe: Recipe, summary: Mapping[str, Any]) -> tuple[int, float]:
    """Return steps and seconds of sound in all rounds; a closed form hears its windows once."""
    window_s = recipe.data.window_s or _window_s(recipe)
    logs = [folder / "steps.csv", *folder.glob("round-*/steps.csv")]
    steps = sum(len(log.read_text("utf-8").splitlines()) - 1 for log in logs if log.exists())
    if recipe.optimiser.name == "closed_form":
        return 0, summary["tracks"]["train"] * recipe.data.windows * window_s
    return steps, steps * recipe.run.batch * window_s


def _window_s(recipe: Recipe) -> float:
    from unsung.training.prepare import build_detector

    return float(build_detector(replace(recipe, stage="")).window_s)


def _in_a_process(name: str, out: Path, given: Any) -> str:
    """Run one recipe in a fresh interpreter of one thread; return why it ended without a record."""
    command = [sys.executable, "-m", "unsung.training.architectures", "--one", name]
    command += ["--data", str(given.data), "--out", str(out), "--cache", str(given.cache)]
    command += ["--budget", str(given.budget)] if given.budget else []
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"ended with code {ended.returncode}"


def _link(bundle: Path, name: str, budget: Budget, out: Path) -> None:
    """Let ``NAME/fold-K`` be the run's bundle for each fold that the run has not heard."""
    if not (bundle / "bundle.json").exists():
        return
    (out / name).mkdir(exist_ok=True)
    for fold in budget.left_out:
        place = out / name / f"fold-{fold}"
        place.unlink(missing_ok=True)
        place.symlink_to(os.path.relpath(bundle, out / name))


def _line(done: Trained) -> str:
    if done.error:
        return f"{done.name}: not trained ({done.error})"
    return f"{done.name}: {done.steps} steps, {done.heard_s:.0f} s of sound, {done.cpu_s:.0f} s CPU"


if __name__ == "__main__":
    try:
        main()
    except UnsungError as error:
        sys.exit(str(error))
