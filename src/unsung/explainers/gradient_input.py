# SPDX-License-Identifier: MIT
"""Gradient times input: the first-order share of each cell (Shrikumar et al., 2016).

Logits. Cheap and local: right for a linear detector, misleading where a network saturates; there
`integrated_gradients` states its gap and this one only has a large gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from unsung.explainers._subject import Subject
from unsung.explainers._torch import gradients, tensors
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["GradientInput"]


class GradientInput(Explainer):
    """``gradient · (value − baseline)``.

    Args:
        baseline: what stands for "nothing there": mean, silence or human.
    """

    needs: ClassVar[str] = "gradient"
    complete: ClassVar[bool] = False

    def __init__(self, baseline: str = "mean") -> None:
        self.baseline = baseline

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        nothing = subject.baseline(self.baseline)
        values = [plane.values for plane in subject.planes]
        slopes = gradients(subject.network(), tensors(values))
        rest = zip(slopes, values, nothing, strict=True)
        relevance = [np.asarray(g[0].numpy() * (v - b), np.float32) for g, v, b in rest]
        return relevance, float(subject.scores([b[None] for b in nothing])[0])
