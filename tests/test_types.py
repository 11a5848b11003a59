# SPDX-License-Identifier: MIT
"""Records survive JSON, refuse unknown keys, and a manifest notices changed rows."""

import json

import numpy as np
import pytest

from unsung.errors import ManifestError, UnknownName
from unsung.types import (
    Clip,
    Evidence,
    Explanation,
    Failure,
    Manifest,
    Peak,
    Provenance,
    Result,
    Score,
    Track,
)

SCORE = Score(
    path="a/b.mp3",
    sha256="0" * 64,
    duration_s=12.5,
    detector="default-1",
    windows=((0.0, 1.5), (10.0, -0.25)),
    logit=0.75,
    llr_nats=1.0,
    probability=0.7,
    prior=0.5,
    calibration="set",
    verdict="undecided",
    reason="between",
    false_alarm_rate=0.01,
    evidence=Evidence(("words",), (Peak(1000.0, 3.5, 0.1),), -1.0, {"a": 1.75}, 86.1),
    covered_s=12.0,
    provenance=(Provenance("encoder", "encoder", "Lavf"),),
    error=Failure("TruncatedAudio", "cut"),
)


def test_score_survives_json():
    again = Score.from_dict(json.loads(json.dumps(SCORE.to_dict())))
    assert again == SCORE
    assert isinstance(again.evidence.peaks[0], Peak)
    assert again.windows[1] == (10.0, -0.25)


def test_unknown_keys_are_refused_with_the_near_name():
    values = SCORE.to_dict() | {"probabilty": 0.5}
    with pytest.raises(UnknownName, match="did you mean 'probability'"):
        Score.from_dict(values)


def test_arrays_survive():
    explanation = Explanation(
        "ai", np.ones((1, 2, 3), "f4"), np.array([1, 2], "f4"), np.arange(3, dtype="f4"), 7.5, 1.0
    )
    again = Explanation.from_dict(json.loads(json.dumps(explanation.to_dict())))
    np.testing.assert_array_equal(again.relevance, explanation.relevance)
    assert again.gap == pytest.approx(0.5)


def test_clip_mixes_to_mono():
    clip = Clip(np.array([[1.0, 0.0], [0.0, -1.0]], "f4"), 2)
    np.testing.assert_array_equal(clip.mono(), np.array([0.5, -0.5], "f4"))
    assert clip.duration_s == 1.0


def manifest():
    tracks = (
        Track("1", "a.wav", "human", duration_s=3.0),
        Track("2", "b.wav", "ai", generator="x", segments=((0.0, 1.5, "ai"),)),
    )
    return Manifest("m", "1", tracks)


def test_manifest_survives_the_disk(tmp_path):
    path = tmp_path / "m.jsonl"
    manifest().save(path)
    assert Manifest.load(path) == manifest()
    assert len(manifest()) == 2
    assert [track.id for track in manifest()] == ["1", "2"]


def test_a_changed_row_is_noticed(tmp_path):
    path = tmp_path / "m.jsonl"
    manifest().save(path)
    path.write_text(path.read_text().replace('"human"', '"ai"'))
    with pytest.raises(ManifestError, match="rows were changed"):
        Manifest.load(path)


@pytest.mark.parametrize("text", ["", "{}\n", "[1]\n", "no json\n"])
def test_a_file_without_a_header_is_no_manifest(tmp_path, text):
    path = tmp_path / "m.jsonl"
    path.write_text(text)
    with pytest.raises(ManifestError, match="unsung data build"):
        Manifest.load(path)


def test_a_bad_row_is_named_by_its_line(tmp_path):
    path = tmp_path / "m.jsonl"
    manifest().save(path)
    lines = path.read_text().splitlines()
    lines[2] = '{"id": "2", "pathh": "b.wav"}'
    path.write_text("\n".join(lines))
    with pytest.raises(ManifestError, match=r"line 3: .*did you mean 'path'"):
        Manifest.load(path)


def test_results_are_plain():
    row = Result("e", "d", "s", "c", "auc", 0.9, 0.8, 1.0, 10, 3, 0)
    assert Result.from_dict(json.loads(json.dumps(row.to_dict()))) == row


_FAULT = Failure("AnyError", "why")


@pytest.mark.parametrize(
    ("verdict", "logit", "error", "state", "damaged"),
    [
        ("ai", 2.0, None, "ai", False),
        ("human", -2.0, _FAULT, "human", True),
        ("undecided", None, None, "undecided", False),
        ("undecided", None, _FAULT, "failed", False),
        (None, 1.0, None, "unrated", False),
        (None, 1.0, _FAULT, "failed", False),
        (None, None, _FAULT, "failed", False),
        (None, None, None, "failed", False),
    ],
)
def test_one_rule_says_where_a_track_is_counted(verdict, logit, error, state, damaged):
    score = Score("a", verdict=verdict, logit=logit, error=error)
    assert (score.state, score.damaged) == (state, damaged)
