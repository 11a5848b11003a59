# SPDX-License-Identifier: MIT
"""What the README shows is what the tool does and what was measured."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands():
    found = re.findall(r"^\$ unsung (.+?)(?:\s+#.*)?$", README, flags=re.MULTILINE)
    assert len(found) >= 8
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_has_its_verb_and_options(command):
    from typer.testing import CliRunner

    from unsung.cli import app

    words = command.split()
    nested = words[0] in ("data", "synth", "bundle", "weights")
    verb = words[: 2 if nested else 1]
    text = CliRunner().invoke(app, [*verb, "--help"], env={"COLUMNS": "200"})
    assert text.exit_code == 0, text.output
    for word in words:
        if word.startswith("--"):
            assert word in text.output


def test_the_python_example_runs(tmp_path):
    code = re.search(r"```python\n(.+?)```", README, flags=re.DOTALL).group(1)
    time = np.arange(5 * 16000) / 16000
    sound = 0.1 * np.sin(2 * np.pi * 440 * time)
    sound += 0.05 * np.random.default_rng(0).standard_normal(len(time))
    soundfile.write(tmp_path / "song.wav", sound, 16000)
    code = code.replace("song.mp3", "song.wav")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.split()[0] in ("human", "ai", "undecided")


def test_the_tables_are_the_measured_ones(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    import readme_tables

    for table in (readme_tables.results_table(), readme_tables.speed_table()):
        assert table in README, "run: python bench/readme_tables.py"


def test_links_and_pictures_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z-]+)", README)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def measured(name):
    return [json.loads(line) for line in (ROOT / "results" / name).read_text().splitlines()]


def percent(share, digits=1):
    return f"{100 * share:.{digits}f} %"


def text_of_readme():
    return " ".join(README.split())


def test_human_music_in_the_text_is_what_was_counted():
    counts = Counter(row["verdict"] for row in measured("human-music.jsonl"))
    n = sum(counts[word] for word in ("ai", "human", "undecided"))
    said = (
        f"{n} tracks of 86 packages that no fit and no threshold has seen: {counts['ai']} called AI"
    )
    assert said in text_of_readme()
    assert f"{counts['undecided']} undecided, {counts['human']} human" in text_of_readme()
    assert f"({percent(counts['ai'] / n)}, 95 % interval" in text_of_readme()


def test_the_smaller_detector_in_the_text_is_the_measured_one():
    found = {
        (row["dataset"], row["condition"], row["metric"]): row
        for row in measured("fast-detector.jsonl")
        if row["detector"] == "fast"
    }
    auc = found["AI, all", "as published", "auc"]
    shares = [
        found[name, "verdict at 0.01 false alarms", "share_ai"]["value"]
        for name in ("AI, all", "human excerpts")
    ]
    said = f"AUC {auc['value']:.2f} [{auc['low']:.2f}, {auc['high']:.2f}], "
    said += (
        f"{percent(shares[0])} called AI at the same rate, {percent(shares[1])} of human excerpts"
    )
    assert said in text_of_readme()


def test_failures_in_the_text_are_the_measured_ones():
    found = {r["metric"]: r["value"] for r in measured("songs.jsonl")}
    text = text_of_readme()
    for what, after in (
        ("share_ai[family=Udio]", " of 15 when it has"),
        ("share_ai[ai, mp3@64]", " at mp3 64 kbit/s"),
        ("share_ai[ai, speed@1.05]", " sped up by 5 %"),
        ("share_ai[ai, time_stretch@0.9]", " stretched by a tenth"),
        ("share_ai[ai, pitch_shift@-1]", " pitched down a semitone"),
        ("share_ai[ai, reverb@0.8]", " after a long reverb"),
        ("share_ai[ai, playback]", " and "),
        ("share_ai[ai, playback_far]", " through a microphone near and far"),
        ("share_ai[human, vocoder_stretch@0.9]", " of cases"),
    ):
        assert f" {100 * found[what]:.0f} %{after}" in text, what
