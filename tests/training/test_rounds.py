# SPDX-License-Identifier: MIT
"""Iterative learning: each round starts from the one before and is measured on every set."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file

from unsung.training import prepare
from unsung.training.rounds import rounds_of
from unsung.training.run import run_recipe

from . import helpers

TABLES = {
    "distortions": {
        "pitch": {"chain": "pitch_shift@{s}", "strengths": [-2, 2], "uniform": True},
        "narrow": {"chain": "low_pass@4000"},
    },
    "sets": {"narrow": ["narrow"]},
    "rounds": [{"name": "base"}, {"name": "narrow", "distortions": ["narrow"], "epochs": 1}],
}


def test_a_round_starts_from_the_weights_of_the_one_before(manifest, tiny, tmp_path):
    recipe = helpers.recipe_for(manifest, **TABLES, weights="", skip_weights=["last"])
    plan = rounds_of(recipe, tmp_path)
    assert [item[0] for item in plan] == ["base", "narrow"]
    assert plan[1][1].weights.endswith("round-1-base/detector.safetensors")
    assert plan[0][1].skip_weights == ("last",) and plan[1][1].skip_weights == ()
    assert plan[1][1].augment.distortions == ("narrow",) and plan[1][1].run.epochs == 1
    summary = run_recipe(recipe, tmp_path)
    rows = json.loads((tmp_path / "rounds.json").read_text())
    assert list(rows) == ["base", "narrow"] and list(rows["base"]) == ["clean", "narrow"]
    assert summary["rounds"] == rows
    start = prepare.build_detector(plan[1][1]).state_dict()
    end = load_file(str(tmp_path / "round-1-base" / "detector.safetensors"))
    assert torch.equal(start["last.weight"], end["last.weight"])
    page = (tmp_path / "rounds.md").read_text()
    assert "| trained up to round | clean | narrow |" in page and "## auc" in page
    assert run_recipe(recipe, tmp_path)["rounds"] == rows  # goes on where it stands: nothing to do
