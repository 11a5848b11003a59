# SPDX-License-Identifier: MIT
"""What `unsung train` asks for, carried out: the story behind the verb."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unsung.core.settings import parsed
from unsung.errors import MissingExtra, UsageError
from unsung.outputs import output_folder
from unsung.training.logs import OnProgress
from unsung.training.recipe import Recipe, find_recipe, load_recipe, recipe_names

__all__ = ["Wish", "carry_out", "listed", "recipe_of"]


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        recipe: name or TOML file.
        data: manifests that replace the recipe's.
        settings: ``key=value``.
        grid: ``key=[values]``.
        out: folder, or None for ``runs/NAME``.
        fresh: begin again.
        slurm: submit a job instead of training here.
    """

    recipe: str
    data: tuple[Path, ...] = ()
    settings: tuple[str, ...] = ()
    grid: tuple[str, ...] = ()
    out: Path | None = None
    fresh: bool = False
    slurm: bool = False


def listed() -> list[tuple[str, str]]:
    """Return name and summary of the recipes here and beside the source code."""
    return [(name, load_recipe(path).summary) for name, path in sorted(recipe_names().items())]


def recipe_of(wish: Wish) -> Recipe:
    """Read the recipe with everything that the wish replaces in it."""
    recipe = load_recipe(find_recipe(wish.recipe), wish.settings)
    if wish.data:
        named = tuple(str(path) for path in wish.data)
        recipe = replace(recipe, data=replace(recipe.data, manifests=named))
    axes = dict(recipe.grid)
    for text in wish.grid:
        key, values = parsed(text)
        if not isinstance(values, list):
            raise UsageError(f"--grid: expected key=[values], got '{text}'")
        axes[key] = tuple(values)
    return replace(recipe, grid=axes)


def carry_out(wish: Wish, on_progress: OnProgress | None = None) -> Iterator[str]:
    """Train, and yield lines that say what came out.

    Raises:
        MissingExtra: torch is not installed; recipes are listed and read without it.
    """
    recipe = recipe_of(wish)
    try:
        from unsung.training.grid import run_grid
        from unsung.training.run import RUN, SIGNS, run_recipe, run_slurm
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "research", "training") from error
    out = wish.out or Path("runs") / recipe.name
    output_folder(out, recipe.data.manifests, RUN, signs=SIGNS)
    if wish.slurm:
        job = run_slurm(recipe, out)
        yield f"submitted job {job.job_id}; logs in {out / 'logs'}"
        if recipe.slurm.cluster == "local":
            yield from _lines(job.result(), out)
        return
    if recipe.grid:
        rows = run_grid(recipe, out, on_progress)
        failed = sum("error" in row for row in rows)
        yield f"{len(rows)} runs, {failed} failed, table: {out / 'grid.md'}"
        return
    yield from _lines(run_recipe(recipe, out, fresh=wish.fresh, on_progress=on_progress), out)


def _lines(summary: dict[str, Any], out: Path) -> Iterator[str]:
    if "rounds" in summary:
        yield f"{len(summary['rounds'])} rounds, table: {out / 'rounds.md'}"
    for part in ("clean: auc", "clean: eer", "clean: detection_at_0.01"):
        value, low, high = summary.get("results", {}).get(part, (None, None, None))
        if value is not None and low is not None:
            yield f"test {part.removeprefix('clean: ')}: {value:.3f} [{low:.3f}, {high:.3f}]"
    if "macro_f1" in summary["valid"]:
        found = summary.get("test", {}).get("clean", summary["valid"])
        yield f"macro F1: {found['macro_f1']:.3f}"
    bundle = str(summary.get("bundle", ""))
    if bundle.startswith("none: "):
        yield f"no bundle written ({bundle.removeprefix('none: ')[:160]})"
    yield f"weights, card and scores: {out}"
