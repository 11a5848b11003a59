# SPDX-License-Identifier: MIT
"""Grids over keys, seeds and folds; a cell that fails; pooled folds."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unsung.errors import UnknownName, UsageError
from unsung.training.faults import TrainingError
from unsung.training.grid import cells, pooled, run_grid

from . import helpers


def test_cells_are_all_combinations(manifest):
    recipe = helpers.recipe_for(manifest, grid={"optimiser.lr": [0.1, 0.2], "run.seed": [0, 1, 2]})
    found = cells(recipe)
    assert len(found) == 6 and found[4][0] == {"optimiser.lr": 0.2, "run.seed": 1}
    assert found[4][1].optimiser.lr == 0.2 and found[4][1].run.seed == 1
    assert found[4][1].grid == {}
    with pytest.raises(UnknownName, match="did you mean 'seed'"):
        cells(helpers.recipe_for(manifest, grid={"run.sed": [1]}))
    with pytest.raises(UsageError, match="empty list"):
        cells(helpers.recipe_for(manifest, grid={"run.seed": []}))


def test_a_table_with_mean_and_deviation(manifest, tiny, tmp_path):
    recipe = helpers.recipe_for(
        manifest, grid={"options.nan": [False, True], "run.seed": [0, 1]}, run={"epochs": 1}
    )
    rows = run_grid(recipe, tmp_path)
    assert [("error" in row) for row in rows] == [False, False, True, True]
    page = (tmp_path / "grid.md").read_text()
    aucs = [row["numbers"]["auc"] for row in rows[:2]]
    assert f"{np.mean(aucs):.3f} ± {np.std(aucs, ddof=1):.3f}" in page
    assert "| True | 0 of 2 | all failed" in page and "LossNotFinite" in page
    assert len(json.loads((tmp_path / "grid.json").read_text())) == 4
    with pytest.raises(TrainingError, match="all 1 cells of the grid failed"):
        run_grid(helpers.recipe_for(manifest, grid={"options.nan": [True]}), tmp_path / "x")


def test_folds_are_pooled_with_an_interval_over_groups(manifest, tiny, tmp_path):
    recipe = helpers.recipe_for(
        manifest, grid={"data.fold": ["0", "1", "2"]}, run={"epochs": 1}, data={"valid_share": 0.4}
    )
    rows = run_grid(recipe, tmp_path)
    found = pooled([tmp_path / row["folder"] for row in rows])
    value, low, high = found["auc"]
    assert low <= value <= high
    assert f"auc {value:.3f}" in (tmp_path / "grid.md").read_text()
    heard = []
    for row in rows:
        with (tmp_path / row["folder"] / "scores.csv").open(newline="") as file:
            heard += [r["path"] for r in csv.DictReader(file) if r["part"] == "test"]
    assert len(heard) == len(set(heard)) == 18  # every track tested once, by the fold without it
