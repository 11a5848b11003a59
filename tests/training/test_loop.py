# SPDX-License-Identifier: MIT
"""Whole runs: learning, resuming to the bit after a kill, two processes as one, clear faults."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import unsung
from unsung.errors import UnknownName, UsageError
from unsung.training import loop, prepare
from unsung.training.checkpoint import save_checkpoint
from unsung.training.faults import EmptyClass, LossNotFinite, OutOfMemory, TrainingError
from unsung.training.run import run_here, run_recipe, run_slurm

from . import helpers

SOURCE = Path(unsung.__file__).parent.parent


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def losses(folder):
    return [float(row["loss"]) for row in rows_of(folder / "steps.csv")]


LINEAR = {
    "detector": "residual_linear",
    "data": {"window_s": 1.5, "windows": 2},
    "optimiser": {"name": "adam", "lr": 1e-3, "ema": 0.9, "clip_norm": 1.0},
    "augment": {"balance": ["class"], "mixup_p": 0.5, "spec_p": 0.5, "distortions": ["quiet"]},
    "distortions": {"quiet": {"chain": "gain@{s}", "strengths": [-6, 6], "uniform": True}},
    "loss": {"dro": 0.1, "label_smoothing": 0.02},
    "run": {"epochs": 4, "batch": 4, "checkpoint_steps": 2},
}


def test_a_network_learns_and_everything_is_written(manifest, tiny, tmp_path):
    recipe = helpers.recipe_for(
        manifest, optimiser={"lr": 0.05}, data={"windows": 4}, run={"epochs": 8, "batch": 8},
        sets={"narrow": ["narrow"]}, distortions={"narrow": {"chain": "low_pass@4000"}},
    )  # fmt: skip
    seen = []
    summary = run_recipe(recipe, tmp_path / "r", on_progress=seen.append)
    assert summary["test"]["clean"]["auc"] == 1.0 and "narrow" in summary["test"]
    epochs = rows_of(tmp_path / "r" / "epochs.csv")
    assert len(epochs) == 8 and float(epochs[-1]["train_loss"]) < float(epochs[0]["train_loss"])
    counts = [int(epochs[-1][k]) for k in ("detected", "missed", "false_alarms", "cleared")]
    assert sum(counts) == summary["tracks"]["valid"]
    names = {path.name for path in (tmp_path / "r").iterdir()}
    assert names >= {"best.pt", "last.pt", "card.md", "detector.safetensors", "scores.csv",
                     "results.jsonl", "recipe.json", "left-out.csv", "steps.csv"}  # fmt: skip
    assert {p.stage for p in seen} == {"decoding", "training", "measuring"} or len(seen) > 8
    assert seen[-2].note.startswith("valid loss")
    scores = rows_of(tmp_path / "r" / "scores.csv")
    assert {row["condition"] for row in scores} == {"clean", "narrow"}
    again = run_recipe(recipe, tmp_path / "r")  # a finished run is not repeated
    assert again == json.loads((tmp_path / "r" / "summary.json").read_text())
    assert summary["bundle"] == "none: the tiny detector is not exported"


def test_groups_stay_on_one_side_and_labels_are_chosen(manifest, tiny):
    recipe = helpers.recipe_for(manifest)
    material = prepare.prepare(recipe, helpers.TinyCnn())
    parts = [material.train, material.valid, material.test]
    pages = [{track.group for track in part} for part in parts]
    assert not (pages[0] & pages[1] or pages[0] & pages[2] or pages[1] & pages[2])
    assert {track.split for track in material.test} == {"0"}


def test_a_stopped_run_goes_on_to_the_bit(manifest, tiny, tmp_path, monkeypatch):
    recipe = helpers.recipe_for(
        manifest, options={"drop": 0.5, "norm": True}, data={"windows": 3},
        optimiser={"ema": 0.9, "accumulate": 2}, augment={"mixup_p": 0.5, "spec_p": 0.5},
        loss={"dro": 0.1}, run={"epochs": 3, "batch": 4, "checkpoint_steps": 2},
    )  # fmt: skip
    whole = run_recipe(recipe, tmp_path / "whole")
    step, taken = loop.Trainer._one_step, []

    def stops(self, *words):
        taken.append(1)
        if len(taken) == 10:
            raise KeyboardInterrupt
        return step(self, *words)

    monkeypatch.setattr(loop.Trainer, "_one_step", stops)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, tmp_path / "cut")
    monkeypatch.setattr(loop.Trainer, "_one_step", step)
    again = run_recipe(recipe, tmp_path / "cut")
    files = [(tmp_path / name / "steps.csv").read_bytes() for name in ("whole", "cut")]
    assert files[0] == files[1] and len(files[0].splitlines()) > 12
    assert again["test"] == whole["test"] and again["valid"] == whole["valid"]
    models = [(tmp_path / n / "detector.safetensors").read_bytes() for n in ("whole", "cut")]
    assert models[0] == models[1]


def command(manifest, out, epochs):
    settings = ["data.fold='0'", "data.valid_share=0.4", f"data.cache='{out.parent / 'cache'}'",
                "data.window_s=1.1", "data.windows=4", f"run.epochs={epochs}", "run.batch=4",
                "run.checkpoint_steps=3", "data.jobs=-1"]  # fmt: skip
    words = [sys.executable, "-m", "unsung", "train", "residual_linear", "--data", str(manifest)]
    return words + ["-o", str(out)] + [w for text in settings for w in ("--set", text)]


@pytest.mark.slow
def test_kill_9_and_the_same_command_give_the_same_curve(manifest, tmp_path):
    place = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run(command(manifest, whole, 6), env=place, check=True, capture_output=True)
    process = subprocess.Popen(command(manifest, cut, 6), env=place, stderr=subprocess.DEVNULL)
    steps = cut / "steps.csv"
    until = time.monotonic() + 300
    while time.monotonic() < until and not (steps.exists() and len(losses(cut)) >= 8):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 8 <= len(losses(cut)) < len(losses(whole))
    done = subprocess.run(command(manifest, cut, 6), env=place, check=True, capture_output=True)
    assert b"test auc" in done.stdout
    assert steps.read_bytes() == (whole / "steps.csv").read_bytes()
    models = [(folder / "detector.safetensors").read_bytes() for folder in (whole, cut)]
    assert models[0] == models[1]


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(manifest, tmp_path):
    base = {**LINEAR, "augment": {"distortions": []}}
    one = helpers.recipe_for(manifest, **base)
    run_recipe(one, tmp_path / "one")
    two = one.with_settings(["run.processes=2", "run.batch=4"])
    run_recipe(two, tmp_path / "two")
    np.testing.assert_allclose(losses(tmp_path / "one"), losses(tmp_path / "two"), rtol=2e-5)
    norms = [[float(r["grad_norm"]) for r in rows_of(tmp_path / n / "steps.csv")]
             for n in ("one", "two")]  # fmt: skip
    np.testing.assert_allclose(*norms, rtol=1e-4)


@pytest.mark.slow
def test_a_fault_in_one_of_two_processes_is_said_once(manifest, tmp_path):
    recipe = helpers.recipe_for(
        manifest, detector="residual_linear", run={"processes": 2, "device": "cuda:77"}
    )
    with pytest.raises(TrainingError, match=r"run\.device.*in process"):
        run_recipe(recipe, tmp_path / "r")


def test_accumulation_takes_the_same_step(manifest, tiny, tmp_path):
    base = {"options": {"drop": 0.0}, "run": {"batch": 4}}
    run_recipe(helpers.recipe_for(manifest, **base), tmp_path / "1")
    run_recipe(helpers.recipe_for(manifest, **base, optimiser={"accumulate": 4}), tmp_path / "4")
    np.testing.assert_allclose(losses(tmp_path / "1"), losses(tmp_path / "4"), rtol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_stays_close(manifest, tiny, tmp_path, precision):
    base = {"options": {"drop": 0.0}}
    run_recipe(helpers.recipe_for(manifest, **base), tmp_path / "full")
    run_recipe(helpers.recipe_for(manifest, **base, run={"precision": precision}), tmp_path / "r")
    a, b = losses(tmp_path / "full"), losses(tmp_path / "r")
    assert a != b
    np.testing.assert_allclose(a, b, atol=0.05)


def test_nan_stops_and_names_step_and_files(manifest, tiny, tmp_path):
    recipe = helpers.recipe_for(manifest, options={"nan": True})
    with pytest.raises(
        LossNotFinite, match=r"loss became NaN or infinite in step 1 \(epoch 1\)"
    ) as e:
        run_recipe(recipe, tmp_path / "r")
    assert ".wav" in str(e.value) and "lower optimiser.lr" in str(e.value)


def test_nan_later_keeps_the_last_good_checkpoint(manifest, tiny, tmp_path, monkeypatch):
    recipe = helpers.recipe_for(manifest, run={"epochs": 3})
    lose = loop.window_losses

    def broken(logits, targets, settings):
        each = lose(logits, targets, settings)
        return each * float("nan") if (tmp_path / "r" / "best.pt").exists() else each

    monkeypatch.setattr(loop, "window_losses", broken)
    with pytest.raises(LossNotFinite, match=r"\(epoch 2\)"):
        run_recipe(recipe, tmp_path / "r")
    state = torch.load(tmp_path / "r" / "last.pt", weights_only=True)
    assert state["epoch"] == 1
    assert all(torch.isfinite(v).all() for v in state["network"].values())


def test_out_of_memory_says_what_to_do(manifest, tiny, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr(loop.Trainer, "_loss", full)
    with pytest.raises(OutOfMemory, match=r"optimiser\.accumulate=2"):
        run_recipe(helpers.recipe_for(manifest), tmp_path / "r")


def test_early_stopping_and_the_best_weights(manifest, tiny, tmp_path, monkeypatch):
    values = iter([0.5, 0.4, 0.6, 0.6, 0.6, 0.6])
    made = loop.epoch_row

    def row(*words):
        return made(*words) | {"valid_loss": next(values)}

    monkeypatch.setattr(loop, "epoch_row", row)
    summary = run_recipe(helpers.recipe_for(manifest, run={"epochs": 6, "patience": 2}),
                         tmp_path / "r")  # fmt: skip
    assert summary["epochs"] == 4


@pytest.mark.parametrize(
    ("tables", "error", "message"),
    [
        ({"data": {"fold": "9"}}, UnknownName, "fold in the manifests named '9'"),
        ({"data": {"positive": ["resynth"]}}, EmptyClass, "training: expected positive"),
        ({"options": {"wide": 3}}, UsageError, "cannot be built with"),
        ({"optimiser": {"train_only": ["lost"]}}, UsageError, "its parts: body, last"),
        ({"run": {"metric": "macro_f1"}}, UsageError, "has no 'macro_f1'"),
        ({"data": {"manifests": []}}, UsageError, "--data music.csv"),
        ({"weights": "none.safetensors"}, Exception, "none.safetensors"),
        ({"run": {"device": "gpu"}}, UsageError, "expected auto, cpu"),
    ],
)
def test_a_recipe_that_cannot_run_says_why(manifest, tiny, tmp_path, tables, error, message):
    with pytest.raises(error, match=message):
        run_recipe(helpers.recipe_for(manifest, **tables), tmp_path / "r")


def test_weights_are_loaded_and_a_wrong_shape_is_named(manifest, tiny, tmp_path):
    save_checkpoint(tmp_path / "w.pt", {"model": helpers.TinyCnn(width=8).state_dict()})
    with pytest.raises(Exception, match="shape"):
        run_recipe(helpers.recipe_for(manifest, weights=str(tmp_path / "w.pt")), tmp_path / "r")
    own = helpers.TinyCnn()
    save_checkpoint(tmp_path / "w.pt", own.state_dict())
    recipe = helpers.recipe_for(manifest, weights=str(tmp_path / "w.pt"), skip_weights=["last"])
    made = prepare.build_detector(recipe)
    assert torch.equal(made.body[0].weight, own.body[0].weight)
    assert not torch.equal(made.last.weight, own.last.weight)


def test_another_recipe_does_not_go_on_in_the_folder(manifest, tiny, tmp_path):
    run_here(helpers.recipe_for(manifest, run={"epochs": 1}), tmp_path / "r")
    other = helpers.recipe_for(manifest, run={"epochs": 1, "seed": 5})
    with pytest.raises(TrainingError, match="another recipe"):
        run_recipe(other, tmp_path / "r")
    (tmp_path / "r" / "notes.txt").write_text("dear diary")
    assert run_recipe(other, tmp_path / "r", fresh=True)["epochs"] == 1
    assert (tmp_path / "r" / "notes.txt").read_text() == "dear diary"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(TrainingError, match="others' files"):
        run_recipe(other, tmp_path / "mine", fresh=True)
    (tmp_path / "mine" / "steps.csv").write_text("step,epoch,loss\n1,1,0.5\n")  # another's log
    with pytest.raises(UsageError, match="steps"):
        run_recipe(other, tmp_path / "mine", fresh=True)
    assert (tmp_path / "mine" / "thesis.tex").exists()


@pytest.mark.slow
def test_a_slurm_job_in_a_local_process(manifest, tmp_path):
    pytest.importorskip("submitit")
    recipe = helpers.recipe_for(
        manifest, detector="residual_linear", data={"window_s": 1.1}, slurm={"cluster": "local"}
    )
    job = run_slurm(recipe, tmp_path / "r")
    assert job.result()["epochs"] == 2
    assert (tmp_path / "r" / "summary.json").exists()


def test_without_slurm_the_error_says_how_to_try(manifest, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Exception, match=r"slurm\.cluster=local"):
        run_slurm(helpers.recipe_for(manifest), tmp_path / "r")
