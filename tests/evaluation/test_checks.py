# SPDX-License-Identifier: MIT
"""Every wrong input is named: what was expected, what came, what to do."""

from __future__ import annotations

import numpy as np
import pytest

import unsung.evaluation
from unsung.errors import UsageError
from unsung.evaluation import calibration, calibrators, costs, decisions, discrimination
from unsung.evaluation._checks import EvaluationError, OneClassError, as_groups, as_probabilities
from unsung.evaluation.intervals import bootstrap_interval
from unsung.evaluation.summary import evaluate

METRICS = [
    discrimination.roc_curve,
    discrimination.roc_auc,
    discrimination.average_precision,
    discrimination.eer,
    discrimination.eer_interpolated,
    discrimination.eer_hard_labels,
    lambda y, s: discrimination.detection_rate_at(y, s, 0.1),
    lambda y, s: discrimination.false_alarm_at_detection(y, s, 0.9),
    decisions.confusion_at,
    decisions.f1,
    costs.min_dcf,
    costs.act_dcf,
    costs.min_tdcf,
    calibration.cllr,
    calibration.min_cllr,
    calibration.brier,
    calibration.ece,
    calibrators.Temperature.fit,
    calibrators.Affine.fit,
    calibrators.Isotonic.fit,
    lambda y, s: bootstrap_interval(discrimination.roc_auc, y, s),
    evaluate,
]
WRONG = [
    ([1, 1, 1], [0.1, 0.2, 0.3], "expected AI and human items, got 3 AI and 0 human"),
    ([0, 0], [0.1, 0.2], "got 0 AI and 2 human; add the class"),
    ([], [], "at least one item"),
    ([0, 1], [0.1], "expected 2 scores, one for each label, got 1"),
    ([0, 1], [0.1, np.nan], "expected finite scores, got nan at item 1"),
    ([0, 1], [np.inf, 0.1], "got inf at item 0"),
    ([0, 2], [0.1, 0.2], r"expected labels 0 \(human\) and 1 \(AI\), got .*2"),
    ([0, -1], [0.1, 0.2], "map other labels"),
    (["human", "ai"], [0.1, 0.2], "expected labels 0"),
    ([0.0, np.nan], [0.1, 0.2], "expected labels 0"),
    ([[0, 1]], [0.1, 0.2], r"shape \[item\]"),
    ([0, 1], [[0.1, 0.2]], r"shape \[item\]"),
    ([0, 1], ["x", "y"], "as numbers"),
]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("labels", "scores", "message"), WRONG)
def test_wrong_arrays_are_refused_everywhere(metric, labels, scores, message):
    with pytest.raises(EvaluationError, match=message):
        metric(labels, scores)


def test_errors_are_usage_errors():
    assert issubclass(EvaluationError, UsageError)
    assert issubclass(OneClassError, EvaluationError)


def test_booleans_are_labels():
    assert discrimination.roc_auc([False, True], [0.0, 1.0]) == 1.0


def test_probabilities_out_of_range():
    with pytest.raises(EvaluationError, match="from 0 to 1"):
        as_probabilities([0.2, 1.2])


@pytest.mark.parametrize("groups", [["b", "a", "b"], [7, 3, 7], np.array(["b", "a", "b"], object)])
def test_groups_of_any_kind(groups):
    assert as_groups(groups, 3).tolist() == [1, 0, 1]


def test_groups_of_the_wrong_length():
    with pytest.raises(EvaluationError, match="expected 3 groups"):
        as_groups([1, 2], 3)


def test_a_nan_threshold_is_refused():
    with pytest.raises(EvaluationError, match="NaN"):
        decisions.confusion_at([0, 1], [0.0, 1.0], np.nan)


def test_exports():
    names = unsung.evaluation.__all__
    assert names == sorted(names)
    assert len(names) <= 20
    assert all(hasattr(unsung.evaluation, name) for name in names)
