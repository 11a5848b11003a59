# SPDX-License-Identifier: MIT
"""`unsung scan` with a catalogue, limits and marks."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from unsung.cli import app

RUNNER = CliRunner()


def run(*words: object):
    return RUNNER.invoke(app, ["scan", *(str(word) for word in words)])


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(3):
        samples = np.random.default_rng(number).standard_normal(4 * 22050) * 0.1
        soundfile.write(folder / f"{number}.flac", samples, 22050)
        os.utime(folder / f"{number}.flac", (1_700_000_000,) * 2)
    (folder / "copy.flac").write_bytes((folder / "0.flac").read_bytes())
    return folder


def test_a_catalogue_from_first_scan_to_retry(music, tmp_path):
    out = tmp_path / "out"
    (music / "empty.mp3").touch()
    first = run(music, "--catalogue", out, "--jobs", 1)
    assert first.exit_code == 1, first.output
    assert "1 hold the same bytes as another track" in first.stderr
    assert f"summary: {out / 'summary.html'}" in first.stderr
    assert {p.name for p in out.iterdir()} >= {"scores.jsonl", "quarantine.jsonl", "summary.html"}
    again = run(music, "--catalogue", out, "--jobs", 1)
    assert again.exit_code == 0 and again.stdout == ""
    assert "5 skipped" in again.stderr and "1 that failed before left out" in again.stderr
    retried = run(music, "--catalogue", out, "--jobs", 1, "--retry-quarantine")
    assert retried.exit_code == 1 and "EmptyAudio" in retried.stdout
    assert "<title>Catalogue of 5 tracks" in (out / "summary.html").read_text()


def test_sidecars_and_tags_only_on_request(music, tmp_path):
    before = {p.name: p.read_bytes() for p in music.iterdir()}
    assert run(music).exit_code == 0
    assert {p.name: p.read_bytes() for p in music.iterdir()} == before
    assert run(music / "0.flac", "--sidecar").exit_code == 0
    assert json.loads((music / "0.flac.unsung.json").read_text())["verdict"]
    assert (music / "0.flac").read_bytes() == before["0.flac"]
    assert run(music / "1.flac", "--write-tags").exit_code == 0
    assert b"UNSUNG_VERDICT=" in (music / "1.flac").read_bytes()[:2000]


def test_a_refused_tag_is_said_and_costs_the_exit_code(music):
    soundfile.write(music / "a.wav", np.random.default_rng(0).standard_normal(44100) * 0.1, 22050)
    result = run(music / "a.wav", "--write-tags")
    assert result.exit_code == 1 and "not written: " in result.stderr
    assert "use --sidecar" in result.stderr


def test_limits(music):
    result = run(music, "--max-size", 0.01, "--json")
    assert result.exit_code == 1
    assert {json.loads(line)["error"]["type"] for line in result.stdout.splitlines()} == {
        "FileTooLarge"
    }
    assert run(music / "0.flac", "--time-limit", 60).exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--catalogue", "c", "--resume", "r"], "expected --catalogue or --resume, got both"),
        (["--retry-failed"], "needs the --resume or --catalogue"),
        (["--watch"], "--watch needs --catalogue or --resume"),
        (["--watch", "--resume", "r.jsonl"], "--watch expects folders"),
        (["--time-limit", "0"], "time limit above 0"),
        (["--max-size", "0"], "at least 1 byte"),
    ],
)
def test_wrong_usage(words, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    result = run("x.mp3", *words)
    assert result.exit_code == 2 and says in result.output


def test_the_help_teaches(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    text = run("--help").output
    for word in ("--catalogue out/", "--watch", "CHANGES", "Exit codes:", "--ray"):
        assert word in text, word
