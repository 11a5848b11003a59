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
    assert "--data music=PATH --limit 2" in (out / "index.html").read_text()


def test_wrong_words_say_what_to_do(tiny):
    study, music = tiny
    wrong = {
        ("robustnes",): "did you mean 'robustness'",
        ("nowhere.toml",): "no such file",
        (study, "--data", "music"): "key=value",
        (study, "--data", f"musik={music}"): "did you mean 'music'",
        (study, "--set", "metric=1"): "did you mean 'metrics'",
    }
    for words, message in wrong.items():
        found = run(*words)
        assert found.exit_code == 2 and message in found.output.replace("\n", " "), words


@pytest.fixture
def folder_of_experiments(tiny, tmp_path, monkeypatch):
    """Make a folder with two experiments, one of which waits, the only ones that are found."""
    study, music = tiny
    folder = tmp_path / "work" / "experiments"
    folder.mkdir(parents=True)
    text = study.read_text()
    (folder / "tiny.toml").write_text(text)
    (folder / "later.toml").write_text(
        text.replace('"tiny"', '"later"').replace(
            "[manifests]", 'requires = ["attacks/x"]\n[manifests]'
        )
    )
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("unsung.reproduce.study.folders", lambda: [folder])
    monkeypatch.setattr("unsung.reproduce.experiment.folders", lambda: [folder])
    return music


def test_the_list_says_what_an_experiment_waits_for(folder_of_experiments):
    found = run()
    assert "later  [waits for attacks/x]" in found.stdout and "tiny  [not run]" in found.stdout
    found = run("later", "--data", f"music={folder_of_experiments}")
    assert found.exit_code == 2 and "it waits for attacks/x" in found.output.replace("\n", " ")


def test_all_runs_what_can_run_and_names_the_rest(folder_of_experiments, tmp_path):
    data = f"music={folder_of_experiments}"
    found = run("--all", "--data", data, "--data", "crossfit=x", "--jobs", 1, "--quiet")
    assert found.exit_code == 0, found.output
    assert "later: left out, waits for attacks/x" in found.stdout
    assert (tmp_path / "work" / "results" / "tiny" / "index.html").exists()
    assert not (tmp_path / "work" / "results" / "later").exists()


def test_one_failing_experiment_does_not_stop_the_others(folder_of_experiments, tmp_path):
    folder = tmp_path / "work" / "experiments"
    text = (folder / "tiny.toml").read_text()
    (folder / "aaa.toml").write_text(
        text.replace('"tiny"', '"aaa"') + '[select]\nlabels = ["human"]\n'
    )
    found = run("--all", "--data", f"music={folder_of_experiments}", "--jobs", 1, "--quiet")
    assert found.exit_code == 1 and "1 of 3 experiments failed: aaa" in found.output
    assert "aaa: experiment 'aaa': expected AI and human tracks" in found.stdout
    assert (tmp_path / "work" / "results" / "tiny" / "index.html").exists()


def test_wrong_ways_to_run_all_are_said(folder_of_experiments):
    wrong = {
        ("tiny", "--all"): "a name or --all, got both",
        ("--all", "--data", "musik=x"): "did you mean 'music'",
        ("tiny", "--slurm", "--ray", "local"): "--slurm or --ray, got both",
    }
    for words, message in wrong.items():
        found = run(*words)
        assert found.exit_code == 2 and message in found.output.replace("\n", " "), found.output


def test_slurm_without_slurm_says_what_is_missing(tiny, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    study, music = tiny
    monkeypatch.setenv("PATH", str(tmp_path))
    found = run(study, "--data", f"music={music}", "--slurm", "--out", tmp_path / "out")
    text = found.output.replace("\n", " ")
    assert found.exit_code == 1 and "sbatch of Slurm" in text and "slurm.cluster=local" in text
    assert not (tmp_path / "out").exists()


def test_an_empty_table_and_one_class_are_said(tiny, tmp_path):
    study, music = tiny
    music.write_text("path,label\n")
    found = run(study, "--data", f"music={music}")
    assert found.exit_code == 2 and "no rows" in found.output
    music.write_text("path,label\n0.wav,human\n2.wav,human\n")
    found = run(study, "--data", f"music={music}")
    assert found.exit_code != 0 and "0 AI and 2 human" in found.output.replace("\n", " ")
