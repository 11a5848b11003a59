# SPDX-License-Identifier: MIT
"""Maps from raw scores to log-likelihood ratios, fitted on validation music only.

All fits weigh both classes by a prior (default ½) instead of by their counts, so the output is a
log-likelihood ratio in nats that does not depend on the mix of the calibration set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from unsung.errors import UnknownName
from unsung.evaluation._checks import EvaluationError, Floats, as_scores, binary, fraction
from unsung.evaluation._pav import class_counts, isotonic_llr
from unsung.types import Record

__all__ = ["Affine", "Calibrator", "Isotonic", "Temperature", "calibrator_from_dict"]

RIDGE = 1e-6
"""Penalty on the standardised slope: keeps it finite when the classes do not overlap."""
LOG_TEMPERATURE = (-12.0, 12.0)
"""Bounds of ln T; the lower one is met when the classes do not overlap."""


class Calibrator(Protocol):
    """Anything that maps scores to log-likelihood ratios."""

    def apply(self, scores: ArrayLike) -> Floats:
        """Return nats, AI over human. Shape: ``[item]`` → ``[item]``."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; `calibrator_from_dict` reads them back."""
        ...


@dataclass(frozen=True)
class Temperature(Record):
    """One number: ``llr = score / temperature`` (Guo et al. 2017). Zero stays zero.

    >>> Temperature(2.0).apply([3.0]).tolist()
    [1.5]
    """

    temperature: float
    kind: Literal["temperature"] = "temperature"

    def __post_init__(self) -> None:
        if not self.temperature > 0 or math.isinf(self.temperature):
            raise EvaluationError(f"expected a temperature above 0, got {self.temperature}")

    @classmethod
    def fit(cls, labels: ArrayLike, scores: ArrayLike, *, prior: float = 0.5) -> Self:
        """Fit by minimising the prior-weighted logarithmic loss over T in e^±12.

        Shape: ``[item]``, ``[item]`` → one number.
        """
        from scipy.optimize import minimize_scalar

        y, s = binary(labels, scores)
        signs, weights, offset = _objective(y, prior)

        def loss(log_t: float) -> float:
            return float(weights @ np.logaddexp(0, -signs * (s * math.exp(-log_t) + offset)))

        found = minimize_scalar(
            loss, bounds=LOG_TEMPERATURE, method="bounded", options={"xatol": 1e-9}
        )
        return cls(math.exp(float(found.x)))

    def apply(self, scores: ArrayLike) -> Floats:
        """Return nats, AI over human. Shape: ``[item]`` → ``[item]``."""
        return as_scores(scores) / self.temperature


@dataclass(frozen=True)
class Affine(Record):
    """A line: ``llr = slope * score + offset_nats`` (Platt 1999; Brümmer's linear calibration).

    A negative slope means that the detector is upside down on the calibration set.

    >>> Affine(2.0, -1.0).apply([3.0]).tolist()
    [5.0]
    """

    slope: float
    offset_nats: float
    kind: Literal["affine"] = "affine"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.offset_nats)):
            raise EvaluationError(
                f"expected a finite slope and offset, got {self.slope} and {self.offset_nats}"
            )

    @classmethod
    def fit(
        cls, labels: ArrayLike, scores: ArrayLike, *, prior: float = 0.5, ridge: float = RIDGE
    ) -> Self:
        """Fit logistic regression with prior-weighted classes by Newton's method.

        Shape: ``[item]``, ``[item]`` → slope and offset.
        """
        y, s = binary(labels, scores)
        centre, scale = float(s.mean()), float(s.std())
        if scale == 0:
            return cls(0.0, 0.0)  # a constant score carries no evidence
        signs, weights, prior_logit = _objective(y, prior)
        design = np.stack([(s - centre) / scale, np.ones_like(s)], axis=1)  # [item, 2]
        slope, offset = _newton(design, signs, weights, prior_logit, ridge)
        return cls(slope / scale, offset - slope * centre / scale)

    def apply(self, scores: ArrayLike) -> Floats:
        """Return nats, AI over human. Shape: ``[item]`` → ``[item]``."""
        return self.slope * as_scores(scores) + self.offset_nats


@dataclass(frozen=True)
class Isotonic(Record):
    """A rising staircase with straight risers (Zadrozny and Elkan 2002).

    Shapes of scores and llr_nats: ``[knot]``. Constant beyond the ends. Needs more data than the
    others (hundreds of tracks per class) and keeps only the order of scores, not fine differences.

    >>> Isotonic((0.0, 1.0), (-2.0, 2.0)).apply([0.5, 7.0]).tolist()
    [0.0, 2.0]
    """

    scores: tuple[float, ...]
    llr_nats: tuple[float, ...]
    kind: Literal["isotonic"] = "isotonic"

    def __post_init__(self) -> None:
        x, z = as_scores(self.scores, "knots"), as_scores(self.llr_nats, "llr_nats")
        if x.size != z.size or np.any(np.diff(x) <= 0) or np.any(np.diff(z) < 0):
            raise EvaluationError(
                f"expected as many rising knots as rising values, got {x.size} and {z.size}; "
                "build the record with Isotonic.fit"
            )

    @classmethod
    def fit(cls, labels: ArrayLike, scores: ArrayLike) -> Self:
        """Fit by pooling adjacent violators; the prior cancels out.

        Values are limited to ``[−ln(n_ai + 1), ln(n_human + 1)]``: where no human item was seen
        among n, their rate is about 1 / (n + 1), not 0.

        Shape: ``[item]``, ``[item]`` → ``[knot]``.
        """
        y, s = binary(labels, scores)
        distinct, ai, human = class_counts(y, s)
        low, high = -math.log1p(ai.sum()), math.log1p(human.sum())
        llr = np.clip(isotonic_llr(ai, human), low, high)
        # both ends of each step suffice
        change = np.flatnonzero(np.diff(llr) != 0)
        keep = np.unique(np.concatenate(([0], change, change + 1, [llr.size - 1])))
        return cls(tuple(distinct[keep].tolist()), tuple(llr[keep].tolist()))

    def apply(self, scores: ArrayLike) -> Floats:
        """Return nats, AI over human. Shape: ``[item]`` → ``[item]``."""
        return np.asarray(np.interp(as_scores(scores), self.scores, self.llr_nats), np.float64)


_KINDS: dict[str, type[Temperature] | type[Affine] | type[Isotonic]] = {
    "affine": Affine,
    "isotonic": Isotonic,
    "temperature": Temperature,
}


def calibrator_from_dict(values: Mapping[str, Any]) -> Temperature | Affine | Isotonic:
    """Build the calibrator that `to_dict` described.

    >>> calibrator_from_dict(Temperature(2.0).to_dict())
    Temperature(temperature=2.0, kind='temperature')
    """
    kind = str(values.get("kind", ""))
    if kind not in _KINDS:
        raise UnknownName("calibrator", kind, _KINDS)
    return _KINDS[kind].from_dict(values)


def _objective(labels: np.ndarray[Any, Any], prior: float) -> tuple[Floats, Floats, float]:
    """Return signs ±1, weights that give AI the share ``prior``, and the prior's logit."""
    fraction(prior, "the prior of AI")
    n_ai = labels.sum()
    weights = np.where(labels == 1, prior / n_ai, (1 - prior) / (labels.size - n_ai))
    return np.where(labels == 1, 1.0, -1.0), weights, float(special.logit(prior))


def _newton(
    design: Floats, signs: Floats, weights: Floats, offset: float, ridge: float
) -> tuple[float, float]:
    """Minimise ``Σ w softplus(−sign (X β + offset)) + ½ ridge β₀²``; β = (slope, intercept)."""
    penalty = np.array([ridge, ridge * 1e-3])  # a trace on the intercept keeps the solve regular
    beta = np.zeros(2)

    def loss(b: Floats) -> float:
        margin = signs * (design @ b + offset)
        return float(weights @ np.logaddexp(0, -margin) + penalty @ b**2 / 2)

    for _ in range(200):
        p = special.expit(-signs * (design @ beta + offset))  # [item]: chance of being wrong
        gradient = -design.T @ (weights * signs * p) + penalty * beta  # [2]
        if np.abs(gradient).max() < 1e-12:
            break
        curvature = (design.T * (weights * p * (1 - p))) @ design + np.diag(penalty)  # [2, 2]
        step, now, size = np.linalg.solve(curvature, gradient), loss(beta), 1.0
        while loss(beta - size * step) > now and size > 1e-10:
            size /= 2
        beta = beta - size * step
    return float(beta[0]), float(beta[1])
