# SPDX-License-Identifier: MIT
"""Ranking metrics against obvious loops, scikit-learn and the published numbers."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from unsung.evaluation import decisions
from unsung.evaluation._checks import EvaluationError, OneClassError
from unsung.evaluation.discrimination import (
    allowed_alarms,
    average_precision,
    detection_rate_at,
    eer,
    eer_hard_labels,
    eer_interpolated,
    false_alarm_at_detection,
    miss_and_false_alarm,
    roc_auc,
    roc_curve,
    threshold_at,
)

PERFECT = ([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0])
REVERSED = ([1, 1, 0, 0], [-2.0, -1.0, 1.0, 2.0])
CONSTANT = ([0, 0, 1, 1], [1.0, 1.0, 1.0, 1.0])


def slow_auc(labels, scores):
    wins = [
        1.0 if a > h else 0.5 if a == h else 0.0
        for a, la in zip(scores, labels, strict=True)
        if la == 1
        for h, lh in zip(scores, labels, strict=True)
        if lh == 0
    ]
    return sum(wins) / len(wins)


def slow_eer(labels, scores):
    """The official recipe word by word: target = human, score = −AI score."""
    bona = [-s for s, y in zip(scores, labels, strict=True) if y == 0]
    spoof = [-s for s, y in zip(scores, labels, strict=True) if y == 1]
    pool = sorted([(s, 0) for s in bona] + [(s, 1) for s in spoof], key=lambda item: item[0])
    best, value = math.inf, None
    for k in range(len(pool) + 1):
        rejected = [kind for _, kind in pool[:k]]
        frr = rejected.count(0) / len(bona)
        far = (len(spoof) - rejected.count(1)) / len(spoof)
        if abs(frr - far) < best:
            best, value = abs(frr - far), (frr + far) / 2
    return value


def slow_detection(labels, scores, rate):
    human = [s for s, y in zip(scores, labels, strict=True) if y == 0]
    ai = [s for s, y in zip(scores, labels, strict=True) if y == 1]
    best = 0.0
    for t in [*scores, math.inf]:
        if sum(h >= t for h in human) <= math.floor(rate * len(human) + 1e-9):
            best = max(best, sum(a >= t for a in ai) / len(ai))
    return best


def test_auc_is_the_share_of_won_pairs(scored):
    labels, scores, _ = scored
    assert roc_auc(labels, scores) == pytest.approx(slow_auc(labels, scores), abs=1e-12)


def test_against_scikit_learn(scored):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    labels, scores, _ = scored
    assert roc_auc(labels, scores) == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))
    ap = sklearn_metrics.average_precision_score(labels, scores)
    assert average_precision(labels, scores) == pytest.approx(ap)
    fpr, tpr, thresholds = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)
    curve = roc_curve(labels, scores)
    np.testing.assert_allclose(curve.false_alarm_rate, fpr)
    np.testing.assert_allclose(curve.detection_rate, tpr)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    root = brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1)
    assert eer_interpolated(labels, scores) == pytest.approx(root, abs=1e-9)


def test_eer_is_the_official_recipe(scored):
    labels, scores, _ = scored
    assert eer(labels, scores) == pytest.approx(slow_eer(labels, scores), abs=1e-12)


def test_eer_of_published_arrays(published):
    """Three definitions on one set of arrays, measured with the original code."""
    labels, scores = published
    assert eer(labels, scores) == pytest.approx(0.2058333333333333, abs=1e-12)
    assert eer_interpolated(labels, scores) == pytest.approx(0.20666666666573835, abs=1e-11)
    assert eer_hard_labels(labels, scores, 0.25) == pytest.approx(0.23277182235834612, abs=1e-11)


def test_eer_of_stored_answers(published, fixture_json):
    (stored,) = fixture_json("fakeprint_eer.json")["eer"].values()
    labels, scores = published
    assert eer(labels, scores) == pytest.approx(stored["asvspoof_mean_frr_far"], abs=1e-12)
    assert eer_interpolated(labels, scores) == pytest.approx(stored["brentq_roc"], abs=1e-11)
    hard = eer_hard_labels(labels, scores, 0.25)
    assert hard == pytest.approx(stored["hard_label_at_0.25"], abs=1e-11)


@pytest.mark.parametrize(
    ("metric", "perfect", "reverse", "constant"),
    [
        (roc_auc, 1, 0, 0.5),
        (average_precision, 1, 5 / 12, 0.5),
        (eer, 0, 1, 1),  # the official walk meets the human items of a tie first
        (eer_interpolated, 0, 1, 0.5),
        (lambda y, s: detection_rate_at(y, s, 0.25), 1, 0, 0),
    ],
)
def test_perfect_reversed_and_constant(metric, perfect, reverse, constant):
    assert metric(*PERFECT) == pytest.approx(perfect)
    assert metric(*REVERSED) == pytest.approx(reverse)
    assert metric(*CONSTANT) == pytest.approx(constant)


def test_chance():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 20_000), rng.normal(size=20_000)
    assert roc_auc(labels, scores) == pytest.approx(0.5, abs=0.02)
    assert eer(labels, scores) == pytest.approx(0.5, abs=0.02)
    assert detection_rate_at(labels, scores, 0.01) == pytest.approx(0.01, abs=0.01)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.05, 0.29, 0.5, 1.0])
def test_detection_rate_is_the_best_allowed(scored, rate):
    labels, scores, _ = scored
    expected = slow_detection(labels, scores, rate)
    assert detection_rate_at(labels, scores, rate) == pytest.approx(expected)
    false_alarms = np.mean(scores[labels == 0] >= threshold_at(labels, scores, rate))
    assert false_alarms <= rate + 1e-12


def test_ties_make_the_threshold_quieter():
    human = [0.0, 1.0, 2.0, 2.0]  # one alarm allowed, but two humans tie for it
    threshold = threshold_at([0] * 4 + [1], [*human, 2.0], 0.25)
    assert threshold > 2.0
    assert threshold_at([0] * 4, human, 0.25) == threshold  # AI items play no part
    assert threshold_at([0] * 4, human, 1.0) == -math.inf
    with pytest.raises(OneClassError, match="human items to set a threshold"):
        threshold_at([1], [1.0], 0.1)


@pytest.mark.parametrize(("n", "rate", "k"), [(100, 0.29, 29), (100, 0.07, 7), (999, 0.001, 0)])
def test_allowed_alarms_survive_rounding(n, rate, k):
    assert allowed_alarms(n, rate) == k


def test_rates_out_of_range_are_refused():
    with pytest.raises(EvaluationError, match=r"1 % is 0\.01"):
        detection_rate_at(*PERFECT, 5)
    with pytest.raises(EvaluationError, match="detection rate"):
        false_alarm_at_detection(*PERFECT, 1.5)


def test_false_alarm_at_detection(scored):
    labels, scores, _ = scored
    for rate in (0.0, 0.5, 0.95, 1.0):
        t = sorted(scores[labels == 1], reverse=True)[max(0, math.ceil(rate * labels.sum()) - 1)]
        expected = np.mean(scores[labels == 0] >= t) if rate else 0.0
        assert false_alarm_at_detection(labels, scores, rate) == pytest.approx(expected)


def test_walk_starts_with_nothing_rejected():
    reject, accept, thresholds = miss_and_false_alarm(*PERFECT)
    assert (reject[0], accept[0], reject[-1], accept[-1]) == (0, 1, 1, 0)
    assert thresholds[0] == pytest.approx(2.001)


# scores far enough apart that exp and 3x + 1 keep both order and ties
items = st.lists(st.tuples(st.integers(0, 1), st.integers(-40, 40)), min_size=2, max_size=60)


@settings(max_examples=60, deadline=None)
@given(items)
def test_a_rising_map_changes_nothing(pairs):
    labels = np.array([0, 1, *(y for y, _ in pairs)])
    scores = np.array([0.0, 1.0, *(s / 4 for _, s in pairs)])
    for metric in (roc_auc, average_precision, eer, eer_interpolated):
        value = metric(labels, scores)
        assert metric(labels, np.exp(scores)) == pytest.approx(value, abs=1e-12)
        assert metric(labels, 3 * scores + 1) == pytest.approx(value, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(items)
def test_turning_scores_or_classes_mirrors_the_auc(pairs):
    labels = np.array([0, 1, *(y for y, _ in pairs)])
    scores = np.array([0.0, 1.0, *(s / 4 for _, s in pairs)])
    value = roc_auc(labels, scores)
    assert roc_auc(labels, -scores) == pytest.approx(1 - value)
    assert roc_auc(1 - labels, -scores) == pytest.approx(value)
    assert value == pytest.approx(slow_auc(labels, scores))


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 1.0, 99.0, -99.0])
def test_decisions_against_scikit_learn(scored, threshold):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    labels, scores, _ = scored
    said = (scores >= threshold).astype(int)
    expected = {
        decisions.accuracy: sklearn_metrics.accuracy_score(labels, said),
        decisions.balanced_accuracy: sklearn_metrics.balanced_accuracy_score(labels, said),
        decisions.f1: sklearn_metrics.f1_score(labels, said),
        decisions.sensitivity: sklearn_metrics.recall_score(labels, said),
        decisions.specificity: sklearn_metrics.recall_score(labels, said, pos_label=0),
    }
    for metric, value in expected.items():
        assert metric(labels, scores, threshold) == pytest.approx(value)
    counts = decisions.confusion_at(labels, scores, threshold)
    precision = sklearn_metrics.precision_score(labels, said, zero_division=0)
    assert counts.precision == pytest.approx(precision)
    table = [[counts.cleared, counts.false_alarms], [counts.missed, counts.detected]]
    assert sklearn_metrics.confusion_matrix(labels, said).tolist() == table
    assert decisions.Confusion.from_dict(counts.to_dict()) == counts


def test_multi_class_against_scikit_learn():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(5)
    true, said = rng.choice(["human", "suno", "udio"], 200), rng.choice(["human", "suno"], 200)
    result = decisions.multi_class(true, said)
    assert [list(row) for row in result.counts] == sklearn_metrics.confusion_matrix(
        true, said
    ).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
            true, said, average="macro", zero_division=0
        )
    assert result.macro_precision == pytest.approx(precision)
    assert result.macro_recall == pytest.approx(recall)
    assert result.macro_f1 == pytest.approx(f1)
    assert result.accuracy == pytest.approx(np.mean(true == said))


def test_multi_class_names_an_unknown_class():
    with pytest.raises(Exception, match="no class named 'sunoo'; did you mean 'suno'"):
        decisions.multi_class(["suno"], ["sunoo"], classes=["suno", "udio"])
    with pytest.raises(EvaluationError, match="at least one item"):
        decisions.multi_class([], [])


def test_a_class_without_items_is_left_out_of_the_means():
    result = decisions.multi_class(["a", "b"], ["a", "b"], classes=["a", "b", "never"])
    assert (result.macro_recall, result.macro_f1) == (1.0, 1.0)
