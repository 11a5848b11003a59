# SPDX-License-Identifier: MIT
"""`unsung instruments`: what it prints and writes, and how it goes on after a bad file."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from unsung.audio.write import write
from unsung.cli._errors import Group
from unsung.cli.instruments import instruments
from unsung.runtime.instruments import load_instruments
from unsung.synthesis.instruments import PRESETS, draw_clip, make_clip, program
from unsung.types import Clip

RATE_HZ = 22050
app = typer.Typer(cls=Group)
app.command("instruments")(instruments)


@app.callback()
def root():
    """A group, as the whole command line is one: it turns errors into exit codes."""


def run(*arguments):
    return CliRunner().invoke(app, ["instruments", *map(str, arguments)])


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Square waves: harmonic, steady, and no sound that the network was trained on."""
    notes = []
    for hz in (262.0, 330.0, 392.0, 523.0, 330.0, 262.0):
        time_s = np.arange(round(0.8 * RATE_HZ)) / RATE_HZ
        odd = range(1, int(10000 / hz), 2)
        wave = sum(np.sin(2 * np.pi * k * hz * time_s) / k for k in odd)
        notes.append(0.1 * wave * np.linspace(1, 0.8, len(wave)))
    path = tmp_path_factory.mktemp("songs") / "a<b>square.wav"
    write(path, Clip(np.concatenate(notes)[None].astype(np.float32), RATE_HZ))
    return path


def test_the_packaged_network_is_whole_and_has_a_card():
    model = load_instruments()
    assert len(model.outputs) == 12 and len(model.thresholds) == 12
    assert any("FluidSynth" in line for line in model.info["card"]["lines"])
    assert "recordings" in model.info["card"]["recordings"]
    size = sum(file.stat().st_size for file in model.path.iterdir())
    assert size < 2_000_000


def test_it_prints_what_share_and_when(song):
    result = run(song)
    assert result.exit_code == 0, result.output
    assert re.search(r"  in \d+.% of it  0:00–0:04", result.stdout), result.stdout
    assert "recordings" in result.stderr


def test_all_prints_the_unnamed_too(song):
    result = run(song, "--all")
    assert result.stdout.count("\n") == 13 and "(not named)" in result.stdout


def test_json_is_one_object_a_song(song):
    result = run(song, song, "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == 2 and rows[0]["instruments"] == rows[1]["instruments"]
    first = rows[0]["instruments"][0]
    assert set(first) == {"name", "heard", "probability", "share", "spans", "best_s"}
    assert first["heard"] and first["spans"] == [[0.0, 4.8]]


def test_it_names_what_its_own_soundfont_plays(tmp_path):
    """Four new melodies of two instruments: seven of the eight parts at least are named."""
    pytest.importorskip("fluidsynth")
    font = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
    if not font.exists():
        pytest.skip("FluidR3_GM is not installed")
    spec = replace(PRESETS["wimu"], counts=(2,), seed=31337, sample_rate_hz=RATE_HZ)
    hits = 0
    for number in range(4):
        sound, plan, _ = make_clip(spec, draw_clip(spec, number), font)
        path = tmp_path / f"{number}.wav"
        write(path, Clip(sound, RATE_HZ))
        rows = json.loads(run(path, "--json").stdout)["instruments"]
        named = {row["name"] for row in rows if row["heard"]}
        hits += sum(program(part.program).name in named for part in plan.parts)
    assert hits >= 7


def test_a_bad_file_does_not_stop_the_others(song, tmp_path):
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"not sound")
    result = run(bad, song)
    assert result.exit_code == 1
    assert "error:" in result.stdout and "of it" in result.stdout


def test_the_page_shows_when_and_where_without_torch(song, tmp_path):
    result = run(song, song, "--report", tmp_path, "--with", "occlusion")
    assert result.exit_code == 0, result.output
    pages = sorted(path.name for path in tmp_path.iterdir())
    assert pages == ["a_b_square-2.html", "a_b_square.html"]
    text = (tmp_path / "a_b_square.html").read_text()
    assert "Occlusion:" in text and "data:image/png" in text and "Where in the sound" in text
    assert "a&lt;b&gt;square" in text and "<b>square" not in text
    assert not re.search(r'(src|href)="https?:', text)


def test_the_page_says_that_crp_was_used(song, tmp_path):
    pytest.importorskip("torch")
    result = run(song, "--report", tmp_path, "--with", "crp")
    assert result.exit_code == 0, result.output
    assert "Concept relevance propagation" in (tmp_path / "a_b_square.html").read_text()


def test_wrong_settings_are_named(song, tmp_path):
    result = run(song, "--report", tmp_path, "--with", "lrq")
    assert result.exit_code == 2 and "no method named 'lrq'" in result.output
    result = run(song, "--model", tmp_path / "absent")
    assert result.exit_code == 2 and "instrument network" in result.output


def test_torch_gives_the_same_logits_as_the_graph():
    torch = pytest.importorskip("torch")
    from unsung.explainers._instruments import detector_of

    model = load_instruments()
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.standard_normal((1, round(model.window_s * RATE_HZ))).astype(np.float32)
    picture = model.front_end(sound)
    with torch.no_grad():
        wanted = detector_of(model).head(torch.from_numpy(picture)).numpy()
    assert model.logits(picture) == pytest.approx(wanted, abs=2e-3)
