# SPDX-License-Identifier: MIT
"""`unsung weights`: what it prints and its exit codes; the hub is never reached."""

import json

import pytest
from typer.testing import CliRunner

from unsung.cli import app
from unsung.errors import FetchError

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from unsung.export import hub
from unsung.export.pretrained import Saved, load_pretrained

SAVED = Saved("n", "/f", "spectttra", "ab12", 17172493, "MIT", "calibrate")


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(app, ["weights", *map(str, args)])


@pytest.fixture
def asked(monkeypatch):
    """Record calls of the story instead of reaching a hub."""
    calls = {}

    def recorder(verb, answer):
        def record(*args, **named):
            calls[verb] = (args, named)
            return answer

        monkeypatch.setattr(hub, verb, record)

    for verb in ("fetch", "pull"):
        recorder(verb, SAVED)
    recorder("push", "https://hub.example/jo/model")
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example")
    return calls


def test_list(run):
    result = run("list")
    line = next(x for x in result.stdout.splitlines() if "spectttra-gamma-5s" in x)
    assert "17.2 M" in line
    assert "MIT" in line
    names = {one["name"] for one in json.loads(run("list", "--json").stdout)}
    assert "sonics/spectttra-gamma-5s" in names


def test_fetch_hands_on_what_it_was_told(run, asked, tmp_path):
    result = run("fetch", "sonics/spectttra-gamma-5s", "--to", tmp_path)
    assert result.exit_code == 0
    assert asked["fetch"] == (
        ("sonics/spectttra-gamma-5s", tmp_path),
        {"endpoint": "http://hub.example", "token": "secret"},
    )
    for part in ("17172493 parameters", "sha256: ab12", "licence: MIT", "note: calibrate"):
        assert part in result.stdout
    assert "secret" not in result.output


def test_pull_as_json(run, asked):
    result = run("pull", "jo/model", "--revision", "v1", "--json")
    assert json.loads(result.stdout) == SAVED.to_dict()
    assert asked["pull"][1]["revision"] == "v1"


def test_a_wrong_name_is_wrong_usage(run):
    result = run("fetch", "sonics/spectttra-gama-5s")
    assert result.exit_code == 2
    assert "did you mean 'sonics/spectttra-gamma-5s'" in result.stderr


def test_a_hub_that_is_away_is_a_failure(run, monkeypatch):
    def away(*_, **__):
        raise FetchError("the hub cannot be reached")

    monkeypatch.setattr(hub, "fetch", away)
    result = run("fetch", "sonics/spectttra-gamma-5s")
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


@pytest.fixture
def checkpoint(tmp_path):
    from unsung.detectors.instrument_cnn import InstrumentCNN

    detector = InstrumentCNN(8, ("violin", "viola"), channels=1)
    torch.save({"model": detector.state_dict()}, tmp_path / "w.pt")
    return tmp_path / "w.pt"


SET = ("--set", "layers=8", "--set", 'instruments=["violin", "viola"]', "--set", "channels=1")


def test_convert_and_push(run, checkpoint, asked, tmp_path):
    result = run(
        "convert", checkpoint, "--detector", "instrument_cnn", "--to", tmp_path / "x", *SET
    )
    assert result.exit_code == 0, result.output
    assert load_pretrained(tmp_path / "x").outputs == ("violin", "viola")
    result = run("push", tmp_path / "x", "jo/model")
    assert "would go to jo/model (private); add --yes" in result.stdout
    assert "config.json, model.safetensors, README.md" in result.stdout
    assert asked == {}
    result = run("push", tmp_path / "x", "jo/model", "--public", "--yes")
    assert "published: https://hub.example/jo/model" in result.stdout
    assert asked["push"][1]["private"] is False


def test_convert_says_what_does_not_fit(run, checkpoint, tmp_path):
    result = run("convert", checkpoint, "--detector", "instrument_cnn", "--to", tmp_path / "x")
    assert result.exit_code == 2
    assert "not of this InstrumentCNN" in result.stderr
    args = ("convert", checkpoint, "--detector", "spectttra", "--to", tmp_path / "x")
    result = run(*args, "--set", "variant=gama")
    assert "did you mean 'gamma'" in result.stderr
    result = run(*args, "--set", "variant")
    assert result.exit_code == 2
    assert "key=value" in result.stderr
