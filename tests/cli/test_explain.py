# SPDX-License-Identifier: MIT
"""`unsung explain`: what it prints and writes, and how it refuses."""

import json

import pytest
from typer.testing import CliRunner

from unsung.audio import signals
from unsung.audio.write import write
from unsung.cli import app
from unsung.types import Clip

run = CliRunner().invoke


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("songs") / "noise.wav"
    sound = signals.noise(0, 5.0, 16000, 0.05) + signals.comb(250.0, 5.0, 16000, 3e-3)
    write(path, Clip(sound[None], 16000))
    return str(path)


def test_it_explains_and_writes(song, tmp_path):
    result = run(app, ["explain", song, "-o", str(tmp_path / "why"), "--silent"])
    assert result.exit_code == 0, result.output
    assert "exact_linear for ai: baseline" in result.output and "kHz" in result.output
    assert (tmp_path / "why" / "index.html").is_file()
    assert not list((tmp_path / "why").glob("*.flac"))


def test_json_is_one_object(song):
    result = run(app, ["explain", song, "--with", "occlusion", "--set", "bands=4", "--json"])
    found = json.loads(result.stdout)
    assert found["method"] == "occlusion" and found["settings"] == {"bands": 4}
    assert {"logit", "gap", "bands", "times", "counterfactuals"} <= set(found)


def test_what_does_not_fit_is_told(song):
    assert run(app, ["explain"]).exit_code == 2
    bad = run(app, ["explain", song, "--with", "exact_linaer"])
    assert bad.exit_code == 2 and "did you mean 'exact_linear'" in bad.output
    bad = run(app, ["explain", song, "--set", "bands"])
    assert bad.exit_code == 2 and "key=value" in bad.output
    bad = run(app, ["explain", song, "--with", "lime", "--set", "band=3"])
    assert bad.exit_code == 2 and "did you mean 'bands'" in bad.output
    assert run(app, ["explain", "no-such-file.mp3"]).exit_code == 1


@pytest.mark.slow
def test_the_check_prints_controls_and_writes_rows(song, tmp_path):
    out = tmp_path / "check.jsonl"
    arguments = ["explain", song, "--check", "--with", "exact_linear", "--with", "attn_lrp"]
    result = run(app, [*arguments, "--seconds", "4", "-o", str(out)])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {"exact_linear", "random", "edge_detector"} <= {row["explainer"] for row in rows}
    assert "pointing" in result.output and "edge_detector" in result.output
