# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.scanning.drift import change, group_means, stretches
from unsung.scanning.prevalence import (
    Reference,
    likelihood_share,
    logistic_llr,
    rogan_gladen,
    rogan_gladen_share,
)

APART = 2.5


def catalogue(rng, share, n_groups=120):
    """Draw albums of one to seven tracks, each album AI with the given chance."""
    ai = np.repeat(rng.random(n_groups) < share, sizes := rng.integers(1, 8, n_groups))
    logits = rng.standard_normal(ai.size) + np.where(ai, APART / 2, -APART / 2)
    return logits, np.repeat(np.arange(n_groups), sizes)


def reference(rng, n=100):
    return Reference(rng.standard_normal(n) - APART / 2, rng.standard_normal(n) + APART / 2)


@pytest.mark.parametrize("true", [0.0, 0.02, 0.3, 1.0])
def test_rogan_gladen_inverts_its_own_errors(true):
    flagged = true * 0.7 + (1 - true) * 0.03
    assert rogan_gladen(flagged, 0.7, 0.97) == pytest.approx(true)
    assert rogan_gladen(0.0, 0.7, 0.97) == 0.0 and np.isnan(rogan_gladen(0.5, 0.5, 0.5))


def test_the_likelihood_ratio_of_two_normals():
    """For unit normals at ±d/2 the ratio is d · x."""
    rng = np.random.default_rng(0)
    scale, shift = logistic_llr(*(rng.standard_normal(20_000) + m * APART / 2 for m in (-1, 1)))
    assert scale == pytest.approx(APART, rel=0.05) and abs(shift) < 0.1


def test_the_likeliest_share_is_what_expectation_maximisation_finds():
    rng = np.random.default_rng(1)
    logits, groups = catalogue(rng, 0.3)
    known = reference(rng)
    found = likelihood_share(logits, groups, known, replicates=2).value
    scale, shift = logistic_llr(known.human, known.ai)
    ratio, share = np.exp(scale * logits + shift), 0.5
    for _ in range(2000):  # Saerens, Latinne and Decaestecker, step by step
        share = float(np.mean(share * ratio / (share * ratio + 1 - share)))
    assert found == pytest.approx(share, abs=0.004)  # logits are binned


@pytest.mark.parametrize(
    ("true", "rounds"),
    [(0.05, 40), *(pytest.param(p, 150, marks=pytest.mark.slow) for p in (0.0, 0.05, 0.3))],
)
def test_intervals_cover_the_truth(true, rounds):
    """Of 95 % intervals about that many hold the truth; the plain count's seldom do."""
    held = np.zeros(3)
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        logits, groups = catalogue(rng, true)
        known = reference(rng)
        threshold = float(np.quantile(known.human, 0.95))
        corrected = rogan_gladen_share(logits, groups, known, threshold, replicates=150, seed=seed)
        likeliest = likelihood_share(logits, groups, known, replicates=100, seed=seed)
        flagged = float(np.mean(logits >= threshold))
        held += [
            corrected.low <= true <= corrected.high,
            likeliest.low <= true <= likeliest.high,
            abs(flagged - true) < 0.005,
        ]
    assert (held[:2] >= rounds * 0.95 - 2.6 * np.sqrt(rounds * 0.95 * 0.05)).all(), held
    assert held[2] < 0.5 * rounds


def test_groups_widen_the_interval():
    rng = np.random.default_rng(2)
    logits = np.repeat(rng.choice([-1.5, 1.5], 40), 25) + 0.3 * rng.standard_normal(1000)
    known = reference(rng, 2000)
    wide = likelihood_share(logits, np.repeat(np.arange(40), 25), known, replicates=100)
    thin = likelihood_share(logits, np.arange(1000), known, replicates=100)
    assert wide.high - wide.low > 2.5 * (thin.high - thin.low)
    assert wide.value == thin.value


def test_few_calibration_recordings_widen_the_interval():
    rng = np.random.default_rng(3)
    logits, groups = catalogue(rng, 0.2, 600)
    width = {}
    for n in (20, 2000):
        found = rogan_gladen_share(logits, groups, reference(rng, n), 0.5, replicates=200)
        width[n] = found.high - found.low
    assert width[20] > 2 * width[2000]


def test_no_false_alarm_among_few_is_not_no_false_alarm_at_all():
    known = Reference(np.full(50, -3.0), np.full(50, 3.0))
    logits = np.concatenate([np.full(990, -3.0), np.full(10, 3.0)])
    found = rogan_gladen_share(logits, np.arange(1000), known, 0.0, replicates=300)
    assert found.value == pytest.approx(0.01) and found.low == 0.0


def test_a_detector_that_tells_nothing_apart_tells_no_share():
    rng = np.random.default_rng(4)
    same = rng.standard_normal(100)
    found = rogan_gladen_share(same, np.arange(100), Reference(same, same - 1.0), 0.0)
    assert (found.low, found.high) == (0.0, 1.0)


def test_wrong_input():
    known = reference(np.random.default_rng(0))
    with pytest.raises(UsageError, match="at least 10 human"):
        Reference(np.zeros(3), np.zeros(30))
    with pytest.raises(UsageError, match="one group for each"):
        likelihood_share([1.0, 2.0], [1], known)
    with pytest.raises(UsageError, match="finite logits"):
        rogan_gladen_share([1.0, np.nan], [1, 2], known, 0.0)


def test_a_step_is_found_where_it_is():
    rng = np.random.default_rng(5)
    level = np.where(np.arange(200) < 120, 0.0, 1.0)
    places = rng.permutation(200)
    found = change(places, level[places] + 0.5 * rng.standard_normal(200))
    assert abs(found.at - 120) <= 5 and found.p_value < 1e-6
    assert found.before < 0.3 and found.after > 0.7 and found.n_groups == 200


def test_no_step_is_seldom_found():
    hits = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        hits += change(np.arange(60), rng.standard_cauchy(60)).p_value < 0.05
    assert hits <= 0.05 * 400 + 2.6 * np.sqrt(400 * 0.05 * 0.95)


def test_groups_count_once():
    x, y = group_means([0, 2, 10], [1.0, 3.0, 5.0], ["a", "a", "b"])
    assert x.tolist() == [1.0, 10.0] and y.tolist() == [2.0, 5.0]
    assert change(range(19), range(19)) is None
    assert change([1.0] * 30, range(30)) is None  # all at one place
    with pytest.raises(UsageError, match="one place for each"):
        change([1, 2], [1])


def test_stretches_hold_equal_numbers():
    pieces = stretches(np.arange(100)[::-1], np.arange(100.0), 50.0, count=4)
    assert [p.n for p in pieces] == [25] * 4 and pieces[0].start == 0 and pieces[-1].end == 99
    assert pieces[0].flagged == 25 and pieces[-1].flagged == 0
    assert pieces[0].low < pieces[0].median < pieces[0].high
