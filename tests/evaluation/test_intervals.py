# SPDX-License-Identifier: MIT
"""Resampling against loops, closed forms and the coverage that intervals claim."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy import stats

from unsung.evaluation import intervals
from unsung.evaluation._checks import EvaluationError
from unsung.evaluation.calibration import cllr
from unsung.evaluation.delong import delong_interval, delong_test
from unsung.evaluation.discrimination import (
    average_precision,
    detection_rate_at,
    eer,
    roc_auc,
)
from unsung.evaluation.intervals import (
    bootstrap_difference,
    bootstrap_interval,
    bootstrap_values,
    group_weights,
)
from unsung.evaluation.proportions import clopper_pearson, wilson
from unsung.evaluation.weighted import (
    auc_many,
    average_precision_many,
    cllr_many,
    detection_rate_many,
    rate_above_many,
)

TWINS = [
    (roc_auc, auc_many),
    (average_precision, average_precision_many),
    (cllr, cllr_many),
    *(
        (lambda y, s, a=alpha: detection_rate_at(y, s, a), detection_rate_many(alpha))
        for alpha in (0.0, 0.01, 0.1, 0.3, 1.0)
    ),
    (lambda y, s: np.mean(s[y == 1] >= 0.5), rate_above_many(0.5, 1)),
    (lambda y, s: np.mean(s[y == 0] >= 0.5), rate_above_many(0.5, 0)),
]


@pytest.mark.parametrize(("metric", "many"), TWINS)
def test_weights_equal_repeated_items(scored, metric, many):
    labels, scores, groups = scored
    weights = group_weights(labels, groups, 25, seed=1)
    slow = [metric(np.repeat(labels, w), np.repeat(scores, w)) for w in weights]
    np.testing.assert_allclose(many(labels, scores, weights), slow, atol=1e-12)


def unlisted_auc(labels, scores):
    """The same metric, for which the fast twin is not found."""
    return roc_auc(labels, scores)


def test_the_fast_way_equals_the_slow_way(scored):
    labels, scores, groups = scored
    fast = bootstrap_values(roc_auc, labels, scores, groups, replicates=30)
    slow = bootstrap_values(unlisted_auc, labels, scores, groups, replicates=30)
    np.testing.assert_allclose(fast, slow)
    a, b = scores, np.random.default_rng(0).normal(size=scores.size)
    quick = bootstrap_difference(roc_auc, labels, a, b, groups, replicates=30)
    loop = bootstrap_difference(unlisted_auc, labels, a, b, groups, replicates=30)
    assert quick.low == pytest.approx(loop.low)
    assert quick.high == pytest.approx(loop.high)


def test_groups_are_drawn_whole_and_each_kind_as_often_as_it_is():
    labels = np.array([0, 0, 1, 1, 0, 1, 0, 1])
    groups = np.array(["h1", "h1", "a1", "a2", "m1", "m1", "h2", "m2"])
    weights = group_weights(labels, groups, 200, seed=0)
    assert np.array_equal(weights[:, 0], weights[:, 1])
    assert np.array_equal(weights[:, 4], weights[:, 5])
    np.testing.assert_array_equal(weights[:, 0] + weights[:, 6], 2)  # two human groups
    np.testing.assert_array_equal(weights[:, 2] + weights[:, 3] + weights[:, 7], 3)  # three AI
    np.testing.assert_array_equal(weights[:, 4], 1)  # one mixed group
    assert ((weights @ labels) > 0).all()
    assert ((weights @ (1 - labels)) > 0).all()


def test_every_group_is_drawn_once_on_average():
    labels = np.repeat([0, 1], 50)
    weights = group_weights(labels, np.arange(100) // 2, 4000, seed=3)
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(weights.var(axis=0), 1 - 1 / 25, atol=0.15)


def test_seeds(scored):
    labels, scores, groups = scored
    first = bootstrap_interval(roc_auc, labels, scores, groups, replicates=50, seed=1)
    assert first == bootstrap_interval(roc_auc, labels, scores, groups, replicates=50, seed=1)
    assert first != bootstrap_interval(roc_auc, labels, scores, groups, replicates=50, seed=2)


def test_block_size_changes_nothing(scored, monkeypatch):
    labels, scores, groups = scored
    whole = bootstrap_values(roc_auc, labels, scores, groups, replicates=40)
    monkeypatch.setattr(intervals, "BLOCK", 7 * labels.size)
    np.testing.assert_array_equal(
        bootstrap_values(roc_auc, labels, scores, groups, replicates=40), whole
    )


def test_order_of_items_changes_nothing(scored):
    labels, scores, groups = scored
    shuffled = np.random.default_rng(0).permutation(labels.size)
    a = bootstrap_interval(roc_auc, labels, scores, groups, replicates=40)
    b = bootstrap_interval(
        roc_auc, labels[shuffled], scores[shuffled], groups[shuffled], replicates=40
    )
    assert a.low == pytest.approx(b.low)


def grouped(rng, n_groups=60, size=6, spread=1.0):
    """Six clips of each of 2 × 60 artists; clips of an artist score alike."""
    labels = np.repeat(np.repeat([0, 1], n_groups), size)
    artist = np.repeat(rng.normal(size=2 * n_groups) * spread, size)
    scores = artist + rng.normal(size=labels.size) + labels
    return labels, scores, np.repeat(np.arange(2 * n_groups), size)


def test_coverage_of_group_intervals():
    truth = stats.norm.cdf(1 / math.sqrt(2 * (1 + 1)))  # difference of scores: N(1, 4)
    rng = np.random.default_rng(8)
    inside, inside_ungrouped = 0, 0
    runs = 250
    for k in range(runs):
        labels, scores, groups = grouped(rng)
        found = bootstrap_interval(roc_auc, labels, scores, groups, replicates=200, seed=k)
        inside += found.low <= truth <= found.high
        naive = bootstrap_interval(roc_auc, labels, scores, replicates=200, seed=k)
        inside_ungrouped += naive.low <= truth <= naive.high
    assert 0.90 <= inside / runs <= 0.99
    assert inside_ungrouped / runs < 0.80  # what ignoring the artists would claim


def test_paired_interval_is_shorter_and_finds_the_better_detector():
    rng = np.random.default_rng(1)
    labels, good, groups = grouped(rng)
    bad = good + 2 * rng.normal(size=good.size)
    found = bootstrap_difference(roc_auc, labels, good, bad, groups, replicates=300)
    assert 0 < found.low < found.value < found.high
    alone = bootstrap_interval(roc_auc, labels, good, groups, replicates=300)
    assert found.high - found.low < alone.high - alone.low
    same = bootstrap_difference(eer, labels, good, good, groups, replicates=20)
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_a_thousand_replicates_of_a_thousand_items_are_quick():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 500)
    started = time.process_time()
    bootstrap_interval(roc_auc, labels, rng.normal(size=1000), rng.integers(0, 300, 1000))
    assert time.process_time() - started < 2


def test_a_metric_without_a_value_is_named():
    with pytest.raises(EvaluationError, match="in every replicate, got NaN"):
        bootstrap_interval(lambda y, s: math.nan, [0, 1], [0.0, 1.0], replicates=3)
    with pytest.raises(EvaluationError, match="replicates of at least 1"):
        bootstrap_interval(roc_auc, [0, 1], [0.0, 1.0], replicates=0)
    with pytest.raises(EvaluationError, match="level between 0 and 1"):
        bootstrap_interval(roc_auc, [0, 1], [0.0, 1.0], replicates=3, level=95)
    with pytest.raises(EvaluationError, match=r"weights of shape \[replicate, 2\]"):
        auc_many([0, 1], [0.0, 1.0], np.ones((1, 3), int))
    with pytest.raises(EvaluationError, match="second detector"):
        bootstrap_difference(roc_auc, [0, 1], [0.0, 1.0], [0.0])


def slow_delong(labels, rows):
    """Placement values by loops."""
    v10, v01, aucs = [], [], []
    for row in rows:
        ai, human = row[labels == 1], row[labels == 0]
        win = np.array([[1.0 if a > h else 0.5 if a == h else 0.0 for h in human] for a in ai])
        v10.append(win.mean(axis=1))
        v01.append(win.mean(axis=0))
        aucs.append(win.mean())
    return aucs, np.cov(v10) / len(v10[0]) + np.cov(v01) / len(v01[0])


def test_delong_against_loops(scored):
    labels, scores, _ = scored
    other = np.round(scores + np.random.default_rng(5).normal(size=scores.size), 1)
    aucs, c = slow_delong(labels, [scores, other])
    found = delong_test(labels, scores, other)
    assert (found.auc_a, found.auc_b) == pytest.approx(aucs)
    z = (aucs[0] - aucs[1]) / math.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1])
    assert found.z == pytest.approx(z)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(z)))
    interval = delong_interval(labels, scores)
    assert interval.high - interval.value == pytest.approx(1.959964 * math.sqrt(c[0, 0]), rel=1e-5)
    assert interval.value == pytest.approx(roc_auc(labels, scores))


def test_delong_agrees_with_the_bootstrap():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 300)
    scores = rng.normal(size=600) + labels
    closed = delong_interval(labels, scores)
    drawn = bootstrap_interval(roc_auc, labels, scores)
    assert closed.low == pytest.approx(drawn.low, abs=0.01)
    assert closed.high == pytest.approx(drawn.high, abs=0.01)


def test_delong_at_the_edges():
    perfect = [0, 0, 1, 1], [0.0, 1.0, 2.0, 3.0]
    assert delong_interval(*perfect).to_dict() == {
        "value": 1.0, "low": 1.0, "high": 1.0, "level": 0.95
    }  # fmt: skip
    reverse = delong_test(*perfect, [3.0, 2.0, 1.0, 0.0])
    assert (reverse.z, reverse.p_value) == (math.inf, 0.0)
    with pytest.raises(EvaluationError, match="two items of each class"):
        delong_interval([0, 0, 1], [0.0, 1.0, 2.0])


@pytest.mark.parametrize(("k", "n"), [(0, 30), (1, 30), (15, 30), (30, 30), (3, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_proportions_against_scipy(k, n, level):
    oracle = stats.binomtest(k, n)
    for ours, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        expected = oracle.proportion_ci(level, method)
        found = ours(k, n, level=level)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
        assert found.low <= found.value <= found.high


def test_exact_interval_covers_at_least_its_level():
    for share in (0.01, 0.2, 0.5):
        chances = stats.binom.pmf(np.arange(41), 40, share)
        covered = [clopper_pearson(k, 40).low <= share <= clopper_pearson(k, 40).high
                   for k in range(41)]  # fmt: skip
        assert chances @ covered >= 0.95


def test_impossible_counts_are_refused():
    with pytest.raises(EvaluationError, match="expected 0 to 5 successes, got 6"):
        wilson(6, 5)
    with pytest.raises(EvaluationError, match="trials of at least 1"):
        clopper_pearson(0, 0)
