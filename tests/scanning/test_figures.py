# SPDX-License-Identifier: MIT
from __future__ import annotations

import json

import pytest

from unsung.errors import ManifestError, UsageError
from unsung.scanning.figures import figures, result_lines
from unsung.scanning.labelled import Columns
from unsung.types import Manifest, Track


def table(path, rows, header="path,label,score,generator,source"):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def perfect():
    humans = [(f"h{n}.mp3", "human", -n, "", f"p{n % 5}") for n in range(20)]
    ais = [(f"a{n}.mp3", "ai", n + 1, "suno" if n % 2 else "yue", f"q{n % 5}") for n in range(20)]
    return [*humans, *ais]


def value(summary, metric):
    return next(row for row in summary.results if row.metric == metric)


def test_a_perfect_table(tmp_path):
    summary = figures(table(tmp_path / "other.csv", perfect()))
    auc = value(summary, "auc")
    assert auc.value == 1.0 and (auc.n_tracks, auc.n_groups) == (40, 10)
    assert auc.detector == "other" and len(auc.data_sha256) == 64
    assert value(summary, "auc[generator=suno]").n_tracks == 10
    assert summary.left_out == {}


def test_the_polarity_can_be_turned(tmp_path):
    rows = [(path, label, -score, g, s) for path, label, score, g, s in perfect()]
    file = table(tmp_path / "t.csv", rows)
    assert value(figures(file), "auc").value == 0.0
    assert value(figures(file, higher_is="human"), "auc").value == 1.0
    with pytest.raises(UsageError, match="ai or human"):
        figures(file, higher_is="up")


def test_columns_and_labels_of_others(tmp_path):
    words = {"human": "bonafide", "ai": "spoof"}
    rows = [(path, words[label], score, g, s) for path, label, score, g, s in perfect()]
    file = table(tmp_path / "t.csv", rows, "file,truth,cm,system,page")
    columns = Columns("file", "truth", "cm", "system", "page")
    assert value(figures(file, columns=columns), "auc").n_groups == 10
    with pytest.raises(ManifestError, match="no column named 'path'"):
        figures(file)
    with pytest.raises(ManifestError, match="did you mean 'page'"):
        figures(file, columns=Columns("file", "truth", "cm", "system", "pagee"))


def test_resynth_counts_only_when_asked(tmp_path):
    rows = [*perfect(), *((f"r{n}.mp3", "resynth", -50, "encodec", "z") for n in range(5))]
    file = table(tmp_path / "t.csv", rows)
    assert figures(file).left_out == {"label 'resynth'": 5}
    assert value(figures(file), "auc").value == 1.0
    both = figures(file, positive="ai, resynth")
    assert value(both, "auc").value == pytest.approx(20 / 25) and both.left_out == {}


def test_scores_of_another_detector_join_a_manifest(tmp_path):
    tracks = tuple(
        Track(id=path, path=path, label=label, generator=g, group=s)
        for path, label, _, g, s in perfect()
    )
    manifest = tmp_path / "m.jsonl"
    Manifest("m", "1", tracks).save(manifest)
    rows = [(path, score) for path, _, score, _, _ in perfect()][:-2]
    scores = table(tmp_path / "cm.csv", [*rows, ("stranger.mp3", 1.0)], "path,score")
    summary = figures(manifest, scores=scores)
    assert value(summary, "auc").value == 1.0 and value(summary, "auc").detector == "cm"
    assert summary.left_out == {"no score in the table": 2}
    with pytest.raises(ManifestError, match="none of its 1 paths"):
        figures(manifest, scores=table(tmp_path / "x.csv", [("z", 1)], "path,score"))


def test_a_manifest_is_scored_with_the_bundle(wav, broken, tmp_path):
    wav("m/a.wav", seed=1)
    wav("m/b.wav", seed=2)
    wav("m/c.wav", seed=3)
    rows = [("m/a.wav", "human"), ("m/b.wav", "ai"), ("m/c.wav", "human"), ("m/no.wav", "ai")]
    rows += [("broken/silent.wav", "ai")]
    file = table(tmp_path / "t.csv", rows, "path,label")
    log = tmp_path / "r.jsonl"
    summary = figures(file, resume=log)
    assert summary.left_out == {"UnreadableAudio": 1, "SilentAudio": 1}
    assert value(summary, "auc").n_tracks == 3 and value(summary, "cllr").value > 0
    assert figures(file, resume=log) == summary
    with pytest.raises(UsageError, match="a bundle's logit says AI"):
        figures(file, higher_is="human")


def test_bad_tables_say_what_is_wrong(tmp_path):
    file = table(tmp_path / "t.csv", [("a.mp3", "ai", "high", "", "")])
    with pytest.raises(ManifestError, match="line 2: expected a number as score, got 'high'"):
        figures(file)
    with pytest.raises(ManifestError, match="cannot be read"):
        figures(tmp_path / "no.csv")
    one = table(tmp_path / "one.csv", [("a.mp3", "ai", 1, "", ""), ("b.mp3", "ai", 2, "", "")])
    with pytest.raises(UsageError):
        figures(one)


def test_results_are_valid_json(tmp_path):
    summary = figures(table(tmp_path / "t.csv", perfect()))
    rows = [json.loads(line) for line in result_lines(summary.results)]
    assert next(r for r in rows if r["metric"] == "detection_at_0.001")["value"] is None
    assert all("NaN" not in line for line in result_lines(summary.results))


WORDS = [
    ("human", "ai"),
    ("0", "1"),
    ("0.0", "1.0"),
    ("False", "TRUE"),
    ("genuine", "synthetic"),
    ("bona_fide", "spoof"),
    ("Bona Fide", "Fake"),
    ("bonafide", "deepfake"),
    ("real", "AI-generated"),
    ("Real", "ai generated"),
]


def labelled(path, human, ai):
    return table(path, [(f"{n}.mp3", human if n < 20 else ai, n, "", "") for n in range(40)])


@pytest.mark.parametrize(("human", "ai"), WORDS)
def test_words_of_other_projects(tmp_path, human, ai):
    summary = figures(labelled(tmp_path / "t.csv", human, ai))
    assert value(summary, "auc").value == 1.0 and summary.left_out == {}
    assert bool(summary.notes) == (human.lower() in ("0", "0.0", "false"))


@pytest.mark.parametrize(("one", "other"), [("0", "1"), ("0.0", "1.0"), ("false", "true")])
def test_either_number_may_mean_ai_and_what_is_assumed_is_said(tmp_path, one, other):
    file = labelled(tmp_path / "t.csv", other, one)  # the high scores have the label 0
    assumed = figures(file)
    assert value(assumed, "auc").value == 0.0 and assumed.notes
    turned = figures(file, positive=one)
    assert value(turned, "auc").value == 1.0 and not turned.notes
    assert not figures(file, positive=other).notes


def test_labels_that_mean_nothing_are_named(tmp_path):
    with pytest.raises(UsageError, match="robot"):
        figures(labelled(tmp_path / "t.csv", "people", "robot"))
    with pytest.raises(UsageError, match="bonafide"):
        figures(labelled(tmp_path / "t.csv", "real", "fake"), positive="bonafide")


def test_rows_that_come_twice_count_once_and_contradictions_are_errors(tmp_path):
    plain = [(f"{n}.mp3", "human" if n < 20 else "ai", n % 7, "", "") for n in range(40)]
    once = figures(table(tmp_path / "t.csv", plain))
    twice = figures(table(tmp_path / "t.csv", plain + plain))
    assert value(once, "auc").low == value(twice, "auc").low
    assert value(once, "auc").n_tracks == value(twice, "auc").n_tracks == 40
    assert twice.notes and not once.notes
    pieces = [(path, label, score + 0.5, g, s) for path, label, score, g, s in plain]
    assert value(figures(table(tmp_path / "t.csv", plain + pieces)), "auc").n_groups == 40
    for column, changed in ((1, "ai"), (4, "elsewhere")):
        odd = list(plain[0])
        odd[column] = changed
        with pytest.raises(UsageError, match=r"0\.mp3"):
            figures(table(tmp_path / "t.csv", [*plain, odd]))
    scores = table(tmp_path / "s.csv", [("0.mp3", 1), ("0.mp3", 2)], "path,score")
    with pytest.raises(ManifestError, match=r"0\.mp3"):
        figures(tmp_path / "t.csv", scores=scores)


def test_a_constant_score_is_chance(tmp_path):
    rows = [(f"{n}.mp3", "human" if n < 20 else "ai", 1, "", "") for n in range(40)]
    summary = figures(table(tmp_path / "t.csv", rows))
    assert value(summary, "eer").value == 1.0  # as the ASVspoof packages count ties
    assert value(summary, "eer_interpolated").value == pytest.approx(0.5)
    apart = figures(table(tmp_path / "t.csv", perfect()))
    assert "eer_interpolated" not in {row.metric for row in apart.results}
