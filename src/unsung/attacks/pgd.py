# SPDX-License-Identifier: MIT
"""An adversary with the model's gradient, who may add a disturbance of a given level.

Source: projected gradient descent (Madry et al., "Towards Deep Learning Models Resistant to
Adversarial Attacks", ICLR 2018) with steps normalised in L2 and a random start; the lowest score on
the way is kept. Unit: dB of clip over disturbance. When not to use: without a gradient; take
``black_box``. It says nothing of an adversary who does not know the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from unsung.attacks._budget import disturbed, norm, on_sphere
from unsung.attacks.base import Attack
from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["Pgd"]

ScoreAndGradient = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


class Pgd(Attack):
    """Walks down (or up) the logit within the budget.

    Args:
        score_and_gradient: ``[batch, time]`` → logits ``[batch]`` and their gradient
            ``[batch, time]``, of mono sound at `model_rate_hz`.
        model_rate_hz: the rate the model hears; 16 kHz is the default bundle's.
        goal: "human" lowers the logit (hides AI), "ai" raises it (accuses a human).
        steps: gradient evaluations; twenty are near the end of what more would give.
    """

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (60.0, 50.0, 40.0, 30.0, 20.0)
    default: ClassVar[float] = 40.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 120.0)
    seeded: ClassVar[bool] = True
    needs_model: ClassVar[bool] = True

    def __init__(
        self,
        score_and_gradient: ScoreAndGradient | None = None,
        model_rate_hz: int = 16000,
        goal: Literal["human", "ai"] = "human",
        steps: int = 20,
    ) -> None:
        self.score_and_gradient = score_and_gradient
        self.model_rate_hz = model_rate_hz
        self.goal = goal
        self.steps = steps

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        model = self.score_and_gradient
        if model is None:
            raise UsageError(
                "pgd needs a model, got none; build it in Python as Pgd(score_and_gradient), a "
                "function from sound [batch, time] to logits [batch] and gradient [batch, time]"
            )
        sign = np.float32(1 if self.goal == "human" else -1)

        def search(heard: FloatArray, radius: float) -> FloatArray:
            rng = np.random.default_rng(seed)
            return _descend(model, heard, radius, sign=sign, steps=self.steps, rng=rng)

        return disturbed(samples, sample_rate_hz, self.model_rate_hz, strength, search)


def _descend(
    model: ScoreAndGradient,
    heard: FloatArray,
    radius: float,
    *,
    sign: np.float32,
    steps: int,
    rng: np.random.Generator,
) -> FloatArray:
    # Starts near the middle: far out, random noise alone would use the budget up.
    start = rng.standard_normal(len(heard), dtype=np.float32)
    now = start * np.float32(0.05 * radius / max(norm(start), 1e-30))
    best, least = np.zeros_like(heard), float(sign * model(heard[None])[0][0])
    for step in range(steps + 1):
        score, gradient = model((heard + now)[None])
        if float(sign * score[0]) < least:
            best, least = now, float(sign * score[0])
        slope = sign * np.asarray(gradient[0], dtype=np.float32)
        if norm(slope) == 0:
            break
        # From half the budget down to a tenth of that, so that the end can settle.
        reach = 0.5 * radius * (1 - 0.9 * step / max(1, steps))
        now = on_sphere(now - slope * np.float32(reach / norm(slope)), radius)
    return best
