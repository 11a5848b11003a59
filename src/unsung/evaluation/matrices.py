# SPDX-License-Identifier: MIT
"""How a detector carries over: to a generator left out, from one data set to all, across seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unsung.evaluation._checks import (
    EvaluationError,
    Floats,
    as_labels,
    as_scores,
    same_length,
)
from unsung.evaluation.discrimination import roc_auc
from unsung.evaluation.intervals import Metric
from unsung.types import Record

__all__ = ["Spread", "TransferMatrix", "left_out_scores", "seed_spread", "transfer_matrix"]


def left_out_scores(groups: ArrayLike, scores_without: Mapping[str, ArrayLike]) -> Floats:
    """Return each item's score from the detector that was trained without the item's group.

    ``scores_without[g]`` holds the scores of *all* items by the detector trained without g. Scores
    of different detectors land in one array: calibrate each first, or compare within groups only.

    Shape: groups ``[item]``, each value ``[item]`` → ``[item]``.

    >>> left_out_scores(["a", "b"], {"a": [1.0, 2.0], "b": [3.0, 4.0]}).tolist()
    [1.0, 4.0]
    """
    names = np.asarray([str(item) for item in np.asarray(groups).reshape(-1)])
    missing = sorted(set(names.tolist()) - set(scores_without))
    if missing:
        raise EvaluationError(
            f"expected scores of a detector trained without each group, got none for "
            f"'{missing[0]}' ({len(missing)} missing); score those folds first"
        )
    out = np.full(names.size, np.nan)
    for name in np.unique(names):
        scores = as_scores(scores_without[str(name)])
        same_length(f"scores without '{name}'", scores.size, names.size)
        out[names == name] = scores[names == name]
    return as_scores(out)


@dataclass(frozen=True)
class TransferMatrix(Record):
    """A metric for each training set (row) on each test set (column); None: not scored.

    Shape of values: ``[train, test]``.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]

    @property
    def within(self) -> float:
        """Mean where training and test set have the same name; nan without any."""
        return self._mean(same=True)

    @property
    def across(self) -> float:
        """Mean where they differ: what is left on music from elsewhere; nan without any."""
        return self._mean(same=False)

    def _mean(self, *, same: bool) -> float:
        cells = [
            value
            for train, row in zip(self.train, self.values, strict=True)
            for test, value in zip(self.test, row, strict=True)
            if value is not None and (train == test) == same
        ]
        return float(np.mean(cells)) if cells else float("nan")


def transfer_matrix(
    labels: Mapping[str, ArrayLike],
    scores: Mapping[str, Mapping[str, ArrayLike]],
    metric: Metric = roc_auc,
) -> TransferMatrix:
    """Return train-on-one, test-on-all.

    ``labels[test]`` are the labels of a test set, ``scores[train][test]`` the scores on it by the
    detector trained on ``train``. Names keep the order of the mappings.

    Shape: each array ``[item of that test set]`` → ``[train, test]``.

    >>> transfer_matrix({"x": [0, 1]}, {"x": {"x": [0.0, 1.0]}, "y": {}}).values
    ((1.0,), (None,))
    """
    if not labels or not scores:
        raise EvaluationError("expected at least one training and one test set, got none")
    for train, row in scores.items():
        for test in row:
            if test not in labels:
                raise EvaluationError(
                    f"expected labels for the test set '{test}' scored by '{train}', got none"
                )
    values = tuple(
        tuple(
            metric(as_labels(labels[test]), as_scores(row[test])) if test in row else None
            for test in labels
        )
        for row in scores.values()
    )
    return TransferMatrix(tuple(scores), tuple(labels), values)


@dataclass(frozen=True)
class Spread(Record):
    """One number over several seeds; ``std`` is the sample deviation (n − 1), 0 for one seed."""

    mean: float
    std: float
    low: float
    high: float
    n: int


def seed_spread(values: ArrayLike) -> Spread:
    """Return mean, deviation and range over seeds.

    Shape: ``[seed]`` → five numbers.

    >>> seed_spread([0.5, 0.75, 1.0]).to_dict()
    {'mean': 0.75, 'std': 0.25, 'low': 0.5, 'high': 1.0, 'n': 3}
    """
    v = as_scores(values, "values")
    std = float(v.std(ddof=1)) if v.size > 1 else 0.0
    return Spread(float(v.mean()), std, float(v.min()), float(v.max()), v.size)
