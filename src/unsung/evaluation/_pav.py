# SPDX-License-Identifier: MIT
"""Pooling of adjacent violators: the rising curve closest to the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from unsung.evaluation._checks import Floats, Ints, as_scores

__all__ = ["class_counts", "isotonic_llr", "pool_adjacent_violators"]


def class_counts(labels: Ints, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the distinct scores, rising, and the AI and human items at each.

    Shape: ``[item]``, ``[item]`` → three times ``[step]``.
    """
    steps, item = np.unique(scores, return_inverse=True)
    total = np.bincount(item).astype(np.float64)
    ai = np.bincount(item[labels == 1], minlength=steps.size).astype(np.float64)
    return steps, ai, total - ai


def isotonic_llr(ai: Floats, human: Floats) -> Floats:
    """Return the rising log-likelihood ratio of each score step from the counts of both classes.

    Ends may be infinite, only where no item of the other class is.

    Shape: ``[step]``, ``[step]`` → ``[step]`` in nats.
    """
    w_ai, w_human = ai / ai.sum(), human / human.sum()
    posterior = pool_adjacent_violators(w_ai / (w_ai + w_human), w_ai + w_human)
    return np.asarray(special.logit(np.clip(posterior, 0, 1)), dtype=np.float64)


def pool_adjacent_violators(values: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Return the rising sequence closest to the values in weighted squares.

    Shape: ``[step]``, ``[step]`` → ``[step]``.

    Source: Ayer et al. 1955; computed by scipy.

    >>> pool_adjacent_violators([1.0, 3.0, 2.0]).tolist()
    [1.0, 2.5, 2.5]
    """
    from scipy.optimize import isotonic_regression  # slow to import, seldom needed

    y = as_scores(values, "values")
    w = None if weights is None else as_scores(weights, "weights")
    return np.asarray(isotonic_regression(y, weights=w).x, dtype=np.float64)
