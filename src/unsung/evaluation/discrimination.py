# SPDX-License-Identifier: MIT
"""How well scores tell AI from human music, whatever the threshold.

Labels 1 = AI, 0 = human; higher score = AI; ``score >= threshold`` is an alarm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unsung.evaluation._checks import (
    EvaluationError,
    Floats,
    OneClassError,
    as_labels,
    as_scores,
    binary,
    same_length,
)

__all__ = [
    "RocCurve",
    "allowed_alarms",
    "average_precision",
    "detection_rate_at",
    "eer",
    "eer_hard_labels",
    "eer_interpolated",
    "false_alarm_at_detection",
    "miss_and_false_alarm",
    "roc_auc",
    "roc_curve",
    "threshold_at",
]


@dataclass(frozen=True)
class RocCurve:
    """Rates at every threshold, from never (``inf``) to always.

    Shapes: all ``[point]``; one point for each distinct score, and one before the first.
    """

    false_alarm_rate: Floats
    detection_rate: Floats
    thresholds: Floats


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """Return the receiver operating characteristic; tied scores make one point.

    Shape: ``[item]``, ``[item]`` → ``[distinct scores + 1]``.

    >>> roc_curve([0, 1, 1], [0.1, 0.4, 0.8]).detection_rate.tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    y, s = binary(labels, scores)
    distinct, item = np.unique(s, return_inverse=True)
    ai = np.bincount(item, weights=y, minlength=distinct.size)[::-1]
    human = np.bincount(item, weights=1 - y, minlength=distinct.size)[::-1]
    return RocCurve(
        false_alarm_rate=np.concatenate(([0.0], np.cumsum(human) / human.sum())),
        detection_rate=np.concatenate(([0.0], np.cumsum(ai) / ai.sum())),
        thresholds=np.concatenate(([np.inf], distinct[::-1])),
    )


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the chance that an AI track outscores a human one; a tie counts half.

    Equals the Mann-Whitney U statistic over ``n_ai * n_human`` (Hanley and McNeil 1982).

    Shape: ``[item]``, ``[item]`` → a number from 0 to 1 (0.5: no skill).

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    curve = roc_curve(labels, scores)
    found, alarms = curve.detection_rate, curve.false_alarm_rate
    return float(np.sum(np.diff(alarms) * (found[1:] + found[:-1])) / 2)


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the precision averaged over the AI tracks, in steps, without interpolation.

    ``Σ (R_k − R_{k−1}) P_k`` over falling thresholds. Depends on the share of AI tracks: chance
    level is that share, so values from differently mixed sets do not compare.

    Shape: ``[item]``, ``[item]`` → a number from 0 to 1.

    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    y = as_labels(labels)
    curve = roc_curve(y, scores)
    caught = curve.detection_rate * y.sum()
    alarms = curve.false_alarm_rate * (y.size - y.sum())
    precision = caught[1:] / (caught[1:] + alarms[1:])
    return float(np.sum(np.diff(curve.detection_rate) * precision))


def miss_and_false_alarm(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return the curve that the ASVspoof packages walk: rates after each single item.

    ASVspoof takes human (bona fide) as the target. With the k most AI-like items rejected,
    ``reject[k]`` is the share of human items among them, ``accept[k]`` the share of AI items left.
    Tied scores are not merged but walked item by item, human items first, as in the official code;
    with many ties this is pessimistic (a constant score has EER 1).

    Shape: ``[item]``, ``[item]`` → reject, accept and thresholds, each ``[item + 1]``, from
    rejecting nothing to rejecting all; thresholds are AI scores.

    Source: Kinnunen et al., "t-DCF", Odyssey 2018; ASVspoof 2019, 2021 and 5 evaluation plans.

    >>> reject, accept, _ = miss_and_false_alarm([0, 1], [-1.0, 1.0])
    >>> reject.tolist(), accept.tolist()
    ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    """
    y, s = binary(labels, scores)
    order = np.lexsort((y, -s))  # most AI-like first; human before AI in a tie
    human = 1 - y[order]
    n_human = int(human.sum())
    n_ai = y.size - n_human
    passed = np.cumsum(human)
    reject = np.concatenate(([0.0], passed / n_human))
    accept = np.concatenate(([1.0], (n_ai - (np.arange(1, y.size + 1) - passed)) / n_ai))
    thresholds = np.concatenate(([s.max() + 0.001], s[order]))
    return reject, accept, thresholds


def eer(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the equal error rate as ASVspoof defines it.

    The mean of both error rates at the item where they are closest; see
    `miss_and_false_alarm` for ties.

    Shape: ``[item]``, ``[item]`` → a number from 0 (perfect) to 1 (reversed).

    >>> eer([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.5
    """
    reject, accept, _ = miss_and_false_alarm(labels, scores)
    k = int(np.argmin(np.abs(reject - accept)))
    return float((reject[k] + accept[k]) / 2)


def eer_interpolated(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the equal error rate on the ROC drawn with straight lines.

    The root of ``1 − x − tpr(x)``, which much published code finds with ``brentq`` on the ROC of
    scikit-learn; here the crossing segment is solved exactly. With ties too, chance is 0.5.

    Shape: ``[item]``, ``[item]`` → a number from 0 to 1.

    >>> eer_interpolated([0, 0, 1, 1], [1.0, 1.0, 1.0, 1.0])
    0.5
    """
    curve = roc_curve(labels, scores)
    gap = 1 - curve.false_alarm_rate - curve.detection_rate  # falls from 1 to −1
    k = int(np.argmax(gap <= 0))
    share = gap[k - 1] / (gap[k - 1] - gap[k])
    x = curve.false_alarm_rate
    return float(x[k - 1] + share * (x[k] - x[k - 1]))


def eer_hard_labels(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.0) -> float:
    """Return the "EER" of yes/no decisions, only to compare with tables that report it.

    Frank and Schönherr's line of code (gan-police/audiodeepfake-detection) feeds argmax labels, not
    scores, into the ROC: the curve then has one inner point and the number depends on the
    threshold. Do not use it for new results. An item is AI when ``score > threshold`` (argmax).

    Shape: ``[item]``, ``[item]`` → a number from 0 to 1.

    >>> eer_hard_labels([0, 0, 1, 1], [-2.0, 0.4, 0.1, 3.0])
    0.3333333333333333
    """
    y, s = binary(labels, scores)
    return eer_interpolated(y, (s > threshold).astype(np.float64))


def allowed_alarms(n_human: int, false_alarm_rate: float) -> int:
    """Return ``floor(false_alarm_rate * n_human)``, safe against rounding (0.29 · 100 is 29).

    >>> allowed_alarms(100, 0.29)
    29
    """
    if not 0 <= false_alarm_rate <= 1:
        raise EvaluationError(
            f"expected a false-alarm rate from 0 to 1 (1 % is 0.01), got {false_alarm_rate}"
        )
    return min(n_human, math.floor(false_alarm_rate * n_human + 1e-9))


def threshold_at(labels: ArrayLike, scores: ArrayLike, false_alarm_rate: float) -> float:
    """Return the smallest threshold with at most ``floor(α · n_human)`` human alarms.

    The rule: sort the human scores downwards, let ``h`` be number ``floor(α · n_human) + 1``; the
    threshold is the next float64 above ``h``. An item is an alarm when ``score >= threshold``, so
    ``h`` and whatever ties with it is not: ties make the detector quieter, never louder. AI scores
    play no part. For α = 1 the threshold is ``-inf``. Compare in float64: float32 may round the
    threshold down to ``h``.

    Shape: ``[item]``, ``[item]`` → a score. AI items may be absent.

    >>> threshold_at([0, 0, 0, 0, 1], [0.0, 1.0, 2.0, 3.0, 9.0], 0.25) > 2.0
    True
    """
    y, s = as_labels(labels), as_scores(scores)
    same_length("scores", s.size, y.size)
    human = np.sort(s[y == 0])[::-1]
    if human.size == 0:
        raise OneClassError("expected human items to set a threshold from, got 0 human; add some")
    k = allowed_alarms(human.size, false_alarm_rate)
    return float(np.nextafter(human[k], np.inf)) if k < human.size else -math.inf


def detection_rate_at(labels: ArrayLike, scores: ArrayLike, false_alarm_rate: float) -> float:
    """Return the share of AI tracks found when at most a share α of human tracks alarms.

    The threshold is set on the same items by `threshold_at`, so this is a point of the ROC, not
    the promise of a deployed threshold (for that see `unsung.evaluation.conformal`).

    Shape: ``[item]``, ``[item]`` → a number from 0 to 1.

    >>> detection_rate_at([0, 0, 0, 0, 1, 1], [0.0, 1.0, 2.0, 3.0, 2.5, 1.5], 0.25)
    0.5
    """
    y, s = binary(labels, scores)
    threshold = threshold_at(y, s, false_alarm_rate)
    return float(np.mean(s[y == 1] >= threshold))


def false_alarm_at_detection(labels: ArrayLike, scores: ArrayLike, detection_rate: float) -> float:
    """Return the smallest false-alarm rate at which at least this share of AI tracks is found.

    Shape: ``[item]``, ``[item]`` → a number from 0 to 1.

    >>> false_alarm_at_detection([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 1.0)
    0.5
    """
    if not 0 <= detection_rate <= 1:
        raise EvaluationError(f"expected a detection rate from 0 to 1, got {detection_rate}")
    curve = roc_curve(labels, scores)
    k = int(np.argmax(curve.detection_rate >= detection_rate - 1e-12))
    return float(curve.false_alarm_rate[k])
