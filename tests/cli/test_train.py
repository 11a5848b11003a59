# SPDX-License-Identifier: MIT
"""`unsung train` and `unsung diff`: lists, lines, exit codes."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

import numpy as np
import soundfile

from unsung.cli import app
from unsung.cli.train import in_words
from unsung.training.logs import Progress

run = CliRunner()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    rng, lines = np.random.default_rng(0), ["path,label,source,fold"]
    time = np.arange(16000 * 2) / 16000
    for index in range(6):
        for label in ("human", "ai"):
            sound = 0.05 * rng.standard_normal(len(time))
            sound += (label == "ai") * 0.02 * np.sin(2 * np.pi * 2000 * time)
            soundfile.write(folder / f"{label}{index}.wav", sound.astype(np.float32), 16000)
            lines.append(f"{label}{index}.wav,{label},{label}-{index},{index % 3}")
    path = folder / "set.csv"
    path.write_text("\n".join(lines))
    return path


def words(table, out, *more):
    fixed = ["data.fold='0'", "data.valid_share=0.4", "data.window_s=1.1", "run.epochs=1",
             "run.batch=4", f"data.cache='{table.parent / 'cache'}'", "data.jobs=-1"]  # fmt: skip
    settings = [word for text in (*fixed, *more) for word in ("--set", text)]
    return ["train", "residual_linear", "--data", str(table), "-o", str(out), *settings]


def test_without_a_name_the_recipes_are_listed():
    result = run.invoke(app, ["train"])
    assert result.exit_code == 0
    assert "residual_linear" in result.stdout and "spectttra-gamma-5s" in result.stdout


def test_training_and_the_difference_of_two_runs(table, tmp_path):
    result = run.invoke(app, words(table, tmp_path / "a"))
    assert result.exit_code == 0, result.output
    assert "test auc: " in result.stdout and (tmp_path / "a" / "card.md").exists()
    assert (tmp_path / "a" / "bundle" / "bundle.json").exists()
    again = run.invoke(app, words(table, tmp_path / "a"))
    assert again.stdout == result.stdout
    other = ["diff", str(tmp_path / "a"), "default", "--data", str(table), "-o",
             str(tmp_path / "d"), "-q"]  # fmt: skip
    result = run.invoke(app, other)
    assert result.exit_code == 0, result.output
    assert "AUC of A minus B" in result.stdout and (tmp_path / "d" / "diff.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "residual_liner"], "did you mean 'residual_linear'"),
        (["train", "none.toml"], "no such recipe"),
        (["train", "residual_linear"], "give --data"),
        (["train", "residual_linear", "--set", "run.epoch=1"], "did you mean 'epochs'"),
        (["train", "residual_linear", "--grid", "run.seed=1"], "expected key=\\[values\\]"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(arguments, message, tmp_path):
    import re

    result = run.invoke(app, [*arguments, *(["-o", str(tmp_path / "x")])])
    assert result.exit_code == 2
    assert re.search(message, " ".join(result.output.split()))
    assert "Traceback" not in result.output


def test_a_line_of_progress_says_speed_and_time_left():
    line = in_words(Progress("training", 30, 100, 1, 4, 0.512, 640.0, 75.0))
    assert line == "epoch 1 of 4, step 30, loss 0.5120, 640 s of sound/s, 1:15 left"
    assert in_words(Progress("decoding", 3, 9)) == "decoding: 3 of 9 tracks"
