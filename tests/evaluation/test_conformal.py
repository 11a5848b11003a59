# SPDX-License-Identifier: MIT
"""The promise of a threshold, checked by drawing many calibration sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unsung.evaluation._checks import EvaluationError
from unsung.evaluation.conformal import (
    conformal_threshold,
    false_alarm_interval,
    one_per_group,
    p_values,
    thresholds_by_category,
)


@pytest.mark.parametrize(("n", "alpha"), [(19, 0.05), (30, 0.1), (199, 0.01), (150, 0.05)])
def test_false_alarm_rate_over_many_calibration_sets(n, alpha):
    rng = np.random.default_rng(n)
    rates = []
    for _ in range(2000):
        threshold = conformal_threshold(rng.random(n), alpha)
        rates.append(1 - threshold)  # exact rate for uniform scores
    noise = 4 * np.std(rates) / math.sqrt(len(rates))
    assert np.mean(rates) <= alpha + noise
    assert np.mean(rates) >= alpha - 1 / (n + 1) - noise  # and not needlessly quiet


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=20, max_size=60), st.floats(0.05, 0.5))
def test_at_most_the_allowed_calibration_items_alarm(scores, alpha):
    threshold = conformal_threshold(scores, alpha)
    alarms = sum(s >= threshold for s in scores)
    assert alarms <= math.floor((len(scores) + 1) * alpha + 1e-9)


@pytest.mark.parametrize(("n", "alpha", "there"), [(98, 0.01, 0), (99, 0.01, 1), (9, 0.1, 1),
                                                   (8, 0.1, 0), (999, 0.001, 1)])  # fmt: skip
def test_too_few_tracks_for_the_promise(n, alpha, there):
    assert (conformal_threshold(np.arange(n), alpha) is not None) == bool(there)


def test_the_order_statistic():
    threshold = conformal_threshold(np.arange(199.0), 0.05)  # rank 190 of 199: score 189
    assert threshold == np.nextafter(189.0, np.inf)


def test_p_values_are_fair_and_agree_with_the_threshold():
    rng = np.random.default_rng(0)
    human, new = rng.normal(size=199), rng.normal(size=20_000)
    p = p_values(human, new)
    slow = [(1 + sum(h >= s for h in human)) / 200 for s in new[:50]]
    np.testing.assert_allclose(p[:50], slow)
    np.testing.assert_array_equal(p <= 0.05, new >= conformal_threshold(human, 0.05))


def test_one_score_per_group():
    scores, groups = [1.0, 5.0, 2.0, 3.0], ["b", "b", "a", "a"]
    assert one_per_group(scores, groups).tolist() == [3.0, 5.0]
    drawn = {tuple(one_per_group(scores, groups, per_group="random", seed=k)) for k in range(40)}
    assert drawn == {(a, b) for a in (2.0, 3.0) for b in (1.0, 5.0)}
    same = one_per_group(scores, groups, per_group="random", seed=7)
    np.testing.assert_array_equal(same, one_per_group(scores, groups, per_group="random", seed=7))
    with pytest.raises(EvaluationError, match="per_group='max'"):
        one_per_group(scores, groups, per_group="mean")


def test_clips_of_one_recording_count_once():
    """Ten clips a recording that score alike: clips alone would pretend to be 300 recordings."""
    rng = np.random.default_rng(2)
    rates_max, rates_random = [], []
    groups = np.repeat(np.arange(30), 10)

    def draw(n):
        return rng.normal(size=n)[:, None] + 0.3 * rng.normal(size=(n, 10))

    for _ in range(300):
        human, new = draw(30), draw(100)
        t_max = conformal_threshold(human.ravel(), 0.1, groups)
        t_random = conformal_threshold(human.ravel(), 0.1, groups, per_group="random", seed=1)
        rates_max.append(np.mean(new.max(axis=1) >= t_max))
        rates_random.append(np.mean(new[:, 0] >= t_random))
    assert np.mean(rates_max) <= 0.1 + 0.012
    assert np.mean(rates_random) <= 0.1 + 0.012
    assert conformal_threshold(np.arange(300.0), 0.01, groups) is None  # 30 recordings only


def test_categories_have_their_own_thresholds():
    scores = np.concatenate([np.arange(99.0), np.arange(99.0) + 1000, [5.0]])
    names = ["quiet"] * 99 + ["loud"] * 99 + ["rare"]
    found = thresholds_by_category(scores, names, 0.01)
    assert found["quiet"] < 100 < 1000 < found["loud"]
    assert found["rare"] is None


def test_false_alarm_interval_on_fresh_music():
    found = false_alarm_interval([0.0] * 98 + [2.0] * 2, 1.0)
    assert found.value == 0.02
    assert found.low < 0.02 < found.high
    assert false_alarm_interval([0.0, 1.0], math.inf).value == 0


def test_rates_are_checked():
    with pytest.raises(EvaluationError, match=r"false-alarm rate between 0 and 1 \(1 % is 0\.01\)"):
        conformal_threshold([1.0], 1.0)
