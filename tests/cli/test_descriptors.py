# SPDX-License-Identifier: MIT
"""`unsung descriptors`: the table, what is left out, the exit code."""

import csv

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

pytest.importorskip("torch")

from unsung.cli._descriptors import descriptors


@pytest.fixture
def app():
    made = typer.Typer()
    made.command()(descriptors)
    return made


def listed(folder, *names):
    """Write sounds and the table that lists them; a name of "bad" is no sound."""
    lines = ["path,label"]
    for index, name in enumerate(names):
        path = folder / f"{name}{index}.wav"
        if name == "bad":
            path.write_bytes(b"no sound")
        else:
            noise = 0.1 * np.random.default_rng(index).standard_normal(16000)
            soundfile.write(path, noise, 16000)
        lines.append(f"{path},human")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


def test_a_table_with_a_line_for_each_file(app, tmp_path):
    table = tmp_path / "out" / "t.csv"
    result = CliRunner().invoke(app, [str(listed(tmp_path, "a", "b")), "--out", str(table)])
    assert result.exit_code == 0, result.output
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["human", "human"]
    assert list(rows[0])[:3] == ["file", "label", "centroid"]
    assert 1000 < float(rows[0]["centroid"]) < 8000
    assert "2 files, 15 columns" in result.output


def test_a_bad_file_is_named_and_the_exit_code_says_so(app, tmp_path):
    table = tmp_path / "t.csv"
    result = CliRunner().invoke(app, [str(listed(tmp_path, "a", "bad")), "--out", str(table)])
    assert result.exit_code == 1
    assert "bad1.wav: " in result.output
    assert len(table.read_text().splitlines()) == 2
