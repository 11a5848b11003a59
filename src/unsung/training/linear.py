# SPDX-License-Identifier: MIT
"""Weighted logistic regression for many more features than examples, and its cross-fitting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["LinearFit", "balance", "fit_linear", "out_of_fold"]

CONSTANT = 1e-5
"""A feature whose deviation is below this share of its size varies by rounding only: no weight."""


@dataclass(frozen=True)
class LinearFit:
    """``logit = baseline + weights · (x − means)``, in the units of the features."""

    baseline: float
    weights: FloatArray
    means: FloatArray

    def logits(self, features: FloatArray) -> NDArray[np.float64]:
        """Score examples. Shape: ``[item, feature]`` → ``[item]``."""
        shift = float(self.means.astype(np.float64) @ self.weights.astype(np.float64))
        return (features @ self.weights).astype(np.float64) + (self.baseline - shift)


def balance(positive: NDArray[np.bool_], groups: Sequence[str]) -> NDArray[np.float64]:
    """Return weights: each group counts as the root of its size, both classes alike.

    Shape: ``[item]``, ``[item]`` → ``[item]``, mean 1.
    """
    sizes = Counter(groups)
    weights = np.array([sizes[group] ** -0.5 for group in groups])
    for label in (False, True):
        chosen = positive == label
        weights[chosen] *= 0.5 / weights[chosen].sum()
    return weights * len(weights)


def fit_linear(
    features: FloatArray,
    positive: NDArray[np.bool_],
    weights: NDArray[np.float64],
    penalty: float,
    *,
    seed: int = 0,
) -> LinearFit:
    """Fit L2-regularised logistic regression on standardised features (scikit-learn, L-BFGS).

    Args:
        features: ``[item, feature]``.
        positive: ``[item]``, True = AI.
        weights: ``[item]``, from `balance`.
        penalty: inverse strength C of the ridge; small = strong.
        seed: passed on; L-BFGS itself draws nothing.

    Raises:
        UsageError: only one class is present.
    """
    from sklearn.linear_model import LogisticRegression

    if positive.all() or not positive.any():
        raise UsageError(
            "expected human and AI examples, got one class; check the labels of the manifest"
        )
    share = (weights / weights.sum()).astype(np.float32)
    mean = share @ features  # [item] @ [item, feature]
    scaled = features - mean
    deviation = np.sqrt(share @ np.square(scaled))
    deviation[deviation <= CONSTANT * (1.0 + np.abs(mean))] = np.inf
    scaled /= deviation
    model = LogisticRegression(C=penalty, max_iter=300, random_state=seed)
    model.fit(scaled, positive, sample_weight=weights)
    slope = (model.coef_[0] / deviation).astype(np.float32)
    return LinearFit(float(model.intercept_[0]), slope, mean.astype(np.float32))


def out_of_fold(
    features: FloatArray,
    positive: NDArray[np.bool_],
    groups: Sequence[str],
    folds: NDArray[np.int_],
    penalty: float,
    *,
    train: NDArray[np.bool_] | None = None,
) -> list[LinearFit]:
    """Return one fit for each fold, made without that fold's items.

    Args:
        features: ``[item, feature]``.
        positive: ``[item]``.
        groups: ``[item]``, the source page; a group must not stand in two folds of its own.
        folds: ``[item]``, 0 to n − 1.
        penalty: see `fit_linear`.
        train: ``[item]``, which items may be learned from; all by default.
    """
    usable = np.ones(len(positive), bool) if train is None else train
    fits = []
    for fold in range(int(folds.max()) + 1):
        chosen = np.flatnonzero(usable & (folds != fold))
        weights = balance(positive[chosen], [groups[int(i)] for i in chosen])
        fits.append(fit_linear(features[chosen], positive[chosen], weights, penalty))
    return fits
