# SPDX-License-Identifier: MIT
from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from unsung.cli import app
from unsung.scanning.stress import Curve

RUNNER = CliRunner()
FEW = ("--with", "gain", "--with", "low_pass", "--seconds", "4")


def run(*words: object):
    return RUNNER.invoke(app, [str(word) for word in words])


@pytest.fixture
def song(tmp_path):
    def write(name="song.wav", seed=0):
        samples = np.random.default_rng(seed).standard_normal(22050 * 5) * 0.1
        soundfile.write(tmp_path / name, samples, 22050)
        return tmp_path / name

    return write


def test_a_song_is_a_table(song):
    result = run("stress", song(), *FEW)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "song.wav: " in lines[0] and "AI from" in lines[0]
    assert lines[1].split()[:4] == ["attack", "unit", "breaks", "at"]
    assert {line.split()[0] for line in lines[2:]} == {"gain", "low_pass"}


def test_json_lines_give_the_records_back(song):
    result = run("stress", song(), *FEW, "--json")
    track, *curves = [json.loads(line) for line in result.stdout.splitlines()]
    assert track["kind"] == "track" and track["clean"]["logit"] is not None
    assert [c["kind"] for c in curves] == ["curve", "curve"]
    for values in curves:
        for key in ("kind", "path", "label"):
            values.pop(key)
        assert len(Curve.from_dict(values).logits) == len(values["strengths"])


def test_a_manifest_gives_survival_and_a_page(song, tmp_path):
    for seed, name in enumerate(("a.wav", "b.wav")):
        song(name, seed)
    table = tmp_path / "list.csv"
    table.write_text("path,label\na.wav,human\nb.wav,ai\nmissing.wav,ai\n")
    result = run("stress", table, *FEW, "--report", tmp_path / "out", "--jobs", 2)
    assert result.exit_code == 1  # one file failed, the others are there
    assert "1 human tracks; clean:" in result.stdout and "half lost at" in result.stdout
    assert "missing.wav" in result.stderr
    assert (tmp_path / "out" / "stress.html").exists()
    rows = [json.loads(x) for x in run("stress", table, *FEW, "--json").stdout.splitlines()]
    labels = {row["label"] for row in rows if row["kind"] == "survival"}
    assert labels == {"human", "ai"}


def test_in_sample_tracks_are_told(song, monkeypatch):
    from unsung.runtime import Bundle

    monkeypatch.setattr(Bundle, "trained_on", lambda self, sha256: True)
    result = run("stress", song(), "--with", "gain")
    assert "warning: the detector was trained on this file" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--with", "pitch_shfit"), "did you mean 'pitch_shift'"),
        (("--with", "mp3@9000"), "expected a strength from"),
        (("--with", "pgd"), "leave them out"),
        (("--battery", "wimu_sonics"), "did you mean 'wimu-sonics'"),
        (("--calibration", "none.json"), "none.json"),
        (("--false-alarm-rate", "2"), "false-alarm rate"),
        (("--seconds", "0"), "more than 0 seconds"),
        (("--detector", "none"), "none"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(song, words, message):
    result = run("stress", song(), *words)
    assert result.exit_code == 2 and message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_song_is_code_1(tmp_path):
    result = run("stress", tmp_path / "none.wav", "--with", "gain")
    assert result.exit_code == 1 and "error: " in result.stderr


def test_a_table_without_labels_says_so(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("path\na.wav\n")
    result = run("stress", table)
    assert result.exit_code == 2 and "label missing" in result.stderr


def test_an_empty_table_says_so(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("path,label\n")
    result = run("stress", table)
    assert result.exit_code == 2 and "no rows" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_log_that_is_something_else_is_left_alone(song, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("precious\n")
    result = run("stress", song(), *FEW, "--resume", notes)
    assert result.exit_code == 2 and notes.read_text() == "precious\n"
    assert notes.read_text() == "precious\n"


def test_bundle_info_measures_on_request(monkeypatch):
    from unsung.scanning import efficiency

    real = efficiency.efficiency
    monkeypatch.setattr(
        efficiency, "efficiency", lambda bundle: real(bundle, seconds=11.0, rounds=1)
    )
    values = json.loads(run("bundle", "info", "--efficiency", "--json").stdout)
    assert values["efficiency"]["audio_s"] == 11.0
    assert "efficiency" not in json.loads(run("bundle", "info", "--json").stdout)


def test_a_resumed_run_says_the_same_and_runs_nothing(song, tmp_path, monkeypatch):
    from unsung.scanning import stress as story

    song("a.wav", 1)
    song("b.wav", 2)
    table, log = tmp_path / "list.csv", tmp_path / "log.jsonl"
    table.write_text("path,label,source\na.wav,human,p\nb.wav,human,p\n")
    words = ("stress", table, *FEW, "--resume", log, "--quiet")
    first = run(*words)
    assert first.exit_code == 0, first.output
    kinds = [json.loads(line)["kind"] for line in log.read_text().splitlines()]
    assert sorted(kinds) == ["curve"] * 4 + ["track"] * 2
    monkeypatch.setattr(story, "search", None)  # a call would raise
    again = run(*words)
    assert again.exit_code == 0 and again.stdout == first.stdout
    assert "1 groups of the manifest" in again.stdout
    assert "no ai tracks; misses cannot be counted" in again.stderr


def test_own_thresholds_move_the_breaks(song, tmp_path):
    from unsung.runtime import load_bundle
    from unsung.scanning.calibration import FORMAT, OwnCalibration

    bundle = load_bundle("default")
    own = OwnCalibration(FORMAT, "mine", bundle.name, bundle.sha256, False, 200, 0, (0.01,), (-99,))
    own.save(tmp_path / "own.json")
    words = ("stress", song(), "--with", "gain", "--calibration", tmp_path / "own.json")
    result = run(*words)
    assert result.exit_code == 0 and ": ai, logit" in result.stdout and "-99" in result.stdout
    assert run("stress", song(), "--with", "gain", "--calibration", song()).exit_code == 2


def test_batteries_and_chains(song):
    words = ("--battery", "deezer", "--with", "mp3@64+gain@-3", "--seconds", "2")
    result = run("stress", song(), *words)
    assert result.exit_code == 0, result.output
    assert "deezer: reverb" in result.stdout and "mp3@64+gain@-3" in result.stdout
    assert "left out" not in result.stderr


def test_both_sides_are_in_the_table(song, tmp_path):
    song("a.wav", 1)
    song("b.wav", 2)
    table = tmp_path / "list.csv"
    table.write_text("path,label\na.wav,human\nb.wav,ai\n")
    result = run("stress", table, *FEW)
    assert result.exit_code == 0 and "tracks taken as independent" in result.stdout
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("gain")]
    assert {row[2]: "missed" in row for row in rows} == {"ai": True, "human": False}
    assert all(("accused" in row) == (row[2] == "human") for row in rows)
