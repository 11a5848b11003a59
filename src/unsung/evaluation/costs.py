# SPDX-License-Identifier: MIT
"""What errors cost: the detection cost functions of the ASVspoof challenges.

The challenges score higher = human (bona fide); here scores are higher = AI as everywhere, and the
sign is turned inside. A *miss* rejects a human item, a *false alarm* accepts an AI item as human:
the challenges' words, opposite to those of the rest of this folder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unsung.evaluation._checks import EvaluationError, binary, fraction
from unsung.evaluation.discrimination import miss_and_false_alarm
from unsung.types import Record

__all__ = ["AsvRates", "TandemCost", "act_dcf", "bayes_threshold", "min_dcf", "min_tdcf"]


def min_dcf(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    prior_ai: float = 0.05,
    cost_miss: float = 1.0,
    cost_false_alarm: float = 10.0,
) -> float:
    """Return the normalised detection cost at the best threshold (ASVspoof5 track 1).

    ``min_t [C_miss (1−π) P_miss + C_fa π P_fa] / min(C_miss (1−π), C_fa π)``; the defaults are
    ASVspoof5's. 1 means: no better than always giving the same answer.

    Shape: ``[item]``, ``[item]`` → a number from 0 to 1.

    >>> min_dcf([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0])
    0.0
    """
    w_miss, w_fa = _weights(prior_ai, cost_miss, cost_false_alarm)
    reject, accept, _ = miss_and_false_alarm(labels, scores)
    return float(np.min(w_miss * reject + w_fa * accept) / min(w_miss, w_fa))


def act_dcf(
    labels: ArrayLike,
    llr_nats: ArrayLike,
    *,
    prior_ai: float = 0.05,
    cost_miss: float = 1.0,
    cost_false_alarm: float = 10.0,
) -> float:
    """Return the normalised cost at the Bayes threshold; falls to `min_dcf` when calibrated.

    An item is rejected as AI when its log-likelihood ratio lies above `bayes_threshold`.

    Shape: ``[item]``, ``[item]`` (nats, AI over human) → a number from 0.

    >>> act_dcf([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0])
    0.0
    """
    y, s = binary(labels, llr_nats)
    w_miss, w_fa = _weights(prior_ai, cost_miss, cost_false_alarm)
    alarm = s > math.log(w_miss / w_fa)
    return float(
        (w_miss * np.mean(alarm[y == 0]) + w_fa * np.mean(~alarm[y == 1])) / min(w_miss, w_fa)
    )


def bayes_threshold(
    *, prior_ai: float = 0.05, cost_miss: float = 1.0, cost_false_alarm: float = 10.0
) -> float:
    """Return ``ln(C_miss (1−π) / (C_fa π))`` in nats: call AI above it.

    >>> round(bayes_threshold(), 6)
    0.641854
    """
    w_miss, w_fa = _weights(prior_ai, cost_miss, cost_false_alarm)
    return math.log(w_miss / w_fa)


def _weights(prior_ai: float, cost_miss: float, cost_false_alarm: float) -> tuple[float, float]:
    fraction(prior_ai, "the prior of AI")
    if cost_miss <= 0 or cost_false_alarm <= 0:
        raise EvaluationError(
            f"expected costs above 0, got {cost_miss} for a miss and "
            f"{cost_false_alarm} for a false alarm"
        )
    return cost_miss * (1 - prior_ai), cost_false_alarm * prior_ai


@dataclass(frozen=True)
class AsvRates(Record):
    """Error rates of the fixed speaker verifier; the defaults are those of ASVspoof5."""

    false_alarm: float = 0.018810
    miss: float = 0.018801
    false_alarm_spoof: float = 0.460708


@dataclass(frozen=True)
class TandemCost(Record):
    """Priors and unit costs of the tandem cost; the defaults are ASVspoof's (all editions)."""

    prior_spoof: float = 0.05
    prior_target: float = 0.95 * 0.99
    prior_nontarget: float = 0.95 * 0.01
    cost_miss: float = 1.0
    cost_false_alarm: float = 10.0
    cost_false_alarm_spoof: float = 10.0


def min_tdcf(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    legacy: bool = False,
    asv: AsvRates | None = None,
    cost: TandemCost | None = None,
) -> float:
    """Return the minimum normalised tandem detection cost of a countermeasure for speech.

    ``legacy`` is the form of ASVspoof 2019 (Kinnunen et al., Odyssey 2018), else that of 2021
    and later (Kinnunen et al., TASLP 2020). Made for speech: for music use `min_dcf`.

    Shape: ``[item]``, ``[item]`` → a number from 0 to 1.

    >>> min_tdcf([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0], legacy=True)
    0.0
    """
    rates, prices = asv or AsvRates(), cost or TandemCost()
    c0, c1, c2 = _legacy(rates, prices) if legacy else _revised(rates, prices)
    if c1 < 0 or c2 < 0:
        raise EvaluationError(
            f"expected a speaker verifier better than chance, but its rates make the cost "
            f"weights negative (C1 {c1:.4g}, C2 {c2:.4g}); check the rates and their order"
        )
    reject, accept, _ = miss_and_false_alarm(labels, scores)
    return float(np.min(c0 + c1 * reject + c2 * accept) / (c0 + min(c1, c2)))


def _legacy(asv: AsvRates, cost: TandemCost) -> tuple[float, float, float]:
    c1 = (
        cost.prior_target * cost.cost_miss * (1 - asv.miss)
        - cost.prior_nontarget * cost.cost_false_alarm * asv.false_alarm
    )
    return 0.0, c1, cost.cost_false_alarm_spoof * cost.prior_spoof * asv.false_alarm_spoof


def _revised(asv: AsvRates, cost: TandemCost) -> tuple[float, float, float]:
    c0 = (
        cost.prior_target * cost.cost_miss * asv.miss
        + cost.prior_nontarget * cost.cost_false_alarm * asv.false_alarm
    )
    c1 = cost.prior_target * cost.cost_miss - c0
    return c0, c1, cost.cost_false_alarm_spoof * cost.prior_spoof * asv.false_alarm_spoof
