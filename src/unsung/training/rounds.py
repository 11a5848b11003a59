# SPDX-License-Identifier: MIT
"""Iterative learning: rounds that add distortion step by step, each measured on every test set.

The protocol of "Deepfake Music Detection V1" (Sunday, arXiv 2505.09633): data sets base,
pitch-shifted, tempo-shifted and both; a detector trained on one round's sound goes on with the
next round's, and each round is tested on all sets, so that forgetting shows as well as learning.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from unsung.outputs import write_whole
from unsung.training.logs import OnProgress
from unsung.training.recipe import Recipe

__all__ = ["rounds_of", "run_rounds", "table_of"]

_SHOWN = ("auc", "eer", "balanced_accuracy", "f1")


def rounds_of(recipe: Recipe, out: Path) -> list[tuple[str, Recipe, Path]]:
    """Return each round as a recipe of its own that starts from the weights of the one before."""
    made = []
    weights = recipe.weights
    for number, item in enumerate(recipe.rounds, start=1):
        folder = out / f"round-{number}-{item.name}"
        one = dataclasses.replace(
            recipe,
            name=f"{recipe.name}, round {number}: {item.name}",
            rounds=(),
            stage=item.stage or recipe.stage,
            weights=weights,
            skip_weights=recipe.skip_weights if number == 1 else (),
            augment=dataclasses.replace(recipe.augment, distortions=item.distortions),
            run=dataclasses.replace(recipe.run, epochs=item.epochs or recipe.run.epochs),
        )
        made.append((item.name, one, folder))
        weights = str(folder / "detector.safetensors")
    return made


def run_rounds(recipe: Recipe, out: Path, on_progress: OnProgress | None = None) -> dict[str, Any]:
    """Train all rounds; writes ``rounds.json`` and ``rounds.md``; a killed call goes on."""
    from unsung.training.run import run_recipe

    rows = {}
    last: dict[str, Any] = {}
    for name, one, folder in rounds_of(recipe, out):
        last = run_recipe(one, folder, on_progress=on_progress)
        rows[name] = last.get("test", {})
    write_whole(out / "rounds.json", json.dumps(rows, indent=1))
    write_whole(out / "rounds.md", table_of(recipe.name, rows))
    return last | {"rounds": rows}


def table_of(name: str, rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return a Markdown page: for each metric, a line for each round, a column for each set."""
    sets = list(dict.fromkeys(key for row in rows.values() for key in row))
    lines = [f"# {name}: every round on every test set", ""]
    for metric in _SHOWN:
        if not any(metric in cell for row in rows.values() for cell in row.values()):
            continue
        lines += [f"## {metric}", "", f"| trained up to round | {' | '.join(sets)} |",
                  f"|---{'|--:' * len(sets)}|"]  # fmt: skip
        for round_name, row in rows.items():
            cells = [f"{row[key][metric]:.3f}" if key in row else "" for key in sets]
            lines.append(f"| {round_name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)
