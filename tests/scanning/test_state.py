# SPDX-License-Identifier: MIT
"""The same folder gives the same counts in lines, summary, index page, catalogue and JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from unsung.cli import app
from unsung.scanning.quarantine import read_quarantine
from unsung.types import Score

LINE = {"ai": "AI", "human": "human", "undecided": "undecided", "failed": "error"}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Sound, silence, a cut file that is judged, one too short for it, NaN, text."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    rng = np.random.default_rng(0)
    noise = (0.2 * rng.standard_normal(16000 * 6)).astype(np.float32)
    some = noise.copy()
    some[5] = np.nan
    sounds = {
        "whole": noise,
        "one-nan": some,
        "silent": np.zeros(16000 * 4, np.float32),
        "nan": np.full(16000 * 4, np.nan, np.float32),
        "short": noise[:1000],
        "cut": noise,
        "cut-short": noise[:8000],
    }
    for name, samples in sounds.items():
        path = folder / f"{name}.wav"
        soundfile.write(path, samples, 16000, "FLOAT")
        if name.startswith("cut"):
            data = path.read_bytes()
            path.write_bytes(data[: 2 * len(data) // 3])
    (folder / "text.mp3").write_text("no sound\n" * 100)
    return folder


def test_every_count_says_the_same(mixed: Path, tmp_path: Path) -> None:
    run = CliRunner()
    rows = [
        Score.from_dict(json.loads(line))
        for line in run.invoke(app, ["scan", str(mixed), "--json", "--quiet"]).stdout.splitlines()
    ]
    states = Counter(row.state for row in rows)
    assert len(rows) == 8 and states["failed"] == 5 and sum(row.damaged for row in rows) == 1
    for row in rows:
        assert (row.verdict is None) == (row.state == "failed") == (row.logit is None)
        assert bool(row.notes) == row.path.endswith("one-nan.wav")

    plain = run.invoke(app, ["scan", str(mixed), "--report", str(tmp_path / "pages")])
    words = Counter(line.split()[0] for line in plain.stdout.splitlines() if str(mixed) in line)
    assert words == {LINE[state]: n for state, n in states.items()}
    total = next(line for line in plain.stderr.splitlines() if "tracks:" in line)
    told = {word: int(n) for n, word in re.findall(r"(\d+) (AI|human|undecided|failed)", total)}
    names = {**LINE, "failed": "failed"}
    assert told == {name: states[s] for s, name in names.items()}

    page = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    keys = re.findall(r'<tr data-verdict="(\w+)"', page)
    assert Counter(keys) == states

    store = tmp_path / "catalogue"
    run.invoke(app, ["scan", str(mixed), "--catalogue", str(store), "--quiet"])
    summary = (store / "summary.html").read_text(encoding="utf-8")
    counted = {
        word: int(n) for n, word in re.findall(r"<strong>(\d+)</strong> (?:called )?(\w+)", summary)
    }
    assert counted == {names[s]: n for s, n in states.items() if n}
    assert len(list(read_quarantine(store / "quarantine.jsonl"))) == states["failed"]

    again = run.invoke(app, ["scan", str(mixed), "--catalogue", str(store)])
    assert re.findall(r"^(\d+) .*--retry-", again.stderr, re.MULTILINE) == [str(states["failed"])]
