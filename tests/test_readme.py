# SPDX-License-Identifier: MIT
"""What the README shows is what the tool does and what was measured."""

import re
import subprocess
import sys
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
