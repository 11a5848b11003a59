# SPDX-License-Identifier: MIT
from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
import soundfile
import typer
from typer.testing import CliRunner

from unsung.cli import _synth_generate as verbs
from unsung.cli._errors import Group
from unsung.data import read_manifest

APP = typer.Typer(cls=Group)
for verb in (verbs.generate, verbs.prompts, verbs.lyrics):
    APP.command(verb.__name__)(verb)
PROGRAM = """
import sys
import numpy as np, soundfile
seed, style, out = sys.argv[1:]
if "punk" in style:
    raise SystemExit("no punk")
soundfile.write(out, 0.1 * np.random.default_rng(int(seed)).standard_normal(8000), 8000)
"""


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("UNSUNG_WRITER_KEY", "OPENAI_API_KEY", "UNSUNG_WRITER_URL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def run(*words):
    return CliRunner().invoke(APP, [str(word) for word in words])


def test_lyrics():
    done = run("lyrics", "rain", "--mood", "calm", "--seed", 3)
    assert done.exit_code == 0, done.output
    assert "[verse]" in done.stdout and "[chorus]" in done.stdout
    assert "embedded grammar" in done.stderr
    assert run("lyrics", "rain", "--mood", "calm", "--seed", 3).stdout == done.stdout
    song = json.loads(run("lyrics", "rain", "--json").stdout)
    assert {part["name"] for part in song["sections"]} == {"verse", "chorus", "bridge"}


def test_lyrics_like_a_real_song(tmp_path):
    real = tmp_path / "real.txt"
    real.write_text(
        "[Verse]\n" + "The harbour lights are very low\nThe captains all agree to go\n" * 3
    )
    done = run("lyrics", "--like", real, "--mood", "calm")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("[verse]") == 1 and (
        "harbour" in done.stdout.lower() or "captain" in done.stdout.lower()
    )
    assert "captains all agree" not in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lyrics",), "expected a topic"),
        (("lyrics", "rian"), "did you mean 'rain'"),
        (("lyrics", "rain", "--writer", "endpoint"), "expected a model"),
        (("prompts",), "expected --output"),
        (("prompts", "-o", "x.jsonl", "--kind", "half"), "--songs FILE"),
        (("generate", "-o", "x"), "expected --with"),
        (("generate", "--with", "musicgen"), "expected --output"),
        (("generate", "--with", "musicgne", "-o", "x"), "did you mean 'musicgen'"),
        (("generate", "--with", "musicgen", "-o", "x", "--set", "topk"), "key=value"),
        (("generate", "--with", "musicgen", "-o", "x", "--prompts", "no.jsonl"), "cannot be read"),
    ],
)
def test_wrong_usage(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


def test_lists_and_help():
    assert "musicgen: MusicGen" in run("generate", "--list").stdout
    assert "genres: afrobeat" in run("prompts", "--list").stdout
    for verb in ("generate", "prompts", "lyrics"):
        plain = re.sub(r"\x1b\[[0-9;]*m", "", run(verb, "--help").stdout)
        assert f"unsung synth {verb}" in plain


def test_prompts_then_generate_then_again(tmp_path):
    script, listed, out = tmp_path / "gen.py", tmp_path / "p.jsonl", tmp_path / "ai"
    script.write_text(PROGRAM)
    done = run("prompts", "-o", listed, "--n", 6, "--genres", "folk,punk", "--seed", 1)
    assert done.exit_code == 0, done.output
    assert "6 prompts in" in done.stdout
    assert "embedded grammar" in done.stdout
    styles = [json.loads(line)["style"] for line in listed.read_text().splitlines()]
    bad = sum("punk" in style for style in styles)
    assert 0 < bad < 6
    command = f"{sys.executable} {script} {{seed}} {{style}} {{output}}"
    words = ("generate", "--with", "command", "--command", command, "--set", "label=mine")
    words += ("--prompts", listed, "-o", out, "--seconds", 0.5)
    done = run(*words)
    assert done.exit_code == 1  # some failed
    assert f"{6 - bad} made" in done.stdout and f"{bad} failed" in done.stdout
    assert "problems.jsonl" in done.stderr
    problems = [json.loads(line) for line in (out / "problems.jsonl").read_text().splitlines()]
    assert all("no punk" in row["message"] for row in problems) and len(problems) == bad
    manifest = read_manifest(out / "manifest.jsonl")
    assert {(t.label, t.use, t.generator) for t in manifest} == {("ai", "full", "mine")}
    assert all(soundfile.info(t.path).frames == 4000 for t in manifest)
    again = json.loads(run(*words, "--json").stdout)
    assert (again["made"], again["kept"], again["failed"]) == (0, 6 - bad, bad)


def test_half_fake_from_songs(tmp_path):
    table = tmp_path / "songs.csv"
    table.write_text('id,lyrics,genre\n1,"Oh the sea\nIs calling me",folk\n', encoding="utf-8")
    done = run("prompts", "-o", tmp_path / "p.jsonl", "--kind", "mostly,half", "--songs", table, "--n", 2)  # fmt: skip  # noqa: E501
    assert done.exit_code == 0, done.output
    only = run("prompts", "-o", tmp_path / "h.jsonl", "--kind", "half", "--songs", table, "--n", 1)
    assert "no lyrics were written" in only.stdout
    mostly, half = (json.loads(x) for x in (tmp_path / "p.jsonl").read_text().splitlines())
    assert "Is calling me" in half["lyrics"] and "Is calling me" not in mostly["lyrics"]
    assert mostly["source"] == half["source"] == "1"


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_musicgen_end_to_end(tmp_path):
    """The whole way with random weights: saved like the published model, loaded, heard, listed."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    place = Path(__file__).parents[1] / "synthesis" / "generators" / "tiny.py"
    spec = importlib.util.spec_from_file_location("tiny", place)
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    model = tiny.musicgen(tmp_path / "musicgen-tiny")
    out = tmp_path / "ai"
    done = run("generate", "--with", "musicgen", "--model", model, "--n", 3, "--seconds", 1, "-o", out)  # fmt: skip  # noqa: E501
    assert done.exit_code == 0, done.output
    manifest = read_manifest(out / "manifest.jsonl")
    assert [t.generator for t in manifest] == ["musicgen-tiny"] * 3
    assert len({t.sha256 for t in manifest}) == 3
    assert {t.licence for t in manifest} == {"CC-BY-NC-4.0"}
    rows = [json.loads(line) for line in (out / "provenance.jsonl").read_text().splitlines()]
    assert all(len(row["provenance"]["weights_sha256"]) == 64 for row in rows)
    assert all(not row["prompt"]["lyrics"] for row in rows)  # MusicGen does not sing
