# SPDX-License-Identifier: MIT
"""Trains all combinations of some keys of a recipe, and says how far the results spread.

    [grid]
    "optimiser.lr" = [1e-3, 1e-4]
    "run.seed" = [0, 1, 2]

Every combination has a folder of its own, so a killed grid goes on. The table has a line for each
combination of all keys but the seed and the fold: mean ± sample deviation over those. With several
folds there is also one pooled line: the log-likelihood ratios of all folds, each calibrated
on its own validation tracks, with an interval over groups.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unsung.errors import UsageError
from unsung.evaluation import bootstrap_interval, detection_rate_at, eer, roc_auc
from unsung.evaluation.intervals import Metric
from unsung.evaluation.matrices import seed_spread
from unsung.outputs import write_whole
from unsung.training.faults import TrainingError
from unsung.training.logs import OnProgress
from unsung.training.recipe import Recipe
from unsung.training.run import run_recipe

__all__ = ["cells", "grid_table", "pooled", "run_grid"]

OVER = ("run.seed", "data.fold")
"""Keys whose values are repetitions of one setting, not settings."""

_SHOWN = ("auc", "eer", "balanced_accuracy", "f1", "macro_f1", "loss", "valid_loss")


def cells(recipe: Recipe) -> list[tuple[dict[str, Any], Recipe]]:
    """Return every combination of the grid's values with its own recipe.

    Raises:
        UnknownName: a key that a recipe does not have.
        UsageError: a key without values.
    """
    empty = [key for key, values in recipe.grid.items() if not values]
    if empty:
        raise UsageError(f"grid: expected values for '{empty[0]}', got an empty list")
    plain = recipe.to_dict() | {"grid": {}}
    made = []
    for values in itertools.product(*recipe.grid.values()):
        chosen = dict(zip(recipe.grid, values, strict=True))
        one = Recipe.from_plain(plain).with_settings(
            [f"{key}={json.dumps(value)}" for key, value in chosen.items()]
        )
        made.append((chosen, one))
    return made


def run_grid(
    recipe: Recipe, out: Path, on_progress: OnProgress | None = None
) -> list[dict[str, Any]]:
    """Train every cell; writes ``grid.json`` and ``grid.md``; a cell that fails says so in its row.

    Raises:
        TrainingError: every cell failed.
    """
    rows = []
    for chosen, one in cells(recipe):
        name = ",".join(f"{k.split('.')[-1]}={v}" for k, v in chosen.items()).replace("/", "-")
        row: dict[str, Any] = {"cell": chosen, "folder": name}
        try:
            summary = run_recipe(one, out / name, on_progress=on_progress)
        except TrainingError as error:  # one diverging cell must not cost the others
            rows.append(row | {"error": f"{type(error).__name__}: {error}"})
            continue
        part = summary.get("test", {}).get("clean") or summary["valid"]
        rows.append(row | {"part": "test" if "test" in summary else "valid", "numbers": part})
    if all("error" in row for row in rows):
        raise TrainingError(f"all {len(rows)} cells of the grid failed; the first: "
                            f"{rows[0]['error']}")  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "grid.json", json.dumps(rows, indent=1))
    write_whole(out / "grid.md", grid_table(recipe, rows, out))
    return rows


def grid_table(recipe: Recipe, rows: Sequence[Mapping[str, Any]], out: Path) -> str:
    """Return the Markdown page: mean ± deviation, and pooled folds."""
    settings = [key for key in recipe.grid if key not in OVER]
    lots: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        lots[tuple(str(row["cell"][key]) for key in settings)].append(row)
    shown = [m for m in _SHOWN if any(m in row.get("numbers", {}) for row in rows)]
    head = [*settings, "runs", "measured on", *shown]
    lines = [f"# {recipe.name}: grid", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for key, lot in lots.items():
        good = [row for row in lot if "numbers" in row]
        spreads = [seed_spread([row["numbers"][m] for row in good]) for m in shown if good]
        part = good[0]["part"] if good else "all failed"
        marks = [f"{s.mean:.3f} ± {s.std:.3f}" for s in spreads]
        lines.append(f"| {' | '.join([*key, f'{len(good)} of {len(lot)}', part, *marks])} |")
        if len({row["cell"].get("data.fold") for row in good}) > 1:
            lines += ["", _pooled_line(out, good), ""]
    faults = [f"- {row['folder']}: {row['error']}" for row in rows if "error" in row]
    return "\n".join([*lines, "", *faults, ""])


def pooled(folders: Sequence[Path]) -> dict[str, list[float]]:
    """Return AUC, EER and detection at 1 % over the test tracks of all folders together.

    Each has its 95 % interval over groups: ``[value, low, high]``.
    """
    labels, scores, groups = [], [], []
    for folder in folders:
        with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["part"] == "test" and row["condition"] == "clean":
                    labels.append(int(row["label"] != "human"))
                    scores.append(float(row["llr_nats"]))
                    groups.append(row["group"] or row["path"])
    found = {}
    metrics: dict[str, Metric] = {
        "auc": roc_auc,
        "eer": eer,
        "detection_at_0.01": lambda y, s: detection_rate_at(y, s, 0.01),
    }
    for name, metric in metrics.items():
        span = bootstrap_interval(metric, labels, scores, groups, replicates=500)
        found[name] = [span.value, span.low, span.high]
    return found


def _pooled_line(out: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    folders = [out / row["folder"] for row in rows]
    if not all((folder / "scores.csv").exists() for folder in folders):
        return "No scores to pool."
    found = pooled(folders)
    parts = [f"{name} {v:.3f} [{low:.3f}, {high:.3f}]" for name, (v, low, high) in found.items()]
    return f"All folds pooled by calibrated log-likelihood ratio: {', '.join(parts)}."
