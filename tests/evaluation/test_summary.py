# SPDX-License-Identifier: MIT
"""The whole table of one detector: names, counts, availability, intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unsung.evaluation._checks import EvaluationError
from unsung.evaluation.calibration import cllr, ece, llr_to_probability, min_cllr
from unsung.evaluation.discrimination import (
    average_precision,
    detection_rate_at,
    eer,
    roc_auc,
    threshold_at,
)
from unsung.evaluation.summary import evaluate
from unsung.evaluation.tables import markdown_table
from unsung.types import Result


def drawn(n_human=150, n_ai=90, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [n_human, n_ai])
    scores = rng.normal(size=labels.size) + 2 * labels
    groups = np.array([f"artist {k // 3}" for k in range(labels.size)])
    generators = np.where(labels == 1, rng.choice(["suno", "udio"], labels.size), "")
    return labels, scores, groups, generators


def by_name(rows):
    assert len({row.metric for row in rows}) == len(rows)
    return {row.metric: row for row in rows}


def test_values_are_those_of_the_metrics():
    labels, scores, groups, _ = drawn()
    p = llr_to_probability(scores, 0.5)
    rows = by_name(
        evaluate(
            labels, scores, groups, llr_nats=scores, probabilities=p, threshold=1.0, replicates=60
        )
    )
    expected = {
        "auc": roc_auc(labels, scores),
        "average_precision": average_precision(labels, scores),
        "eer": eer(labels, scores),
        "detection_at_0.05": detection_rate_at(labels, scores, 0.05),
        "detection_at_0.01": detection_rate_at(labels, scores, 0.01),
        "min_cllr": min_cllr(labels, scores),
        "cllr": cllr(labels, scores),
        "ece": ece(labels, p),
        "detection": np.mean(scores[labels == 1] >= 1),
        "false_alarms": np.mean(scores[labels == 0] >= 1),
    }
    for name, value in expected.items():
        row = rows[name]
        assert row.value == pytest.approx(value), name
        assert row.low < row.high
        assert (row.n_tracks, row.n_groups) == (240, 80)
    assert set(rows) - set(expected) == {
        "detection_at_0.001", "balanced_accuracy", "f1", "ece_ai", "brier"
    }  # fmt: skip


def test_the_heading_is_passed_through():
    labels, scores, groups, _ = drawn()
    rows = evaluate(
        labels, scores, groups, experiment="e", detector="d", dataset="s", condition="mp3",
        seed=5, replicates=20, hashes=("c", "h"),
    )  # fmt: skip
    for row in rows:
        assert isinstance(row, Result)
        assert (row.experiment, row.detector, row.dataset, row.condition) == ("e", "d", "s", "mp3")
        assert (row.seed, row.code_sha256, row.data_sha256) == (5, "c", "h")
        if not math.isnan(row.value):
            assert Result.from_dict(row.to_dict()) == row


def test_raw_scores_have_no_likelihood_ratio():
    labels, scores, groups, _ = drawn()
    names = by_name(evaluate(labels, scores, groups, replicates=10))
    assert "min_cllr" in names
    assert not {"cllr", "ece", "brier", "detection"} & set(names)


@pytest.mark.parametrize(("n_human", "missing"), [
    (19, {"0.05", "0.01", "0.001"}), (20, {"0.01", "0.001"}), (99, {"0.01", "0.001"}),
    (100, {"0.001"}), (999, {"0.001"}), (1000, set()),
])  # fmt: skip
def test_operating_points_need_one_whole_human_track(n_human, missing):
    labels, scores, _, _ = drawn(n_human, 30)
    rows = by_name(evaluate(labels, scores, replicates=5))
    for rate in ("0.05", "0.01", "0.001"):
        row = rows[f"detection_at_{rate}"]
        assert math.isnan(row.value) == (rate in missing)
        assert (row.low is None) == (rate in missing)


def test_each_generator_is_measured_against_all_humans():
    labels, scores, groups, generators = drawn()
    rows = by_name(
        evaluate(
            labels, scores, groups, generators=generators, families=generators == "suno",
            threshold=0.5, replicates=30,
        )
    )  # fmt: skip
    threshold = threshold_at(labels, scores, 0.01)
    for name in ("suno", "udio"):
        own = generators == name
        keep = own | (labels == 0)
        auc = rows[f"auc[generator={name}]"]
        assert auc.value == pytest.approx(roc_auc(labels[keep], scores[keep]))
        assert auc.n_tracks == own.sum()
        assert auc.n_groups == np.unique(groups[own]).size
        detection = rows[f"detection_at_0.01[generator={name}]"]
        assert detection.value == pytest.approx(np.mean(scores[own] >= threshold))
        fixed = rows[f"detection[generator={name}]"]
        assert fixed.value == pytest.approx(np.mean(scores[own] >= 0.5))
    assert rows["auc[family=True]"].value == rows["auc[generator=suno]"].value


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_each_human_source_has_its_false_alarm_rate(threshold):
    labels, scores, groups, _ = drawn()
    sources = np.where(np.arange(labels.size) % 2, "fma", "mtg")
    rows = by_name(
        evaluate(labels, scores, groups, sources=sources, threshold=threshold, replicates=20)
    )
    t = threshold_at(labels, scores, 0.01) if threshold is None else threshold
    for name in ("fma", "mtg"):
        own = (labels == 0) & (sources == name)
        row = rows[f"false_alarms[source={name}]"]
        assert row.value == pytest.approx(np.mean(scores[own] >= t))
        assert row.n_tracks == own.sum()
        assert row.high > row.low


def test_sources_without_any_threshold_are_flagged():
    labels, scores, _, _ = drawn(50, 20)
    row = evaluate(labels, scores, sources=["x"] * 70, replicates=5)[-1]
    assert row.metric == "false_alarms[source=x]"
    assert math.isnan(row.value)
    assert row.low is None


def test_a_share_of_one_keeps_an_honest_interval():
    labels = np.repeat([0, 1], [100, 20])
    scores = np.where(labels == 1, 100.0, 0.0) + np.arange(120)
    groups = np.arange(120) // 2  # ten AI groups
    rows = by_name(evaluate(labels, scores, groups, replicates=30))
    row = rows["detection_at_0.01"]
    assert (row.value, row.high) == (1, 1)
    assert row.low == pytest.approx(0.025 ** (1 / 10))  # Clopper-Pearson, 10 of 10
    assert (rows["auc"].low, rows["auc"].high) == (1, 1)


def test_part_names_are_checked():
    labels, scores, _, _ = drawn(30, 10)
    with pytest.raises(EvaluationError, match="expected 40 generator names"):
        evaluate(labels, scores, generators=["suno"], replicates=2)
    with pytest.raises(EvaluationError, match="a family name for some items, got none"):
        evaluate(labels, scores, families=[""] * 40, replicates=2)
    with pytest.raises(EvaluationError, match="expected 40 llr_nats"):
        evaluate(labels, scores, llr_nats=[0.0], replicates=2)


def test_markdown_table():
    rows = [
        Result("", "dct|1", "fma", "", "auc", 0.91234, 0.9, 0.92, 10, 5, 0),
        Result("", "dct|1", "fma", "", "detection_at_0.001", math.nan, None, None, 10, 5, 0),
        Result("", "dct|1", "fma", "", "note", 2.0, None, None, 10, 5, 0),
    ]
    lines = markdown_table(rows, digits=2).splitlines()
    assert lines[0] == "| detector | dataset | metric | value [95 %] | tracks | groups |"
    assert lines[2] == "| dct\\|1 | fma | auc | 0.91 [0.90, 0.92] | 10 | 5 |"
    assert "not available (too few human tracks)" in lines[3]
    assert "| 2.00 |" in lines[4]
    assert len(markdown_table([]).splitlines()) == 2
