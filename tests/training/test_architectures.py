# SPDX-License-Identifier: MIT
"""The comparison of recipes: one budget for all, nothing heard that is left out, honest tables."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from unsung.data import read_manifest
from unsung.errors import UnknownName, UsageError
from unsung.runtime import load_bundle
from unsung.training import architectures
from unsung.training.architectures import (
    Budget,
    Cut,
    budget_file,
    read_budget,
    resolved,
    train_all,
    write_parts,
)
from unsung.training.architectures_page import (
    joined,
    page,
    read_results,
    synthetic,
    verdict,
)
from unsung.training.recipe import find_recipe, load_recipe, recipe_names
from unsung.types import Result


def test_the_shipped_budget_names_every_recipe_and_every_setting_fits(tmp_path):
    budget = read_budget(budget_file())
    of_ai = {n for n in recipe_names() if not n.startswith("instrument_cnn")}
    assert set(budget.recipes) == of_ai
    for name in budget.recipes:
        recipe = resolved(name, budget, tmp_path / "m.jsonl", tmp_path)
        assert recipe.data.uses == ("full",)
        assert recipe.data.fold == ""
        assert recipe.detector == load_recipe(find_recipe(name)).detector


def test_a_recipe_hears_no_page_of_the_folds_left_out(manifest, tmp_path):
    write_parts(manifest, Budget(("0", "2")), tmp_path)
    heard, unheard = (list(read_manifest(tmp_path / f"{n}.jsonl")) for n in ("train", "test"))
    assert {track.split for track in unheard} == {"0", "2"}
    assert {track.split for track in heard} == {""}
    assert not {track.group for track in heard} & {track.group for track in unheard}
    assert len(heard) + len(unheard) == len(list(read_manifest(manifest)))
    with pytest.raises(UnknownName, match="fold in the table"):
        write_parts(manifest, Budget(("9",)), tmp_path)


@pytest.mark.parametrize(
    ("text", "kind", "match"),
    [
        ("set = []", UsageError, "nothing would be unheard"),
        ("left_out = [", UsageError, "cannot be read as TOML"),
        ('left_out = ["0"]\n[recipes.lcn]\nset = []', UnknownName, "lcnn"),
    ],
)
def test_a_wrong_budget_is_an_error(text, kind, match, tmp_path):
    (tmp_path / "b.toml").write_text(text)
    with pytest.raises(kind, match=match):
        read_budget(tmp_path / "b.toml")


def test_what_is_done_is_skipped_and_a_failure_is_a_row(manifest, tmp_path, monkeypatch):
    budget = Budget(("0",), (), {"lcnn": Cut(), "gmm": Cut()})
    done = architectures.Trained("lcnn", "lcnn", 1.0, 2.0, 3, {"train": 4, "valid": 5}, (), "x")
    (tmp_path / "runs" / "lcnn").mkdir(parents=True)
    text = json.dumps(done.to_dict())
    (tmp_path / "runs" / "lcnn" / architectures.RECORD).write_text(text)
    monkeypatch.setattr(architectures, "_in_a_process", lambda *_: "no memory")
    rows = list(train_all(manifest, budget, tmp_path, None))
    assert rows[0] == done
    assert (rows[1].name, rows[1].error) == ("gmm", "no memory")
    with pytest.raises(UnknownName, match="recipe in the budget"):
        list(train_all(manifest, budget, tmp_path, None, only=["ast"]))


def row(detector, condition, metric, value, low=None, high=None):
    return Result("architectures", detector, "m", condition, metric, value, low, high, 40, 9, 0)


def test_beating_chance_needs_the_whole_interval():
    good, bad = row("a", "clean", "auc", 0.7, 0.51, 0.9), row("a", "clean", "auc", 0.7, 0.49, 0.9)
    assert verdict(good) == "yes"
    assert verdict(bad) == verdict(replace(bad, low=None)) == "not shown in this budget"
    assert verdict(None) == "not measured yet"


def test_the_page_has_a_line_for_all_and_invents_nothing(tmp_path):
    rows = [
        row("lcnn", "clean", "auc", 0.81, 0.7, 0.9), row("lcnn", "mp3@64", "auc", 0.6, 0.5, 0.7),
        row("lcnn", "cost", "parameters", 123456.0), row("lcnn", "clean", "eer", float("nan")),
    ]  # fmt: skip
    trained = {"lcnn": {"tracks": {"train": 30, "valid": 8}, "heard_s": 600.0, "cpu_s": 40.0}}
    text = page(["lcnn", "gmm"], trained, rows)
    clean, *_ = (line for line in text.splitlines() if line.startswith("| lcnn |"))
    assert "yes | 0.810 [0.70, 0.90]" in clean
    assert "30 + 8 tracks | 600 s | 40 s" in clean
    assert "| gmm | not measured yet |" in text
    assert "| lcnn | 0.810 [0.70, 0.90] | 0.600 [0.50, 0.70] |" in text
    assert "123,456" in text
    assert "40 tracks from 9 pages" in text


def test_results_go_by_the_recipe_s_name(tmp_path):
    path = tmp_path / "results.jsonl"
    assert read_results(path) == []
    path.write_text(json.dumps(row("lcnn, cross-fitted", "clean", "auc", 0.8).to_dict()) + "\n")
    assert read_results(path)[0].detector == "lcnn"


def test_the_first_set_that_has_a_number_gives_it():
    large, small = row("a", "clean", "auc", 0.8), row("a", "clean", "auc", 0.9)
    attacked = row("a", "mp3@64", "auc", 0.7)
    assert joined([[large], [small, attacked]]) == [large, attacked]


def test_what_was_learned_of_the_set_made_here_stands_apart():
    def row(name, condition, metric, value, low=None):
        return Result("music", name, "", condition, metric, value, low, 1.0, 144, 24, 0)

    own = synthetic([row("gmm", "clean", "auc", 0.9, 0.8), row("gmm", "mp3@64", "auc", 0.7)])
    assert [(r.condition, r.value) for r in own] == [("synthetic", 0.9)]
    made = {"gmm": {"tracks": {"train": 173, "valid": 43}, "heard_s": 99.0, "cpu_s": 7.0}}
    rows = [row("gmm", "clean", "auc", 0.6, 0.4), *own]
    text = page(["gmm", "lcnn"], {}, rows, made)
    real, here = text.split("## On a set made here")
    assert "| gmm | not shown in this budget | 0.600" in real
    assert "144 excerpts of 24 pieces" in here
    assert "| gmm | yes | 0.900 [0.80, 1.00] |" in here
    assert "lcnn" not in here.split("## Costs")[0]
    assert "under attack" not in text


def test_a_variant_is_a_recipe_with_other_settings(tmp_path):
    budget = read_budget(budget_file().with_name("contrastive.toml"))
    with_term, without = (
        resolved(name, budget, tmp_path / "m.jsonl", tmp_path).loss.contrastive
        for name in ("contrastive", "contrastive-no-term")
    )
    assert with_term > without == 0


@pytest.mark.slow
def test_a_recipe_is_trained_and_leaves_bundles_for_its_folds(manifest, tmp_path):
    (tmp_path / "b.toml").write_text(
        'left_out = ["0"]\nset = ["data.jobs=-1", "data.valid_share=0.2", "run.device=cpu"]\n'
        '[recipes.descriptors_linear]\nset = ["options.window_s=1.0"]\n'
    )
    command = [sys.executable, "-m", "unsung.training.architectures", "--data", str(manifest)]
    command += ["--out", str(tmp_path / "crews"), "--budget", str(tmp_path / "b.toml")]
    command += ["--cache", str(tmp_path / "cache")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "descriptors_linear: 0 steps" in ended.stdout
    bundle = load_bundle(tmp_path / "crews" / "descriptors_linear" / "fold-0")
    assert bundle.calibrated
    heard = read_manifest(tmp_path / "crews" / "train.jsonl")
    assert Path(tmp_path / "crews" / "runs" / "descriptors_linear" / "architecture.json").exists()
    assert len(bundle.info["training_files"]) < len(list(heard))  # some validate
