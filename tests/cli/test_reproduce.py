# SPDX-License-Identifier: MIT
from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from unsung.cli import app


def run(*words: object):
    return CliRunner().invoke(app, ["reproduce", *map(str, words)])


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, Path]:
    rows = [["path", "label"]]
    for index in range(4):
        noise = 0.1 * np.random.default_rng(index).standard_normal(4 * 16000)
        soundfile.write(tmp_path / f"{index}.wav", noise, 16000)
        rows.append([f"{index}.wav", ("human", "ai")[index % 2]])
    with (tmp_path / "music.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    study = tmp_path / "tiny.toml"
    study.write_text(
        'name = "tiny"\nquestion = "?"\ndetectors = ["default"]\nattacks = ["gain"]\n'
        'metrics = ["auc", "false_alarms"]\n[manifests]\nmusic = "music.csv"\n'
    )
    return study, tmp_path / "music.csv"


def test_without_a_name_the_experiments_are_listed():
    found = run()
    assert found.exit_code == 0
    for name in ("robustness", "generalisation", "wimu-sonics-rates", "long-range"):
        assert f"{name}  [" in found.stdout


def test_an_experiment_runs_to_its_page(tiny, tmp_path):
    study, music = tiny
    out = tmp_path / "out"
    found = run(study, "--data", f"music={music}", "--out", out, "--jobs", 1, "--limit", 2)
    assert found.exit_code == 0, found.output
    assert "page:" in found.stdout and (out / "index.html").exists()
    assert (out / "scores.jsonl").read_text().count("\n") == 4
    assert "4 of 4 scores" in found.stderr


def test_wrong_words_say_what_to_do(tiny):
    study, music = tiny
    wrong = {
        ("robustnes",): "did you mean 'robustness'",
        ("nowhere.toml",): "no such file",
        (study, "--data", "music"): "NAME=PATH",
        (study, "--data", f"musik={music}"): "did you mean 'music'",
        (study, "--set", "metric=1"): "did you mean 'metrics'",
    }
    for words, message in wrong.items():
        found = run(*words)
        assert found.exit_code == 2 and message in found.output.replace("\n", " "), words
