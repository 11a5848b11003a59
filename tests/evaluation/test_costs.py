# SPDX-License-Identifier: MIT
"""Challenge costs against loops and against numbers measured with the official packages."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unsung.evaluation._checks import EvaluationError
from unsung.evaluation.calibration import cllr
from unsung.evaluation.costs import (
    AsvRates,
    TandemCost,
    act_dcf,
    bayes_threshold,
    min_dcf,
    min_tdcf,
)
from unsung.evaluation.discrimination import eer

# The official packages on RandomState(1): spoof −(randn(200)+1), bona −(randn(300)−½), both × 2,
# higher = bona fide.
PUBLISHED = {
    "eer": 0.2058333333333333,
    "minDCF": 0.5233333333333331,
    "actDCF": 0.622,
    "act_threshold": -0.6418538861723947,
    "Cllr": 0.6902092684646278,
    "min_tDCF_legacy": 0.7532642182186529,
}
ASV = AsvRates(false_alarm=0.0188, miss=0.0188, false_alarm_spoof=1 - 0.5393)


def measured(labels, scores):
    doubled = 2 * scores  # higher = AI already
    return {
        "eer": eer(labels, doubled),
        "minDCF": min_dcf(labels, doubled),
        "actDCF": act_dcf(labels, doubled),
        "act_threshold": -bayes_threshold(),
        "Cllr": cllr(labels, doubled),
        "min_tDCF_legacy": min_tdcf(labels, doubled, legacy=True, asv=ASV),
    }


def test_published_numbers(published):
    values = measured(*published)
    for name, expected in PUBLISHED.items():
        assert values[name] == pytest.approx(expected, abs=1e-12), name


def test_stored_answers(published, fixture_json):
    stored = fixture_json("lfcc_metrics.json")["asvspoof5_metrics"]
    values = measured(*published)
    for name, value in values.items():
        (expected,) = (number for key, number in stored.items() if key.startswith(name))
        assert value == pytest.approx(expected, abs=1e-12), name


def slow_rates(labels, scores):
    human, ai = scores[labels == 0], scores[labels == 1]
    for t in [*scores, math.inf]:
        yield np.mean(human >= t), np.mean(ai < t)


def test_costs_against_a_loop(published):
    labels, scores = published
    cost = min(0.7 * 2 * miss + 0.3 * 3 * fa for miss, fa in slow_rates(labels, scores)) / 0.9
    found = min_dcf(labels, scores, prior_ai=0.3, cost_miss=2, cost_false_alarm=3)
    assert found == pytest.approx(cost)


def test_revised_tandem_cost_against_a_loop(published):
    labels, scores = published
    asv, price = AsvRates(), TandemCost()
    c0 = price.prior_target * asv.miss + price.prior_nontarget * 10 * asv.false_alarm
    c1, c2 = price.prior_target - c0, 0.05 * 10 * asv.false_alarm_spoof
    best = min(c0 + c1 * miss + c2 * fa for miss, fa in slow_rates(labels, scores))
    assert min_tdcf(labels, scores) == pytest.approx(best / (c0 + min(c1, c2)))


def test_perfect_and_useless():
    labels, scores = [0, 0, 1, 1], np.array([-5.0, -4.0, 4.0, 5.0])
    for metric in (min_dcf, act_dcf, lambda y, s: min_tdcf(y, s, legacy=True)):
        assert metric(labels, scores) == 0
        assert metric(labels, -scores) >= 1
    floor = min_tdcf(labels, scores)  # the verifier's own errors remain
    assert 0 < floor < 0.2
    assert min_tdcf(labels, -scores) == pytest.approx(1)


def test_actual_cost_is_never_below_the_minimum(scored):
    labels, scores, _ = scored
    assert act_dcf(labels, scores) >= min_dcf(labels, scores) - 1e-12


def test_a_verifier_worse_than_chance_is_refused():
    with pytest.raises(EvaluationError, match="better than chance"):
        min_tdcf([0, 1], [0.0, 1.0], legacy=True, asv=AsvRates(1.0, 1.0, 0.5))


def test_options_are_checked():
    with pytest.raises(EvaluationError, match="prior of AI between 0 and 1"):
        min_dcf([0, 1], [0.0, 1.0], prior_ai=1.0)
    with pytest.raises(EvaluationError, match="costs above 0"):
        min_dcf([0, 1], [0.0, 1.0], cost_miss=0)


def test_records_return():
    assert TandemCost.from_dict(TandemCost().to_dict()) == TandemCost()
