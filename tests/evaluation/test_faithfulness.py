# SPDX-License-Identifier: MIT
"""Faithfulness: perfect, chance and order; every number against a slow twin."""

import itertools

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.evaluation import faithfulness as f

RNG = np.random.default_rng(0)
MAP = RNG.standard_normal((6, 9))
REGION = np.zeros((6, 9), bool)
REGION[2:4, 3:7] = True
WEIGHTS = RNG.standard_normal(12)


def linear(kept):
    return kept @ WEIGHTS


def test_pointing_game():
    assert f.pointing_game(REGION * 2.0 - MAP * 1e-3, REGION) == 1.0
    assert f.pointing_game(~REGION * 2.0, REGION) == 0.0
    tied = np.zeros((6, 9))
    assert f.pointing_game(tied, REGION) == pytest.approx(REGION.mean())  # says nothing: chance


def test_mass_equals_its_slow_twin():
    inside = sum(max(v, 0) for v, r in zip(MAP.ravel(), REGION.ravel(), strict=True) if r)
    total = sum(max(v, 0) for v in MAP.ravel())
    assert f.relevance_mass(MAP, REGION) == pytest.approx(inside / total)
    assert f.relevance_mass(REGION * 1.0, REGION) == 1.0
    assert f.relevance_mass(np.ones((6, 9)), REGION) == pytest.approx(REGION.mean())
    assert f.relevance_mass(-np.ones((6, 9)), REGION) == 0.0


def test_localisation_auc_counts_pairs():
    inside, outside = MAP[REGION], MAP[~REGION]
    wins = [(a > b) + 0.5 * (a == b) for a in inside for b in outside]
    assert f.localisation_auc(MAP, REGION) == pytest.approx(np.mean(wins))
    assert f.localisation_auc(REGION * 1.0, REGION) == 1.0
    assert f.localisation_auc(np.zeros((6, 9)), REGION) == 0.5


def slow_curve(relevance, steps, insert):
    order = sorted(range(12), key=lambda i: -relevance[i])
    found = []
    for step in range(steps + 1):
        gone = order[: round(step * 12 / steps)]
        kept = gone if insert else [i for i in range(12) if i not in gone]
        found.append(sum(WEIGHTS[i] for i in kept))
    return found


@pytest.mark.parametrize("steps", [12, 4])
def test_curves_equal_their_slow_twins(steps):
    relevance = RNG.standard_normal(12)
    deleted = f.deletion_curve(linear, relevance, steps)
    assert deleted == pytest.approx(slow_curve(relevance, steps, insert=False))
    inserted = f.insertion_curve(linear, relevance, steps)
    assert inserted == pytest.approx(slow_curve(relevance, steps, insert=True))


def test_the_true_order_deletes_fastest_and_inserts_fastest():
    true = f.area(f.deletion_curve(linear, WEIGHTS, 12))
    risen = f.area(f.insertion_curve(linear, WEIGHTS, 12))
    for seed in range(20):
        other = np.random.default_rng(seed).standard_normal(12)
        assert f.area(f.deletion_curve(linear, other, 12)) >= true
        assert f.area(f.insertion_curve(linear, other, 12)) <= risen


def test_area_is_the_trapezoidal_rule():
    curve = [3.0, 1.0, 2.0, -1.0]
    slow = sum((a + b) / 2 for a, b in itertools.pairwise(curve)) / 3
    assert f.area(curve) == pytest.approx(slow)


def test_comprehensiveness_and_sufficiency_of_a_linear_model():
    top = sorted(WEIGHTS, reverse=True)[:3]
    assert f.comprehensiveness(linear, WEIGHTS, 0.25) == pytest.approx(sum(top))
    assert f.sufficiency(linear, WEIGHTS, 0.25) == pytest.approx(WEIGHTS.sum() - sum(top))


def test_rank_similarity_is_spearman():
    from scipy.stats import spearmanr

    a, b = MAP, MAP**3 + RNG.standard_normal(MAP.shape)
    want = spearmanr(a.ravel(), b.ravel()).statistic
    assert f.rank_similarity(a, b) == pytest.approx(want)
    assert f.rank_similarity(a, a) == pytest.approx(1.0)
    assert f.rank_similarity(a, -a) == pytest.approx(-1.0)
    assert f.rank_similarity(a, np.ones_like(a)) == 0.0


def test_stability_and_conservation():
    assert f.stability(MAP, MAP) == 0.0
    assert f.stability(MAP, 2 * MAP) == pytest.approx(1.0)
    assert f.stability(np.zeros(3), np.ones(3)) == 1.0
    assert f.conservation([1.0, 2.0], 4.0, 1.0) == 0.0
    assert f.conservation([1.0], 3.0, 1.0) == pytest.approx(0.5)
    assert f.conservation([0.0], 1.0, 1.0) == 0.0
    assert f.conservation([1.0, -2.0], 1.0, 1.0) == pytest.approx(1 / 3)


def test_bad_input_is_told():
    with pytest.raises(UsageError, match="of one shape"):
        f.pointing_game(MAP, REGION[:3])
    with pytest.raises(UsageError, match="neither empty nor everything"):
        f.relevance_mass(MAP, np.zeros_like(REGION))
    with pytest.raises(UsageError, match="NaN"):
        f.localisation_auc(np.full((6, 9), np.nan), REGION)
    with pytest.raises(UsageError, match="at least one step"):
        f.deletion_curve(linear, WEIGHTS, 0)
    with pytest.raises(UsageError, match="between 0 and 1, got 1"):
        f.sufficiency(linear, WEIGHTS, 1.0)
    with pytest.raises(UsageError, match="two points"):
        f.area([1.0])
    with pytest.raises(UsageError, match="one size, got 3 and 2"):
        f.rank_similarity([1, 2, 3], [1, 2])
