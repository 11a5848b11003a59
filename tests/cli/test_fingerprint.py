# SPDX-License-Identifier: MIT
"""The verb: table, JSON, page, gallery, attribution, and errors that say what to do."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from unsung.audio import signals
from unsung.cli._errors import Group
from unsung.cli.fingerprint import fingerprint

RUNNER = CliRunner()
RATE_HZ = 16000

app = typer.Typer(cls=Group)
app.command("fingerprint")(fingerprint)
app.command("other")(lambda: None)  # with one command only, typer drops its name


def run(*words: object):
    return RUNNER.invoke(app, ["fingerprint", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Two generators with lines every 50 and 75 Hz, and human noise, each its own file."""
    folder = tmp_path_factory.mktemp("music")
    lines = ["path,label,generator,source,recording,fold"]
    for name, spacing, count in (("human", 0.0, 4), ("fifty", 50.0, 4), ("seventy", 75.0, 4)):
        for number in range(count):
            sound = signals.noise(number + len(name) * 10, 3.0, RATE_HZ, 0.05)
            if spacing:
                sound = sound + signals.comb(spacing, 3.0, RATE_HZ, 5e-3, number)
            file = folder / f"{name}{number}.wav"
            soundfile.write(file, sound.astype(np.float32), RATE_HZ)
            label = "human" if name == "human" else "ai"
            lines.append(f"{file.name},{label},{'' if label == 'human' else name},p{number},,")
    (folder / "music.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_table_page_gallery_and_attribution(music, tmp_path):
    page, saved = tmp_path / "prints.html", tmp_path / "gallery.npz"
    result = run(music / "music.csv", "--report", page, "--save", saved, "--quiet")
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line for line in result.stdout.splitlines()[1:]}
    assert "50.00 Hz = 16000 / 320" in rows["fifty"]
    assert "75.00 Hz" in rows["seventy"]
    text = page.read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    assert text.count("<audio") == 2 and text.count("data:audio/ogg;base64,") == 2
    assert text.count('<article class="print"') == 2
    assert not re.findall(r"https?://", text)
    assert 'class="tooth"' in text
    named = run("--attribute", music / "fifty1.wav", "--gallery", saved, "--json")
    assert named.exit_code == 0, named.output
    row = json.loads(named.stdout)
    assert row["kind"] == "attribution" and row["generator"] == "fifty"


def test_json_and_own_gallery(music):
    result = run(music / "music.csv", "--attribute", music / "seventy2.wav", "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["kind"] for row in rows] == ["fingerprint", "fingerprint", "attribution"]
    assert rows[0]["comb"]["found"] and rows[2]["generator"] == "seventy"


def test_the_packaged_gallery_compares_and_names_without_a_corpus(music):
    alone = music / "alone"
    alone.mkdir()
    (alone / "fifty0.wav").write_bytes((music / "fifty0.wav").read_bytes())
    result = run(alone)
    assert result.exit_code == 0, result.output
    assert "alone" in result.stdout and "50.00 Hz" in result.stdout
    assert run("--attribute", alone / "fifty0.wav").exit_code == 0


def test_unreadable_files_cost_only_themselves(music, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bad.wav").write_bytes(b"RIFF")
    (tmp_path / "a" / "good.wav").write_bytes((music / "fifty0.wav").read_bytes())
    result = run(tmp_path, "--against", music / "music.csv", "--quiet")
    assert result.exit_code == 1
    assert "bad.wav" in result.stderr and "50.00 Hz" in result.stdout
    result = run("--attribute", tmp_path / "a" / "bad.wav")
    assert result.exit_code == 1 and "bad.wav" in result.stderr


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "expected a folder or table"),
        (("--save", "x.json", "--attribute", "a.wav"), "need a folder or table"),
        (("nowhere/at/all",), "found nothing"),
    ],
)
def test_wrong_usage_is_told(words, message):
    result = run(*words)
    assert result.exit_code != 0
    assert message in result.output


def test_wrong_save_name_is_told(music, tmp_path):
    result = run(music / "music.csv", "--save", tmp_path / "x.txt", "--quiet")
    assert result.exit_code != 0
    assert ".json or .npz" in " ".join(result.output.split())
