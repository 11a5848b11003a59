# SPDX-License-Identifier: MIT
"""Calibration measures and calibrators against loops, scikit-learn and known truths."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from unsung.errors import UnknownName
from unsung.evaluation._checks import EvaluationError
from unsung.evaluation._pav import pool_adjacent_violators
from unsung.evaluation.calibration import (
    Reliability,
    brier,
    cllr,
    ece,
    ece_debiased,
    llr_to_probability,
    mce,
    min_cllr,
    nll,
    reliability,
)
from unsung.evaluation.calibrators import Affine, Isotonic, Temperature, calibrator_from_dict
from unsung.evaluation.discrimination import roc_auc


def gaussian_llrs(n_ai, n_human, seed=0):
    """Scores that are true log-likelihood ratios: normal, mean ±d²/2, variance d²; d = 2."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.ones(n_ai, int), np.zeros(n_human, int)])
    return labels, rng.normal(np.where(labels == 1, 2.0, -2.0), 2.0)


def slow_ece(labels, probabilities, bins, of):
    total = 0.0
    worst = 0.0
    for b in range(bins):
        said, came = [], []
        for y, p in zip(labels, probabilities, strict=True):
            confidence = max(p, 1 - p) if of == "predicted" else p
            right = (p >= 0.5) == (y == 1) if of == "predicted" else y == 1
            if b / bins < confidence <= (b + 1) / bins or (b == 0 and confidence == 0):
                said.append(confidence)
                came.append(right)
        if said:
            gap = abs(np.mean(came) - np.mean(said))
            total += len(said) / len(labels) * gap
            worst = max(worst, gap)
    return total, worst


@pytest.mark.parametrize("of", ["predicted", "ai"])
@pytest.mark.parametrize("bins", [1, 4, 15])
def test_ece_against_a_loop(scored, of, bins):
    labels, scores, _ = scored
    p = special.expit(scores)
    total, worst = slow_ece(labels, p, bins, of)
    assert ece(labels, p, bins=bins, of=of) == pytest.approx(total)
    assert mce(labels, p, bins=bins, of=of) == pytest.approx(worst)


def test_ece_of_sure_and_right_wrong_and_chance():
    assert ece([0, 1], [0.0, 1.0]) == 0
    assert ece([0, 1], [1.0, 0.0]) == 1
    assert ece([0, 1], [0.5, 0.5]) == 0


def test_equal_mass_bins_hold_equal_counts():
    rng = np.random.default_rng(0)
    p = rng.beta(0.2, 0.2, 300)
    diagram = reliability(rng.random(300) < p, p, of="ai", binning="mass")
    assert set(diagram.counts) == {20}
    tied = reliability([0, 1, 1], [0.3, 0.3, 0.3], of="ai", binning="mass")
    assert tied.counts == (3,)


def test_reliability_adds_up(scored):
    labels, scores, _ = scored
    diagram = reliability(labels, special.expit(scores), of="ai")
    assert sum(diagram.counts) == labels.size
    assert diagram.shares @ np.asarray(diagram.accuracy) == pytest.approx(labels.mean())
    assert Reliability.from_dict(json.loads(json.dumps(diagram.to_dict()))) == diagram


def test_debiased_ece_takes_off_what_theory_says():
    plain, corrected = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p = rng.random(300)
        labels = rng.random(300) < p  # perfectly calibrated: the true error is 0
        plain.append(ece(labels, p, of="ai", binning="mass"))
        corrected.append(ece_debiased(labels, p, of="ai"))
    assert np.mean(plain) > 0.05
    # a bin's gap is |z|, z normal; E(2|z| − |z + z'|) = (2 − √2) E|z|
    assert np.mean(corrected) / np.mean(plain) == pytest.approx(2 - math.sqrt(2), abs=0.05)


def test_debiased_ece_leaves_a_large_error_alone():
    rng = np.random.default_rng(0)
    labels = rng.random(20_000) < 0.5
    p = np.where(rng.random(20_000) < 0.5, 0.9, 0.8)
    assert ece_debiased(labels, p, of="ai") == pytest.approx(0.35, abs=0.01)


def test_debiased_ece_is_the_mean_over_resampled_noise():
    rng = np.random.default_rng(1)
    p = rng.random(200)
    labels = rng.random(200) < p
    d = reliability(labels, p, of="ai", binning="mass")
    acc, n = np.asarray(d.accuracy), np.asarray(d.counts)
    noisy = rng.normal(acc, np.sqrt(acc * (1 - acc) / n), size=(100_000, acc.size))
    drawn = np.mean(np.abs(noisy - np.asarray(d.confidence)) @ d.shares)
    plain = ece(labels, p, of="ai", binning="mass")
    assert ece_debiased(labels, p, of="ai") == pytest.approx(max(0, 2 * plain - drawn), abs=1e-3)


def test_brier_and_nll_against_scikit_learn(scored):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    labels, scores, _ = scored
    p = special.expit(scores)
    assert brier(labels, p) == pytest.approx(sklearn_metrics.brier_score_loss(labels, p))
    assert nll(labels, p) == pytest.approx(sklearn_metrics.log_loss(labels, p))
    assert nll([0, 1], [1.0, 1.0]) == math.inf


def test_cllr_against_a_loop(scored):
    labels, scores, _ = scored
    ai = [math.log2(1 + math.exp(-s)) for s, y in zip(scores, labels, strict=True) if y == 1]
    human = [math.log2(1 + math.exp(s)) for s, y in zip(scores, labels, strict=True) if y == 0]
    expected = (np.mean(ai) + np.mean(human)) / 2
    assert cllr(labels, scores) == pytest.approx(expected)
    assert min_cllr(labels, scores) <= cllr(labels, scores)
    assert cllr([0, 1], [-1000.0, 1000.0]) == 0


def test_min_cllr_of_perfect_useless_and_reversed():
    assert min_cllr([0, 0, 1, 1], [-9.0, 0.0, 0.1, 0.2]) == 0
    assert min_cllr([0, 0, 1, 1], [1.0, 1.0, 1.0, 1.0]) == pytest.approx(1)
    assert min_cllr([1, 1, 0, 0], [-9.0, 0.0, 0.1, 0.2]) == pytest.approx(1)


def test_min_cllr_does_not_depend_on_the_scale_or_mix():
    labels, llr = gaussian_llrs(3000, 3000)
    value = min_cllr(labels, llr)
    assert min_cllr(labels, np.tanh(llr / 9)) == pytest.approx(value)
    assert value == pytest.approx(cllr(labels, llr), abs=0.01)  # true ratios: nothing to gain
    keep = (labels == 1) | (np.arange(labels.size) % 5 == 0)
    assert min_cllr(labels[keep], llr[keep]) == pytest.approx(value, abs=0.03)


def slow_pav(values, weights):
    blocks = []
    for v, w in zip(values, weights, strict=True):
        blocks.append([v, w, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            v2, w2, n2 = blocks.pop()
            v1, w1, n1 = blocks.pop()
            blocks.append([(v1 * w1 + v2 * w2) / (w1 + w2), w1 + w2, n1 + n2])
    return [v for v, _, n in blocks for _ in range(n)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 5)), min_size=1, max_size=30))
def test_pooling_against_blocks(pairs):
    values, weights = zip(*pairs, strict=True)
    found = pool_adjacent_violators(values, weights)
    np.testing.assert_allclose(found, slow_pav(values, weights), atol=1e-9)
    assert np.all(np.diff(found) >= -1e-12)


@pytest.mark.parametrize("fit", [Temperature.fit, Affine.fit, Isotonic.fit])
@pytest.mark.parametrize("counts", [(4000, 4000), (400, 8000)])
def test_calibrators_return_the_ratio_whatever_the_mix(fit, counts):
    labels, llr = gaussian_llrs(*counts)
    calibrator = fit(labels, llr / 3)  # a detector that is three times too shy
    at = np.array([-2.0, 0.0, 2.0])
    np.testing.assert_allclose(calibrator.apply(at / 3), at, atol=0.5)
    fresh_labels, fresh = gaussian_llrs(4000, 4000, seed=9)
    out = calibrator.apply(fresh / 3)
    assert cllr(fresh_labels, out) < cllr(fresh_labels, fresh / 3)
    assert cllr(fresh_labels, out) == pytest.approx(cllr(fresh_labels, fresh), abs=0.02)
    p = llr_to_probability(out, 0.5)
    assert ece(fresh_labels, p) < 0.04


def test_affine_removes_a_shift():
    labels, llr = gaussian_llrs(5000, 5000)
    line = Affine.fit(labels, 0.5 * llr + 7)
    assert line.slope == pytest.approx(2, abs=0.15)
    assert line.offset_nats == pytest.approx(-14, abs=1)


def test_affine_is_logistic_regression():
    linear_model = pytest.importorskip("sklearn.linear_model")
    labels, llr = gaussian_llrs(300, 100)
    other = linear_model.LogisticRegression(C=1e8, class_weight="balanced", tol=1e-10)
    other.fit(llr[:, None], labels)
    line = Affine.fit(labels, llr)
    assert line.slope == pytest.approx(other.coef_[0, 0], rel=1e-3)
    assert line.offset_nats == pytest.approx(other.intercept_[0], abs=1e-3)


def test_another_prior_moves_the_weight_not_the_meaning():
    labels, llr = gaussian_llrs(4000, 4000)
    for prior in (0.05, 0.5, 0.95):
        line = Affine.fit(labels, llr, prior=prior)
        assert line.slope == pytest.approx(1, abs=0.15)
        assert line.offset_nats == pytest.approx(0, abs=0.4)
    with pytest.raises(EvaluationError, match="prior of AI between 0 and 1"):
        Affine.fit(labels, llr, prior=0)


@pytest.mark.parametrize("fit", [Temperature.fit, Affine.fit, Isotonic.fit])
def test_classes_apart_stay_finite(fit):
    labels = np.array([0] * 20 + [1] * 20)
    scores = np.concatenate([np.linspace(-2, -1, 20), np.linspace(1, 2, 20)])
    llr = fit(labels, scores).apply([-50.0, -1.0, 0.0, 1.0, 50.0])
    assert np.isfinite(llr).all()
    assert np.all(np.diff(llr) >= 0)
    assert llr[1] < -2
    assert llr[3] > 2


def test_isotonic_claims_no_more_than_its_counts():
    labels = np.array([0] * 99 + [1] * 9)
    line = Isotonic.fit(labels, np.arange(108.0))
    assert line.apply([1e9])[0] == pytest.approx(math.log(100))
    assert line.apply([-1e9])[0] == pytest.approx(-math.log(10))


@pytest.mark.parametrize("fit", [Temperature.fit, Affine.fit, Isotonic.fit])
def test_constant_scores_carry_no_evidence(fit):
    assert fit([0, 1, 1], [0.0, 0.0, 0.0]).apply([0.0])[0] == pytest.approx(0)


def test_reversed_scores():
    labels, llr = gaussian_llrs(500, 500)
    assert Affine.fit(labels, -llr).slope < 0
    np.testing.assert_allclose(Isotonic.fit(labels, -llr).apply([-2.0, 2.0]), 0, atol=0.5)
    assert Temperature.fit(labels, -llr).temperature > 1e4


@pytest.mark.parametrize("fit", [Temperature.fit, Affine.fit, Isotonic.fit])
def test_calibrators_return_from_json_exactly(fit, scored):
    labels, scores, _ = scored
    calibrator = fit(labels, scores)
    again = calibrator_from_dict(json.loads(json.dumps(calibrator.to_dict())))
    assert again == calibrator
    np.testing.assert_array_equal(again.apply(scores), calibrator.apply(scores))


def test_calibration_keeps_the_order(scored):
    labels, scores, _ = scored
    value = roc_auc(labels, scores)
    assert roc_auc(labels, Temperature.fit(labels, scores).apply(scores)) == pytest.approx(value)
    assert roc_auc(labels, Affine.fit(labels, scores).apply(scores)) == pytest.approx(value)


def test_damaged_records_are_refused():
    with pytest.raises(UnknownName, match="no calibrator named 'affin'; did you mean 'affine'"):
        calibrator_from_dict({"kind": "affin"})
    with pytest.raises(EvaluationError, match="temperature above 0"):
        Temperature(0.0)
    with pytest.raises(EvaluationError, match="finite slope"):
        Affine(math.nan, 0.0)
    with pytest.raises(EvaluationError, match="rising knots"):
        Isotonic((0.0, 0.0), (1.0, 2.0))


def test_llr_to_probability():
    np.testing.assert_allclose(llr_to_probability([math.log(9)], 0.1), [0.5])
    np.testing.assert_allclose(llr_to_probability([-math.inf, math.inf], 0.5), [0, 1])
    with pytest.raises(EvaluationError, match="prior"):
        llr_to_probability([0.0], 1.0)
    with pytest.raises(EvaluationError, match="NaN"):
        llr_to_probability([math.nan], 0.5)


def test_unknown_options():
    with pytest.raises(EvaluationError, match="of='predicted'"):
        ece([0, 1], [0.0, 1.0], of="fake")
    with pytest.raises(EvaluationError, match="binning='width'"):
        ece([0, 1], [0.0, 1.0], binning="even")
    with pytest.raises(EvaluationError, match="bins of at least 1"):
        ece([0, 1], [0.0, 1.0], bins=0)
