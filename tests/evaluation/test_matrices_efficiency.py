# SPDX-License-Identifier: MIT
"""Assembling folds, matrices and seeds; summing up measured times."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from unsung.evaluation._checks import EvaluationError
from unsung.evaluation.discrimination import eer, roc_auc
from unsung.evaluation.efficiency import (
    Latency,
    audio_seconds_per_cpu_second,
    latency,
    real_time_factor,
)
from unsung.evaluation.matrices import (
    TransferMatrix,
    left_out_scores,
    seed_spread,
    transfer_matrix,
)


def test_each_item_is_scored_by_the_fold_without_its_group():
    groups = np.array(["suno", "udio", "suno", "yue"])
    folds = {name: np.arange(4) + 10.0 * k for k, name in enumerate(["suno", "udio", "yue"])}
    assert left_out_scores(groups, folds).tolist() == [0, 11, 2, 23]
    with pytest.raises(EvaluationError, match="got none for 'yue'"):
        left_out_scores(groups, {"suno": range(4), "udio": range(4)})
    with pytest.raises(EvaluationError, match="expected 4 scores without 'suno'"):
        left_out_scores(groups, {**folds, "suno": [1.0]})


def test_transfer_matrix():
    rng = np.random.default_rng(0)
    labels = {name: rng.permutation([0] * 10 + [1] * 10) for name in "abc"}
    scores = {t: {e: rng.normal(size=20) + 2 * (t == e) * labels[e] for e in "abc"} for t in "ab"}
    del scores["b"]["c"]
    matrix = transfer_matrix(labels, scores, eer)
    assert (matrix.train, matrix.test) == (("a", "b"), ("a", "b", "c"))
    assert matrix.values[1][2] is None
    assert matrix.values[0][1] == eer(labels["b"], scores["a"]["b"])
    assert matrix.within == pytest.approx((matrix.values[0][0] + matrix.values[1][1]) / 2)
    assert matrix.within < matrix.across
    assert TransferMatrix.from_dict(json.loads(json.dumps(matrix.to_dict()))) == matrix
    alone = transfer_matrix({"x": [0, 1]}, {"x": {"x": [0.0, 1.0]}}, roc_auc)
    assert alone.within == 1
    assert math.isnan(alone.across)


def test_transfer_matrix_input_is_checked():
    with pytest.raises(EvaluationError, match="labels for the test set 'y' scored by 'x'"):
        transfer_matrix({"x": [0, 1]}, {"x": {"y": [0.0, 1.0]}})
    with pytest.raises(EvaluationError, match="at least one training"):
        transfer_matrix({}, {})


def test_seed_spread():
    found = seed_spread([0.8, 0.9, 1.0])
    assert (found.mean, found.std) == (pytest.approx(0.9), pytest.approx(0.1))
    assert (found.low, found.high, found.n) == (0.8, 1.0, 3)
    assert seed_spread([0.8]).std == 0


def test_latency():
    times = [50.0, *range(1, 101)]
    found = latency(times, warm_up=1)
    assert (found.median_s, found.n) == (50.5, 100)
    assert found.p95_s == pytest.approx(np.percentile(np.arange(1, 101), 95))
    assert found.per_second == pytest.approx(1 / 50.5)
    assert Latency.from_dict(found.to_dict()) == found
    with pytest.raises(EvaluationError, match="more calls than the 2 for warm-up, got 2"):
        latency([1.0, 2.0], warm_up=2)
    with pytest.raises(EvaluationError, match="above 0"):
        latency([0.0, 1.0])


def test_throughput_divides_sums():
    assert audio_seconds_per_cpu_second([180.0, 20.0], [1.0, 3.0]) == 50
    assert real_time_factor([180.0, 20.0], [1.0, 3.0]) == 0.02
    with pytest.raises(EvaluationError, match="expected 2 CPU times"):
        audio_seconds_per_cpu_second([1.0, 2.0], [1.0])
