# SPDX-License-Identifier: MIT
"""Every verb in the core install: it works, or names the extra that it lacks and how to get it."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import tomllib
from ast import literal_eval
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsung.errors import MissingExtra
from unsung.registry import EXTRAS

ROOT = Path(__file__).resolve().parents[2]

WITHOUT = """
import sys, unittest.mock
from unsung.registry import EXTRAS
for place, finder in enumerate(sys.meta_path):
    class Blind:
        def __init__(self, finder): self.finder = finder
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in EXTRAS: return None
            return self.finder.find_spec(name, path, target)
        def __getattr__(self, name): return getattr(self.finder, name)
    sys.meta_path[place] = Blind(finder)
from typer.testing import CliRunner
from unsung.cli import app
for line in open("commands.txt").read().splitlines():
    done = CliRunner().invoke(app, line.split())
    text = " ".join((done.output + done.stderr).split())
    print(repr((line, done.exit_code, text)))
"""

WORK = {
    "scan a.wav",
    "scan a.wav --catalogue catalogue",
    "list detectors",
    "list explainers",
    "bundle info default",
    "data build m.csv -o m.jsonl",
    "data check m.jsonl",
    "explain a.wav --silent",
    "fingerprint gen",
    "instruments a.wav",
    "evaluate m.csv",
    "calibrate a.wav -o c.json",
    "train",
    "diff default fast --data m.csv --out differ",
    "stress a.wav --with gain",
    "attack a.wav --with gain@-3 -o b.wav",
    "weights list",
    "synth resynthesise --list",
    "export --help",
    "serve --help",
    "web --help",
    "reproduce --help",
    "demo --help",
}
LACK = {
    "scan a.wav --parquet o.parquet": "tables",
    "scan a.wav --ray local": "cluster",
    "scan s3://bucket/a.wav": "objects",
    "serve": "serve",
    "explain a.wav --with lrp": "research",
    "explain a.wav --with shap_kernel": "research",
    "instruments a.wav --with crp --report pages": "research",
    "descriptors m.csv --out d.csv": "research",
    "train residual_linear --data m.csv": "research",
    "export runs/x -o y": "research",
    "attack a.wav -o b.wav --with resynthesis": "synthesis",
    "stress a.wav --with resynthesis": "research",
    "synth resynthesise a.wav --with zoo:4 -o pairs": "synthesis",
    "weights fetch asvspoof/aasist": "research",
    "weights pull a/b": "research",
    "weights push runs a/b": "research",
    "weights convert a.wav --detector ast --to w": "research",
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    folder = tmp_path_factory.mktemp("core")
    sound = 0.2 * np.random.default_rng(0).standard_normal((2, 16000 * 4))
    (folder / "gen" / "x").mkdir(parents=True)
    for name, samples in zip(("a.wav", "gen/x/b.wav"), sound, strict=True):
        soundfile.write(folder / name, samples, 16000)
    (folder / "m.csv").write_text("path,label\na.wav,human\ngen/x/b.wav,ai\n")
    (folder / "commands.txt").write_text("\n".join((*sorted(WORK), *LACK)))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=folder, check=True, capture_output=True, text=True
    )
    rows = [literal_eval(line) for line in done.stdout.splitlines() if line.startswith("('")]
    return {line: (code, text) for line, code, text in rows}


@pytest.mark.parametrize("command", sorted(WORK))
def test_works_without_any_extra(command: str, answers: dict[str, tuple[int, str]]) -> None:
    code, text = answers[command]
    assert code == 0, text


@pytest.mark.parametrize("command", sorted(LACK))
def test_names_the_extra_that_it_lacks(command: str, answers: dict[str, tuple[int, str]]) -> None:
    code, text = answers[command]
    assert code == 1 and f"'.[{LACK[command]}]'" in text and "fault of unsung" not in text, text


def test_each_verb_is_walked() -> None:
    from unsung.cli import app

    names = {command.name for command in app.registered_commands}
    names |= {group.name for group in app.registered_groups}
    assert names == {line.split()[0] for line in (*WORK, *LACK)}


def test_every_optional_dependency_has_its_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    imported = {
        "pillow": "PIL",
        "pyfluidsynth": "fluidsynth",
        "scikit-learn": "sklearn",
        "setuptools": None,
    }
    for extra, needs in project["optional-dependencies"].items():
        for need in needs if extra not in ("dev", "all") else ():
            name = re.split(r"[\[<>=~! ]", need)[0]
            module = imported.get(name, name.replace("-", "_"))
            if name != "unsung" and module is not None:
                known = EXTRAS[module]
                brought = project["optional-dependencies"][known]
                assert any(re.split(r"[\[<>=~! ]", n)[0] == name for n in brought), name


def test_the_error_travels_between_processes() -> None:
    error = MissingExtra("torch", "research", "training")
    again = pickle.loads(pickle.dumps(error))
    assert (again.package, again.extra, str(again)) == ("torch", "research", str(error))
