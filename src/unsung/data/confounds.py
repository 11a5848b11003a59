# SPDX-License-Identifier: MIT
"""What tells the classes apart without any listening: codec, rate, channels, duration, bit rate.

A detector trained on such a set learns the encoder, not the music. Two measures for each property:
Cramér's V of class by property (bias-corrected, Bergsma 2013, with the χ² p-value, which takes
tracks as independent), and the area under the ROC curve of a model that sees this property only:
naive Bayes over bins, fitted and judged on different groups, with a 95 % interval from resampling
groups. The model is simple: a stronger one may find more. Class is human against all else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation.discrimination import roc_auc
from unsung.evaluation.weighted import auc_many
from unsung.types import Record, Track

__all__ = ["ALL", "FEATURES", "Confound", "confounds"]

FEATURES = ("codec", "sample_rate_hz", "channels", "bitrate_kbps", "duration_s")
ALL = "all of them"
_BINNED = ("bitrate_kbps", "duration_s")
_BINS, _FOLDS, _RESAMPLES = 10, 5, 200
_WARN_AUC, _WARN_V, _WARN_P = 0.55, 0.15, 0.01

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Confound(Record):
    """How well one property tells the classes apart; ``mostly`` says each class's usual value.

    ``warn`` is set where the AUC's interval lies above 0.55, or V reaches 0.15 with p < 0.01.
    V and p are None for all properties together.
    """

    feature: str
    cramers_v: float | None
    p_value: float | None
    auc: float
    low: float
    high: float
    n_human: int
    n_other: int
    n_groups: int
    mostly: str = ""
    warn: bool = False


def confounds(tracks: Sequence[Track], seed: int = 0) -> list[Confound]:
    """Measure every property, and all together; empty when one class is absent."""
    positive = np.array([track.label != "human" for track in tracks], bool)
    if not positive.any() or positive.all():
        return []
    groups = _codes([t.group or t.recording or t.pair_id or t.id for t in tracks])
    folds = np.random.default_rng(seed).permutation(int(groups.max()) + 1)[groups] % _FOLDS
    columns = {name: _column(tracks, name) for name in FEATURES}
    scores = {name: _cross_fit(codes, positive, folds) for name, codes in columns.items()}
    scores[ALL] = np.sum(list(scores.values()), axis=0)
    found = []
    for name, score in scores.items():
        v, p = _cramers_v(columns[name], positive) if name in columns else (None, None)
        auc, low, high = _auc(score, positive, groups, seed)
        sure = v is not None and p is not None and v >= _WARN_V and p < _WARN_P
        found.append(
            Confound(
                name,
                v,
                p,
                auc,
                low,
                high,
                n_human=int((~positive).sum()),
                n_other=int(positive.sum()),
                n_groups=int(groups.max()) + 1,
                mostly="" if name == ALL else _mostly(tracks, positive, name),
                warn=low > _WARN_AUC or sure,
            )
        )
    return found


def _value(track: Track, name: str) -> str | float | None:
    value = getattr(track, name)
    return value.split("@")[0] if isinstance(value, str) else value


def _column(tracks: Sequence[Track], name: str) -> Codes:
    """Return the property as category numbers; measured ones are cut at their quantiles."""
    values = [_value(track, name) for track in tracks]
    if name not in _BINNED:
        return _codes([str(value) for value in values])
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return np.zeros(len(numbers), np.int64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    binned: Codes = np.where(
        np.isfinite(numbers), np.searchsorted(edges, numbers, side="right"), len(edges) + 1
    ).astype(np.int64)
    return _codes(list(binned))


def _codes(values: Sequence[object]) -> Codes:
    known: dict[object, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def _cross_fit(codes: Codes, positive: NDArray[np.bool_], folds: Codes) -> NDArray[np.float64]:
    """Return the log-likelihood ratio of each track's category, fitted on the other folds."""
    size = int(codes.max()) + 1
    scores = np.zeros(len(codes))
    for fold in range(_FOLDS):
        rest = folds != fold
        counts = [
            np.bincount(codes[rest & (positive == side)], minlength=size) + 1.0
            for side in (False, True)
        ]
        ratio = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
        scores[~rest] = ratio[codes[~rest]]
    return scores


def _cramers_v(codes: Codes, positive: NDArray[np.bool_]) -> tuple[float, float]:
    from scipy.special import chdtrc

    n, rows = len(codes), int(codes.max()) + 1
    table = np.zeros((rows, 2))
    np.add.at(table, (codes, positive.astype(int)), 1)
    if rows < 2:
        return 0.0, 1.0
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    chi2 = float(((table - expected) ** 2 / expected).sum())
    shrunk = max(0.0, chi2 / n - (rows - 1) / (n - 1))  # (rows - 1)(2 - 1) / (n - 1)
    sides = min(rows - (rows - 1) ** 2 / (n - 1), 2 - 1 / (n - 1)) - 1
    v = float(np.sqrt(shrunk / sides)) if sides > 0 else 0.0
    return min(1.0, v), float(chdtrc(rows - 1, chi2))


def _auc(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], groups: Codes, seed: int
) -> tuple[float, float, float]:
    """Return the area under the ROC curve and its interval from resampled groups."""
    n_groups = int(groups.max()) + 1
    shares = np.full(n_groups, 1 / n_groups)
    drawn = np.random.default_rng(seed).multinomial(n_groups, shares, _RESAMPLES)[:, groups]
    both = (drawn[:, positive].sum(axis=1) > 0) & (drawn[:, ~positive].sum(axis=1) > 0)
    draws = np.full(_RESAMPLES, 0.5)  # where one class is absent, nothing tells
    draws[both] = auc_many(positive, scores.round(9), drawn[both])
    low, high = np.quantile(draws, (0.025, 0.975))
    value = roc_auc(positive, scores.round(9))
    return value, min(float(low), value), max(float(high), value)


def _mostly(tracks: Sequence[Track], positive: NDArray[np.bool_], name: str) -> str:
    """Say each class's most frequent value, or its median."""
    words = []
    for side, word in ((False, "human"), (True, "other")):
        values = [_value(t, name) for t, p in zip(tracks, positive, strict=True) if p == side]
        if name in _BINNED:
            numbers = [float(value) for value in values if value is not None]
            words.append(f"{word} median {np.median(numbers):.4g}" if numbers else f"{word} ?")
        else:
            value, count = Counter(str(value) for value in values).most_common(1)[0]
            words.append(f"{word} mostly {value or '?'} ({count / len(values):.0%})")
    return ", ".join(words)
