# SPDX-License-Identifier: MIT
"""What every metric asks of its arrays, and the errors when they are otherwise.

Conventions of the folder: label 1 = AI, 0 = human; a higher score says AI; a score is an alarm
when ``score >= threshold``; likelihood ratios are in nats, AI over human.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unsung.errors import UsageError

__all__ = [
    "EvaluationError",
    "Floats",
    "Ints",
    "OneClassError",
    "as_groups",
    "as_labels",
    "as_probabilities",
    "as_scores",
    "as_threshold",
    "binary",
    "fraction",
    "item_count",
    "same_length",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class EvaluationError(UsageError):
    """Arrays or options that no metric can be computed from."""


class OneClassError(EvaluationError):
    """All labels are the same, yet the metric compares AI with human."""


def as_labels(labels: ArrayLike) -> Ints:
    """Return labels as 0 (human) and 1 (AI).

    Shape: ``[item]`` → ``[item]``.

    Raises:
        EvaluationError: empty, not one-dimensional, or a value other than 0 and 1.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise EvaluationError(
            f"expected labels of shape [item] with at least one item, got shape {array.shape}; "
            "pass one label for each track"
        )
    numeric = array.dtype.kind in "biuf"
    known = (array == 0) | (array == 1) if numeric else np.zeros(array.shape, bool)
    if not known.all():
        odd = array[~known][0]
        raise EvaluationError(
            f"expected labels 0 (human) and 1 (AI), got {odd!r}; map other labels to 0 or 1 first"
        )
    return array.astype(np.int64)


def as_scores(scores: ArrayLike, what: str = "scores") -> Floats:
    """Return finite float64 scores.

    Shape: ``[item]`` → ``[item]``.

    Raises:
        EvaluationError: empty, not one-dimensional, not numbers, NaN or infinite.
    """
    try:
        array = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"expected {what} as numbers, got {type(scores).__name__}") from error
    if array.ndim != 1 or array.size == 0:
        raise EvaluationError(
            f"expected {what} of shape [item] with at least one item, got shape {array.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise EvaluationError(
            f"expected finite {what}, got {array[bad[0]]} at item {bad[0]} ({bad.size} in all); "
            "leave out the tracks that have no score"
        )
    return array


def as_probabilities(probabilities: ArrayLike) -> Floats:
    """Return P(AI) in [0, 1]. Shape: ``[item]`` → ``[item]``."""
    array = as_scores(probabilities, "probabilities")
    if array.min() < 0 or array.max() > 1:
        raise EvaluationError(
            f"expected probabilities from 0 to 1, got {array.min():g} to {array.max():g}; "
            "turn likelihood ratios into probabilities with llr_to_probability"
        )
    return array


def as_groups(groups: ArrayLike | None, n_items: int) -> Ints:
    """Return groups numbered from 0; None makes each item its own group.

    Shape: ``[item]`` of strings or integers → ``[item]``.
    """
    if groups is None:
        return np.arange(n_items, dtype=np.int64)
    array = np.asarray(groups)
    if array.ndim != 1:
        raise EvaluationError(f"expected groups of shape [item], got shape {array.shape}")
    if array.dtype.kind == "O":
        array = np.asarray([str(item) for item in array])
    same_length("groups", array.size, n_items)
    return np.unique(array, return_inverse=True)[1].reshape(-1).astype(np.int64)


def as_threshold(threshold: float) -> float:
    """Return a threshold that is a number; infinite ones (never, always) are allowed."""
    value = float(threshold)
    if np.isnan(value):
        raise EvaluationError("expected a number as threshold, got NaN")
    return value


def same_length(what: str, came: int, expected: int) -> None:
    """Raise when an array does not have one value for each label."""
    if came != expected:
        raise EvaluationError(
            f"expected {expected} {what}, one for each label, got {came}; "
            "the arrays must describe the same tracks in the same order"
        )


def binary(labels: ArrayLike, scores: ArrayLike) -> tuple[Ints, Floats]:
    """Return labels and scores, checked: finite, the same length, both classes present.

    Shape: ``[item]``, ``[item]`` → ``[item]``, ``[item]``.

    >>> binary([True, False], [2, 1])
    (array([1, 0]), array([2., 1.]))
    """
    y, s = as_labels(labels), as_scores(scores)
    same_length("scores", s.size, y.size)
    n_ai = int(y.sum())
    if n_ai in (0, y.size):
        raise OneClassError(
            f"expected AI and human items, got {n_ai} AI and {y.size - n_ai} human; "
            "add the class that is missing"
        )
    return y, s


def fraction(value: float, what: str) -> float:
    """Return a number strictly between 0 and 1."""
    if not 0 < value < 1:
        raise EvaluationError(f"expected {what} between 0 and 1 (1 % is 0.01), got {value}")
    return float(value)


def item_count(value: int, what: str, least: int = 1) -> int:
    """Return a whole number that is large enough."""
    if value < least:
        raise EvaluationError(f"expected {what} of at least {least}, got {value}")
    return int(value)
