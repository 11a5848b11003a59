# SPDX-License-Identifier: MIT
"""Whether a probability or a likelihood ratio means what it says.

Labels 1 = AI, 0 = human. Log-likelihood ratios in nats, AI over human; probabilities are P(AI).
Calibrators that make such numbers are in `calibrators`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from unsung.evaluation._checks import (
    EvaluationError,
    Floats,
    Ints,
    as_probabilities,
    binary,
    fraction,
    item_count,
)
from unsung.evaluation._pav import class_counts, isotonic_llr
from unsung.types import Record

__all__ = [
    "Reliability",
    "brier",
    "cllr",
    "ece",
    "ece_debiased",
    "llr_to_probability",
    "mce",
    "min_cllr",
    "nll",
    "reliability",
]

SOFTPLUS_TO_BITS = 1 / math.log(2)
Of = Literal["predicted", "ai"]
Binning = Literal["width", "mass"]


def llr_to_probability(llr_nats: ArrayLike, prior: float) -> Floats:
    """Return P(AI) from likelihood ratios and the share of AI expected beforehand.

    Shape: ``[item]`` → ``[item]``.

    >>> llr_to_probability([0.0], 0.1).round(3).tolist()
    [0.1]
    """
    fraction(prior, "the prior of AI")
    llr = np.asarray(llr_nats, dtype=np.float64)
    if np.isnan(llr).any():
        raise EvaluationError("expected likelihood ratios, got NaN; leave out unscored tracks")
    return np.asarray(special.expit(llr + special.logit(prior)), dtype=np.float64)


def cllr(labels: ArrayLike, llr_nats: ArrayLike) -> float:
    """Return the cost of log-likelihood ratios in bits.

    ``½ [mean_ai log₂(1 + e^{−llr}) + mean_human log₂(1 + e^{llr})]`` (Brümmer and du Preez 2006).
    0 is perfect, 1 is what a silent detector (always llr 0) costs, above 1 misleads.

    Shape: ``[item]``, ``[item]`` → bits.

    >>> cllr([0, 1], [0.0, 0.0])
    1.0
    """
    y, s = binary(labels, llr_nats)
    bits = np.logaddexp(0, np.where(y == 1, -s, s)) * SOFTPLUS_TO_BITS
    return float((bits[y == 1].mean() + bits[y == 0].mean()) / 2)


def min_cllr(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the Cllr that the best monotone calibration, fitted on these very items, reaches.

    What is left is lack of discrimination; ``cllr − min_cllr`` is the loss by miscalibration.
    Fitted by pooling adjacent violators; tied scores share one value.

    Shape: ``[item]``, ``[item]`` → bits from 0 to 1.

    >>> min_cllr([0, 0, 1, 1], [-9.0, 0.0, 0.1, 0.2])
    0.0
    """
    y, s = binary(labels, scores)
    _, ai, human = class_counts(y, s)
    llr = isotonic_llr(ai, human)
    # where a ratio is infinite, the class that it would punish has no item
    cost_ai = np.logaddexp(0, -llr[ai > 0]) @ ai[ai > 0] / ai.sum()
    cost_human = np.logaddexp(0, llr[human > 0]) @ human[human > 0] / human.sum()
    return float((cost_ai + cost_human) / 2 * SOFTPLUS_TO_BITS)


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean squared error of P(AI) (Brier 1950). Shape: ``[item]``, ``[item]`` → 0 to 1.

    >>> brier([0, 1], [0.5, 0.5])
    0.25
    """
    y, p = _binary_probabilities(labels, probabilities)
    return float(np.mean((p - y) ** 2))


def nll(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean negative log-likelihood of P(AI) in nats; infinite for a sure mistake.

    Shape: ``[item]``, ``[item]`` → nats.

    >>> round(nll([0, 1], [0.5, 0.5]), 4)
    0.6931
    """
    y, p = _binary_probabilities(labels, probabilities)
    chance_given = np.where(y == 1, p, 1 - p)
    with np.errstate(divide="ignore"):
        return float(-np.mean(np.log(chance_given)))


@dataclass(frozen=True)
class Reliability(Record):
    """A reliability diagram: filled bins only. Shapes: all ``[bin]``.

    ``confidence`` is the mean stated probability of a bin, ``accuracy`` the share that came true.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def gaps(self) -> Floats:
        """|accuracy − confidence| of each bin. Shape: ``[bin]``."""
        difference = np.asarray(self.accuracy) - np.asarray(self.confidence)
        gaps: Floats = np.abs(difference)
        return gaps

    @property
    def shares(self) -> Floats:
        """Share of the items in each bin. Shape: ``[bin]``."""
        counts: Floats = np.asarray(self.counts, dtype=np.float64)
        shares: Floats = counts / counts.sum()
        return shares


def reliability(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    bins: int = 15,
    of: Of = "predicted",
    binning: Binning = "width",
) -> Reliability:
    """Return what a reliability diagram draws.

    ``of="predicted"`` takes the confidence in the predicted class, max(p, 1 − p), with p = ½
    predicted as AI, and whether the prediction was right; ``of="ai"`` takes P(AI) and whether the
    item is AI. ``binning="width"`` cuts [0, 1] into equal widths ``(low, high]``, 0 in the first
    (15 as in Guo et al. 2017); ``"mass"`` cuts at quantiles and keeps tied items together.

    Shape: ``[item]``, ``[item]`` → ``[filled bin]``.

    >>> reliability([0, 1], [0.2, 0.9], bins=2, of="ai").confidence
    (0.2, 0.9)
    """
    y, p = _binary_probabilities(labels, probabilities)
    if of == "predicted":
        said, came = np.maximum(p, 1 - p), (p >= 0.5) == (y == 1)
    elif of == "ai":
        said, came = p, y == 1
    else:
        raise EvaluationError(f"expected of='predicted' or of='ai', got {of!r}")
    edges = _edges(said, bins, binning)
    index = np.clip(np.searchsorted(edges, said, side="left") - 1, 0, edges.size - 2)
    counts = np.bincount(index)
    filled = np.flatnonzero(counts)
    confidence = np.bincount(index, weights=said)[filled] / counts[filled]
    accuracy = np.bincount(index, weights=came)[filled] / counts[filled]
    return Reliability(
        low=tuple(edges[filled].tolist()),
        high=tuple(edges[filled + 1].tolist()),
        confidence=tuple(confidence.tolist()),
        accuracy=tuple(accuracy.tolist()),
        counts=tuple(counts[filled].tolist()),
    )


def ece(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    bins: int = 15,
    of: Of = "predicted",
    binning: Binning = "width",
) -> float:
    """Return the expected calibration error ``Σ (n_b / N) |acc_b − conf_b|``; see `reliability`.

    Biased upwards on few items: a perfect forecaster has an error of order ``sqrt(bins / N)``.

    Shape: ``[item]``, ``[item]`` → 0 to 1.

    >>> round(ece([0, 1, 1, 1], [0.75, 0.75, 0.75, 0.75]), 6)
    0.0
    """
    diagram = reliability(labels, probabilities, bins=bins, of=of, binning=binning)
    return float(diagram.shares @ diagram.gaps)


def ece_debiased(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    bins: int = 15,
    of: Of = "predicted",
    binning: Binning = "mass",
) -> float:
    """Return `ece` less an estimate of what chance alone adds, at least 0.

    Each bin's accuracy is taken as normal with variance ``acc (1 − acc) / n``; the bias is the
    mean of the error under this noise minus the error (Kumar, Liang and Ma 2019, their resampling
    replaced by the exact mean of the folded normal). Of a perfect forecaster's bias a share of
    ``2 − √2`` (59 %) stays; large errors are left as they are. Equal-mass bins keep the variances
    even.

    Shape: ``[item]``, ``[item]`` → 0 to 1.

    >>> ece_debiased([0, 1], [0.0, 1.0])
    0.0
    """
    diagram = reliability(labels, probabilities, bins=bins, of=of, binning=binning)
    gap, right = diagram.gaps, np.asarray(diagram.accuracy)
    spread = np.sqrt(right * (1 - right) / np.asarray(diagram.counts))
    z = np.divide(gap, spread, out=np.full_like(gap, np.inf), where=spread > 0)
    folded = spread * math.sqrt(2 / math.pi) * np.exp(-(z**2) / 2) + gap * (
        1 - 2 * special.ndtr(-z)
    )
    return max(0.0, float(diagram.shares @ (2 * gap - folded)))


def mce(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    bins: int = 15,
    of: Of = "predicted",
    binning: Binning = "width",
) -> float:
    """Return the largest gap of any filled bin. Shape: ``[item]``, ``[item]`` → 0 to 1.

    >>> mce([0, 1], [0.0, 1.0])
    0.0
    """
    return float(reliability(labels, probabilities, bins=bins, of=of, binning=binning).gaps.max())


def _edges(said: Floats, bins: int, binning: Binning) -> Floats:
    item_count(bins, "bins")
    if binning == "width":
        return np.linspace(0, 1, bins + 1)
    if binning != "mass":
        raise EvaluationError(f"expected binning='width' or 'mass', got {binning!r}")
    inner = np.quantile(said, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    return np.unique(np.concatenate(([0.0], inner, [1.0])))


def _binary_probabilities(labels: ArrayLike, probabilities: ArrayLike) -> tuple[Ints, Floats]:
    y, _ = binary(labels, probabilities)
    return y, as_probabilities(probabilities)
