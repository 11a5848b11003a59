# SPDX-License-Identifier: MIT
"""Search for the penalty of a linear model or a kernel machine, by ROC-AUC over group folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unsung.errors import MissingExtra, UsageError
from unsung.types import FloatArray, Record

__all__ = ["GridSearch", "search"]


@dataclass(frozen=True)
class GridSearch(Record):
    """What a search found; ``areas`` holds a row for each strength, a column for each fold."""

    strengths: tuple[float, ...]
    areas: tuple[tuple[float, ...], ...]
    best: float
    n_items: int
    n_groups: int

    @property
    def means(self) -> tuple[float, ...]:
        """Mean ROC-AUC of each strength over the folds."""
        return tuple(sum(row) / len(row) for row in self.areas)


def search(
    features: FloatArray,
    positive: Sequence[bool],
    groups: Sequence[str],
    *,
    kind: str,
    strengths: Sequence[float],
    folds: int,
    seed: int,
) -> tuple[GridSearch, tuple[Any, Any]]:
    """Return the areas and the scaler and classifier refitted on everything with the best C.

    Of equal means the strongest penalty wins. Scaling is learned inside each fold.

    Shape: features ``[item, feature]``, positive ``[item]``, groups ``[item]``.
    """
    try:
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import StratifiedGroupKFold
    except ModuleNotFoundError as error:
        raise MissingExtra("scikit-learn", "research", "fitting descriptors_linear") from error
    labels = np.asarray(positive, bool)
    _check(features, labels, groups, strengths, folds)
    parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    cuts = list(parts.split(features, labels, groups))
    for _, held in cuts:
        if len(set(labels[held])) < 2:
            raise UsageError(
                f"descriptors_linear: a fold of {folds} holds one class only; groups are too "
                "few or too large, take fewer folds"
            )
    ordered = sorted(float(strength) for strength in strengths)
    areas = []
    for strength in ordered:
        row = []
        for train, held in cuts:
            scaler, model = _fit(features[train], labels[train], kind, strength)
            scores = model.decision_function(scaler.transform(features[held].astype(np.float64)))
            row.append(float(roc_auc_score(labels[held], scores)))
        areas.append(tuple(row))
    best = ordered[int(np.argmax([np.mean(row) for row in areas]))]
    found = GridSearch(tuple(ordered), tuple(areas), best, len(labels), len(set(groups)))
    return found, _fit(features, labels, kind, best)


def _check(
    features: FloatArray,
    labels: np.ndarray[Any, Any],
    groups: Sequence[str],
    strengths: Sequence[float],
    folds: int,
) -> None:
    if not len(features) == len(labels) == len(groups):
        raise UsageError(
            f"descriptors_linear: expected a label and a group for each of {len(features)} rows, "
            f"got {len(labels)} and {len(groups)}"
        )
    if labels.all() or not labels.any():
        raise UsageError(
            "descriptors_linear: expected human and AI rows, got one class; check the labels"
        )
    if not np.isfinite(features).all():
        bad = int((~np.isfinite(features).all(axis=1)).sum())
        raise UsageError(
            f"descriptors_linear: {bad} rows hold NaN or infinity; leave them out of the table"
        )
    if folds < 2 or len(set(groups)) < folds:
        raise UsageError(
            f"descriptors_linear: expected at least {max(folds, 2)} groups for {folds} folds, got "
            f"{len(set(groups))}; take fewer folds or name the groups more finely"
        )
    if not len(strengths) or min(strengths) <= 0:
        raise UsageError(f"descriptors_linear: expected strengths above 0, got {list(strengths)}")


def _fit(
    features: FloatArray, labels: np.ndarray[Any, Any], kind: str, strength: float
) -> tuple[Any, Any]:
    """Fit scaler and classifier; both classes weigh the same however many rows they have."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    scaler = StandardScaler()
    scaled = scaler.fit_transform(features.astype(np.float64))
    if kind == "logistic":
        model = LogisticRegression(C=strength, max_iter=5000, class_weight="balanced")
    else:
        model = SVC(C=strength, kernel="rbf", class_weight="balanced")
    return scaler, model.fit(scaled, labels)
