# SPDX-License-Identifier: MIT
"""How good the decisions at one threshold are: the four counts and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unsung.errors import UnknownName
from unsung.evaluation._checks import EvaluationError, as_threshold, binary, same_length
from unsung.types import Record

__all__ = [
    "Confusion",
    "MultiClass",
    "accuracy",
    "balanced_accuracy",
    "confusion_at",
    "f1",
    "multi_class",
    "sensitivity",
    "specificity",
]


@dataclass(frozen=True)
class Confusion(Record):
    """Counts at a threshold: AI items detected or missed, human ones alarmed or cleared."""

    detected: int
    missed: int
    false_alarms: int
    cleared: int

    @property
    def sensitivity(self) -> float:
        """Share of AI items found (true positive rate, recall)."""
        return self.detected / (self.detected + self.missed)

    @property
    def specificity(self) -> float:
        """Share of human items left alone (true negative rate)."""
        return self.cleared / (self.cleared + self.false_alarms)

    @property
    def precision(self) -> float:
        """Share of alarms that are right; 0 without any alarm."""
        return self.detected / max(1, self.detected + self.false_alarms)

    @property
    def accuracy(self) -> float:
        """Share of items decided rightly; depends on the mix of classes."""
        total = self.detected + self.missed + self.false_alarms + self.cleared
        return (self.detected + self.cleared) / total

    @property
    def balanced_accuracy(self) -> float:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and sensitivity, AI as the positive class."""
        return 2 * self.detected / (2 * self.detected + self.missed + self.false_alarms)


def confusion_at(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.0) -> Confusion:
    """Count the decisions at a threshold; ``score >= threshold`` says AI.

    The default 0 is the even point of a logit.

    Shape: ``[item]``, ``[item]`` → four counts.

    >>> confusion_at([0, 0, 1, 1], [-1.0, 0.5, 0.0, 2.0]).to_dict()
    {'detected': 2, 'missed': 0, 'false_alarms': 1, 'cleared': 1}
    """
    y, s = binary(labels, scores)
    alarm = s >= as_threshold(threshold)
    detected = int(np.sum(alarm & (y == 1)))
    false_alarms = int(np.sum(alarm & (y == 0)))
    n_ai = int(y.sum())
    return Confusion(detected, n_ai - detected, false_alarms, y.size - n_ai - false_alarms)


def accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.0) -> float:
    """Return the share of right decisions. Shape: ``[item]``, ``[item]`` → a number.

    >>> accuracy([0, 0, 1, 1], [-1.0, 0.5, 0.0, 2.0])
    0.75
    """
    return confusion_at(labels, scores, threshold).accuracy


def balanced_accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.0) -> float:
    """Return the mean of sensitivity and specificity. Shape: ``[item]``, ``[item]`` → a number.

    >>> balanced_accuracy([0, 1, 1, 1], [1.0, 1.0, 1.0, 1.0])
    0.5
    """
    return confusion_at(labels, scores, threshold).balanced_accuracy


def f1(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.0) -> float:
    """Return F1 with AI as the positive class. Shape: ``[item]``, ``[item]`` → a number.

    >>> f1([0, 0, 1, 1], [-1.0, 0.5, 0.0, 2.0])
    0.8
    """
    return confusion_at(labels, scores, threshold).f1


def sensitivity(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.0) -> float:
    """Return the share of AI items found. Shape: ``[item]``, ``[item]`` → a number.

    >>> sensitivity([0, 0, 1, 1], [-1.0, 0.5, 0.0, 2.0])
    1.0
    """
    return confusion_at(labels, scores, threshold).sensitivity


def specificity(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.0) -> float:
    """Return the share of human items left alone. Shape: ``[item]``, ``[item]`` → a number.

    >>> specificity([0, 0, 1, 1], [-1.0, 0.5, 0.0, 2.0])
    0.5
    """
    return confusion_at(labels, scores, threshold).specificity


@dataclass(frozen=True)
class MultiClass(Record):
    """Confusion of several classes and the means over classes, each class counting the same.

    Shape of counts: ``[true class, predicted class]``. A class that was never predicted has
    precision 0; a class without any true item is left out of the means.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float


def multi_class(
    true: ArrayLike, predicted: ArrayLike, classes: Sequence[str] | None = None
) -> MultiClass:
    """Return the confusion and macro means of a closed set of names (generators, instruments).

    Shape: ``[item]``, ``[item]`` of names → counts ``[class, class]``.

    >>> multi_class(["a", "a", "b"], ["a", "b", "b"]).counts
    ((1, 1), (0, 1))
    """
    t = [str(item) for item in np.asarray(true).reshape(-1)]
    p = [str(item) for item in np.asarray(predicted).reshape(-1)]
    same_length("predictions", len(p), len(t))
    if not t:
        raise EvaluationError("expected at least one item, got none")
    names = list(classes) if classes is not None else sorted({*t, *p})
    place = {name: k for k, name in enumerate(names)}
    for name in (*t, *p):
        if name not in place:
            raise UnknownName("class", name, names)
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, ([place[name] for name in t], [place[name] for name in p]), 1)
    right, of_true, of_predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    present = of_true > 0
    precision = right / np.maximum(of_predicted, 1)
    recall = right / np.maximum(of_true, 1)
    harmonic = 2 * right / np.maximum(of_true + of_predicted, 1)
    return MultiClass(
        classes=tuple(names),
        counts=tuple(tuple(int(n) for n in row) for row in counts),
        accuracy=float(right.sum() / counts.sum()),
        macro_precision=float(precision[present].mean()),
        macro_recall=float(recall[present].mean()),
        macro_f1=float(harmonic[present].mean()),
    )
