# SPDX-License-Identifier: MIT
"""`unsung data` from the shell's side: what is printed, written and returned."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from unsung.cli import app
from unsung.data import read_manifest

RUNNER = CliRunner()


def run(*words: object):
    return RUNNER.invoke(app, ["data", *(str(word) for word in words)])


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder of eight sounds and a broken one, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for i in range(8):
        folder = tmp_path / "set" / ("human" if i % 2 else "ai/Suno")
        folder.mkdir(parents=True, exist_ok=True)
        noise = 0.2 * np.random.default_rng(i).standard_normal(round(22050 * 2.5))
        soundfile.write(folder / f"{i}.{'wav' if i % 2 else 'flac'}", noise, 22050)
    return tmp_path / "set"


@pytest.fixture
def manifest(tree):
    result = run("build", tree, "-o", tree / "m.jsonl", "--jobs", 1)
    assert result.exit_code == 0, result.output
    return tree / "m.jsonl"


def test_build_says_what_it_wrote_and_lists_what_it_could_not(tree, tmp_path):
    (tree / "human" / "bad.wav").write_bytes(b"junk")
    result = run("build", tree, "-o", tree / "m.parquet", "--jobs", 1, "--name", "mine")
    assert result.exit_code == 1
    assert "m.parquet: 8 tracks, 0.01 hours" in result.stdout
    assert "left out: 1 files, listed in" in result.stderr
    assert read_manifest(tree / "m.parquet").name == "mine"
    assert (tree / "m.problems.jsonl").exists()
    assert (tmp_path / "cache" / "unsung" / "audio.sqlite").exists()


def test_a_card_stands_beside_the_manifest(manifest):
    names = {path.name for path in manifest.parent.iterdir()}
    assert names >= {"m.jsonl", "m.README.md", "m.croissant.json", "m.tracks.csv"}
    assert str(manifest.parent) not in (manifest.parent / "m.tracks.csv").read_text()


def test_the_same_sound_is_not_torn_apart(tree, tmp_path):
    sound = soundfile.read(tree / "human" / "1.wav")[0]
    rows = []
    for i in range(6):  # six names and levels of one sound, six of others
        soundfile.write(tmp_path / f"a{i}.flac", np.tile(sound, 3) * (0.1 + i / 10), 22050)
        other = 0.2 * np.random.default_rng(99 + i).standard_normal(22050 * 7)
        soundfile.write(tmp_path / f"b{i}.flac", other, 22050)
        rows += [f"a{i}.flac,human", f"b{i}.flac,human"]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,label", *rows]))
    result = run("split", table, "-o", tmp_path / "s.jsonl", "--folds", 2, "--sound", "--jobs", 1)
    assert result.exit_code == 0, result.output
    parts = {t.id: t.split for t in read_manifest(tmp_path / "s.jsonl")}
    assert len({parts[f"a{i}.flac"] for i in range(6)}) == 1
    assert len({parts[f"b{i}.flac"] for i in range(6)}) == 1  # the other fold
    run("split", table, "-o", tmp_path / "s.jsonl", "--folds", 2)
    parts = {t.id: t.split for t in read_manifest(tmp_path / "s.jsonl")}
    assert len({parts[f"a{i}.flac"] for i in range(6)}) == 2


def test_check_names_the_confound_and_the_leak(manifest, tmp_path):
    result = run("check", manifest, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "8 compared by sound" in result.stdout and "codec" in result.stdout
    twice = tmp_path / "t.csv"
    rows = [f"set/human/1.wav,human,{part},{part}" for part in ("train", "test")]
    twice.write_text("\n".join(["path,label,split,id", *rows]))
    result = run("check", twice, "--jobs", 1)
    assert result.exit_code == 1
    assert "error: path: 1 files listed more than once" in result.stdout
    assert "error: leak:content" in result.stdout
    report = json.loads(run("check", twice, "--json", "--no-sound").stdout)
    assert report["n_errors"] == 2 and report["n_heard"] == 0


def test_split_stats_sample_frames_export(manifest, tmp_path):
    split = tmp_path / "split.jsonl"
    result = run("split", manifest, "-o", split, "--parts", "train=0.5,test=0.5")
    assert result.exit_code == 0, result.output
    assert "train: 4 tracks (" in result.stdout and "test: 4 tracks (" in result.stdout
    result = run("split", split, "-o", tmp_path / "again.jsonl", "--folds", 2)
    assert "kept: 8 tracks had a split already" in result.stderr
    over = run("split", split, "-o", split, "--unseen-generator", "Suno", "--resplit")
    assert over.exit_code == 2  # an input is never replaced
    unseen = tmp_path / "unseen.jsonl"
    run("split", split, "-o", unseen, "--unseen-generator", "Suno", "--resplit")
    assert {t.split for t in read_manifest(unseen) if t.generator} == {"test"}

    result = run("stats", split, "--report", tmp_path / "page")
    assert "8 tracks, 0.01 hours" in result.stdout and (tmp_path / "page" / "data.html").exists()
    assert json.loads(run("stats", split, "--json").stdout)["labels"] == {"ai": 4, "human": 4}

    mini = tmp_path / "mini" / "m.jsonl"
    result = run(
        "sample", split, "-n", 2, "-o", mini, "--copy", mini.parent, "--cut", 1, "--jobs", 1
    )
    assert result.exit_code == 0 and len(read_manifest(mini)) == 4
    assert '"path": "audio/' in mini.read_text()

    result = run("frames", split, "-o", tmp_path / "frames", "--seconds", 0.5, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "40 frames of 8 files (0 done before)" in result.stdout
    result = run("frames", split, "-o", tmp_path / "frames", "--seconds", 0.5, "--jobs", 1)
    assert "(8 done before)" in result.stdout

    result = run("export", split, "--to", "csv", "-o", tmp_path / "m.csv")
    assert result.exit_code == 0 and len(read_manifest(tmp_path / "m.csv")) == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("build", "none", "-o", "x.jsonl"), "there is nothing of this name"),
        (("build", ".", "--corpus", "sonic", "-o", "x.jsonl"), "did you mean 'sonics'"),
        (("check", "none.jsonl"), "cannot be read"),
        (("check", "none.csv"), "cannot be read as a CSV table"),
        (("stats", "junk.parquet"), "expected a first line"),
        (("frames", "t.csv", "-o", "x", "--take", "midle"), "did you mean 'middle'"),
        (("split", "t.csv", "-o", "x.jsonl", "--parts", "half"), "expected parts like"),
        (("split", "t.csv", "-o", "x.jsonl", "--by", "artst"), "no field to split by"),
        (("sample", "t.csv", "-o", "x.jsonl", "--cut", "2"), "expected --copy"),
        (("export", "t.csv", "-o", "x", "--to", "tar"), "no export format named 'tar'"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "t.csv").write_text("path,label\na.wav,human\n")
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    result = run(*words)
    assert result.exit_code == 2 and message in result.stderr, result.output
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", ["build", "check", "split", "stats", "sample", "frames", "export"])
def test_help_teaches_by_example(verb):
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert f"unsung data {verb} " in result.stdout


def test_build_says_what_it_left_out_and_how_it_read_numbers(tree, tmp_path):
    (tree / "human" / "notes.docx").write_text("x")
    (tree / "human" / "call.g722").write_bytes(b"")
    done = run("build", tree, "-o", tmp_path / "m.jsonl", "--no-cards")
    assert ".docx 1" in done.output
    listed = (tmp_path / "m.problems.jsonl").read_text()
    assert "call.g722" in listed and ".docx" not in listed
    song = next((tree / "human").rglob("*.wav"))
    for label, said in (("0", True), ("1.0", True), ("human", False)):
        table = tmp_path / "t.csv"
        table.write_text(f"path,label\n{song},{label}\n")
        done = run("build", table, "-o", tmp_path / "t.jsonl", "--no-cards")
        assert done.exit_code == 0
        assert ("1 as ai" in done.output) == said
