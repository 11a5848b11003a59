# SPDX-License-Identifier: MIT
import json

import pytest
import typer
from typer.testing import CliRunner

from unsung.cli._errors import Group
from unsung.cli._synth_instruments import instruments
from unsung.errors import MissingTool
from unsung.synthesis.instruments.labels import read_labels
from unsung.synthesis.instruments.render import check_programs, find_soundfont

app = typer.Typer(cls=Group)
app.command("instruments")(instruments)


@app.callback()
def _root() -> None:
    pass


def run(*words):
    return CliRunner().invoke(app, ["instruments", *map(str, words)])


@pytest.fixture(scope="module")
def soundfont():
    try:
        path = find_soundfont()
        check_programs((0,), path)
    except MissingTool as error:
        pytest.skip(str(error))
    return path


def test_help_teaches():
    said = CliRunner().invoke(app, ["instruments", "--help"], env={"COLUMNS": "200"}).output
    for word in ("--preset", "wimu", "--similar", "--midi", "Symbotunes", "--soundfont"):
        assert word in said


def test_the_list_shows_names_and_ranges():
    said = run("--list")
    assert said.exit_code == 0
    assert " 40   55-96   violin" in said.output and "strings" in said.output
    assert "gunshot  (no pitch of its own)" in said.output


def test_a_corpus_is_made_and_continued(soundfont, tmp_path):
    words = ["-o", tmp_path / "c", "--n", 3, "--seconds", 2, "--rate", 22050, "--jobs", 1]
    words += ["--instruments", "strings", "--count", "2", "--similar", "--pitches", "60-70"]
    words += ["--format", "wav", "--stereo", "--splits", "100,0,0", "--soundfont", soundfont]
    said = run(*words)
    assert said.exit_code == 0, said.output
    assert "3 clips made" in said.output and "× real time per core" in said.output
    rows = read_labels(tmp_path / "c" / "labels.jsonl")
    assert {i.family for row in rows for i in row.instruments} == {"strings"}
    assert {len(row.instruments) for row in rows} == {2}
    assert all(60 <= note.pitch <= 70 for row in rows for note in row.notes)
    assert {row.split for row in rows} == {"train"} and rows[0].path.endswith(".wav")
    again = run(*words, "--json")
    assert json.loads(again.output)["n_kept"] == 3


def test_the_preset_is_changed_by_options(soundfont, tmp_path):
    out = tmp_path / "w"
    said = run("--preset", "wimu", "-o", out, "--n", 1, "--drums", "--jobs", 1)
    assert said.exit_code == 0, said.output
    values = json.loads((out / "corpus.json").read_text())
    assert values["style"]["mode"] == "sequence" and values["style"]["pitches"] == [60, 72]
    assert values["programs"][-1] == 128 and len(values["programs"]) == 13


def test_failed_clips_end_with_code_one(soundfont, tmp_path):
    (tmp_path / "midi").mkdir()
    (tmp_path / "midi" / "sample_0.mid").write_bytes(b"broken")
    said = run("-o", tmp_path / "c", "--n", 1, "--midi", tmp_path / "midi")
    assert said.exit_code == 2 and "no clip could be made" in said.output


def test_pitches_are_checked(soundfont):
    said = run("--check", "--instruments", "clarinet,trumpet", "--pitches", "66")
    assert said.exit_code == 0 and str(soundfont) in said.output
    rows = [line.split() for line in said.output.splitlines()[2:]]
    assert [row[-1] for row in rows] == ["clarinet", "trumpet"]
    assert all(row[1] == "66" and abs(float(row[4])) < 15 for row in rows)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ([], "expected --output, got none"),
        (["--preset", "wimo"], "did you mean 'wimu'"),
        (["--instruments", "violni"], "did you mean 'violin'"),
        (["--count", "many"], "got 'many'"),
        (["--splits", "80,20"], "expected three numbers"),
        (["--mode", "jazz"], "expected mode scale, uniform or sequence"),
        (["--soundfont", "none.sf2", "-o", "x"], "there is no such file"),
    ],
)
def test_wrong_usage_is_told(words, match):
    said = run(*words)
    assert said.exit_code == 2
    assert match in said.output
