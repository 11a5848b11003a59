# SPDX-License-Identifier: MIT
"""Weights balance, fits separate, folds stay unseen."""

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.training.linear import balance, fit_linear, out_of_fold


def data(n=200, d=500, seed=0):
    rng = np.random.default_rng(seed)
    positive = np.arange(n) % 2 == 0
    features = rng.standard_normal((n, d)).astype("f4")
    features[positive, :5] += 2.0
    return features, positive


def test_balance_gives_both_classes_half_and_groups_their_root():
    positive = np.array([True] * 6 + [False] * 2)
    weights = balance(positive, ["a"] * 4 + ["b"] + ["c"] * 3)
    assert weights.mean() == pytest.approx(1.0)
    assert weights[positive].sum() == pytest.approx(weights[~positive].sum())
    assert weights[:4].sum() / weights[4] == pytest.approx(2.0)  # sqrt(4) against sqrt(1)


def test_fit_separates_and_its_logit_is_the_stated_sum():
    features, positive = data()
    fit = fit_linear(features, positive, np.ones(200), 1e-2)
    logits = fit.logits(features)
    assert logits[positive].min() > np.median(logits[~positive])
    slow = [fit.baseline + float(np.dot(fit.weights, row - fit.means)) for row in features]
    np.testing.assert_allclose(logits, slow, atol=1e-4)


def test_a_constant_feature_gets_no_weight_and_no_infinity():
    features, positive = data()
    features[:, 7] = 3.0
    fit = fit_linear(features, positive, np.ones(200), 1e-2)
    assert np.isfinite(fit.weights).all()
    assert abs(fit.weights[7]) < 1e-3


def test_one_class_is_an_error():
    features, positive = data()
    with pytest.raises(UsageError, match="got one class"):
        fit_linear(features, np.ones_like(positive), np.ones(200), 1.0)


def test_a_fold_is_not_learned_from():
    features, positive = data()
    folds = np.arange(200) // 50
    features[folds == 2] = 1e3 * np.where(positive[folds == 2], 1, -1)[:, None]  # a give-away
    fits = out_of_fold(features, positive, ["g"] * 200, folds, 1e-2)
    assert len(fits) == 4
    clean = fit_linear(
        features[folds != 2], positive[folds != 2],
        balance(positive[folds != 2], ["g"] * 150), 1e-2,
    )  # fmt: skip
    np.testing.assert_allclose(fits[2].weights, clean.weights, rtol=1e-5)


def test_rows_that_may_not_train_do_not():
    features, positive = data()
    folds = np.arange(200) % 4
    train = np.arange(200) < 150
    spoiled = features.copy()
    spoiled[~train] = 99.0
    ours = out_of_fold(spoiled, positive, ["g"] * 200, folds, 1e-2, train=train)
    theirs = out_of_fold(features, positive, ["g"] * 200, folds, 1e-2, train=train)
    np.testing.assert_array_equal(ours[0].weights, theirs[0].weights)
