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


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """An untrained SpecTTTra, as `unsung weights` would save it."""
    import torch

    from unsung.detectors.spectttra import SpecTTTra
    from unsung.export.pretrained import save_pretrained

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights") / "spectttra"
    save_pretrained(SpecTTTra("gamma", 5), folder)
    return str(folder)


def test_a_torch_detector_is_explained_with_its_strips_apart(song, weights, tmp_path):
    out = tmp_path / "why"
    arguments = ["explain", song, "--detector", weights, "--with", "attention_rollout"]
    result = run(app, [*arguments, "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "cannot say that the detector" in result.output
    assert "without thresholds" in result.output
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "temporal tokens" in page and "spectral tokens" in page and "no local evidence" in page
    assert len(page.encode()) < 5_000_000
    document = json.loads((out / "explanation.json").read_text())
    assert set(document["channels"]) == {"temporal tokens", "spectral tokens"}
    assert len(list(out.glob("*.flac"))) == 3


def test_a_method_that_does_not_fit_names_those_that_do(song, weights):
    bad = run(app, ["explain", song, "--detector", weights, "--with", "crp"])
    assert bad.exit_code == 2 and "these fit:" in bad.output and "chefer" in bad.output
    bad = run(app, ["explain", song, "--detector", "spectttra:no-such.pt"])
    assert bad.exit_code != 0 and "expected a file of weights" in bad.output


def test_sources_are_explained_in_their_names(song, tmp_path):
    out = tmp_path / "why"
    arguments = ["explain", song, "--sources", "hpss", "--set", "segment_s=5", "-o", str(out)]
    result = run(app, arguments)
    assert result.exit_code == 0, result.output
    assert "harmonic" in result.output and "percussive" in result.output
    assert "By source" in (out / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_check_prints_controls_and_writes_rows(song, tmp_path):
    out = tmp_path / "check.jsonl"
    arguments = ["explain", song, "--check", "--with", "exact_linear", "--with", "attn_lrp"]
    result = run(app, [*arguments, "--seconds", "4", "-o", str(out)])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {"exact_linear", "random", "edge_detector"} <= {row["explainer"] for row in rows}
    assert "pointing" in result.output and "edge_detector" in result.output
