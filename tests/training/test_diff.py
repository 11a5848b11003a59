# SPDX-License-Identifier: MIT
"""Two models on the same tracks: kinds of disagreement, their sound, a file that cannot be read."""

from __future__ import annotations

import csv
import json

import pytest
import soundfile

torch = pytest.importorskip("torch")

from unsung.errors import UsageError
from unsung.training import diff
from unsung.training.diff import Judged, compare, judge
from unsung.training.run import run_recipe

from . import helpers


def test_disagreements_are_counted_and_exported(tmp_path, monkeypatch):
    manifest = helpers.make_set(tmp_path / "set", each=3)
    says = {
        "A": {"human-0": False, "human-1": True, "human-2": True, "ai-0": True, "ai-1": True},
        "B": {"human-0": False, "human-1": False, "human-2": True, "ai-0": False, "ai-1": True},
    }

    def fake(model, tracks, rate, tell):
        found = []
        for track in tracks:
            name = track.path.rsplit("/", 1)[-1].removesuffix(".wav")
            if name == "ai-2":
                found.append(Judged(None, problem="TooShort"))
                continue
            ai = says[model][name]
            found.append(Judged(1.0 if ai else -1.0, 2.0 if ai else -2.0, ai))
        return found

    monkeypatch.setattr(diff, "judge", fake)
    summary = compare("A", "B", manifest, tmp_path / "out", seconds=0.5)
    assert summary["kinds"] == {
        "both-right": 2, "only-A-right": 1, "only-B-right": 1, "both-wrong": 1, "not-heard": 1,
    }  # fmt: skip
    value, low, high = summary["auc_difference"]
    assert low <= value <= high
    (only_a,) = (tmp_path / "out" / "only-A-right").iterdir()
    assert only_a.name == "001-ai-ai-0.flac"
    assert soundfile.info(only_a).duration == pytest.approx(0.5)
    with (tmp_path / "out" / "diff.csv").open(newline="") as file:
        rows = {row["path"].rsplit("/", 1)[-1]: row for row in csv.DictReader(file)}
    assert rows["human-1.wav"]["kind"] == "only-B-right" and rows["ai-2.wav"]["problem"]
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    with pytest.raises(UsageError, match="expected tracks labelled"):
        (tmp_path / "r.csv").write_text("path,label\na.wav,resynth\n")
        compare("A", "B", tmp_path / "r.csv", tmp_path / "o")


def test_a_training_run_judges_like_its_own_validation(manifest, tiny, tmp_path):
    recipe = helpers.recipe_for(manifest, run={"epochs": 1}, data={"valid_windows": 2})
    run_recipe(recipe, tmp_path / "r")
    with (tmp_path / "r" / "scores.csv").open(newline="") as file:
        known = {row["path"]: float(row["score"]) for row in csv.DictReader(file)}
    tracks = [t for t in diff.read_manifest(manifest) if t.path in known]
    assert len(tracks) >= 6
    for track, found in zip(tracks, judge(str(tmp_path / "r"), tracks, 0.01, lambda *_: None),
                            strict=True):  # fmt: skip
        assert found.logit == pytest.approx(known[track.path], abs=1e-4)


def test_the_packaged_bundle_against_itself(manifest, tmp_path):
    summary = compare("default", "default", manifest, tmp_path / "out")
    assert set(summary["kinds"]) <= {"both-right", "both-wrong", "not-heard"}
    assert summary["auc_difference"] == [0.0, 0.0, 0.0]
