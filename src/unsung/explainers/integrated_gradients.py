# SPDX-License-Identifier: MIT
"""Integrated gradients: the mean gradient on the way from a baseline to the clip, times the way.

Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017; steps and
weights of Gauss–Legendre, as in captum (50 by default). Logits: relevance adds up to the logit less
the baseline's, but for the integration error, which is the stated gap. The answer is relative to
the baseline: "compared with the mean spectrum", "with silence", "with a human recording".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from unsung.errors import UsageError
from unsung.explainers._subject import Subject
from unsung.explainers._torch import gradients, tensors
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["IntegratedGradients"]

CELLS = 1_500_000
"""Cells on the path at a time: steps of small pictures share a batch, large ones go one by one."""


class IntegratedGradients(Explainer):
    """Gradients integrated along the straight path from the baseline.

    Args:
        baseline: mean, silence or human.
        steps: points of the Gauss–Legendre rule.
    """

    needs: ClassVar[str] = "gradient"

    def __init__(self, baseline: str = "mean", steps: int = 50) -> None:
        if steps < 1:
            raise UsageError(f"integrated_gradients: expected at least one step, got {steps}")
        self.baseline, self.steps = baseline, steps

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        nothing = subject.baseline(self.baseline)
        start = tensors(nothing)
        way = [
            v - s for v, s in zip(tensors([p.values for p in subject.planes]), start, strict=True)
        ]
        points, weights = np.polynomial.legendre.leggauss(self.steps)
        alphas = torch.from_numpy(((points + 1) / 2).astype(np.float32))
        shares = torch.from_numpy((weights / 2).astype(np.float32))
        network = subject.network()
        together = max(1, CELLS // sum(w.numel() for w in way))
        total = [torch.zeros_like(w) for w in way]
        for first in range(0, self.steps, together):
            some = alphas[first : first + together].reshape(-1, 1, 1, 1)
            slopes = gradients(network, [s + some * w for s, w in zip(start, way, strict=True)])
            part = shares[first : first + together].reshape(-1, 1, 1, 1)
            for sum_, slope in zip(total, slopes, strict=True):
                sum_.add_((part * slope).sum(0, keepdim=True))
        relevance = [(t * w)[0].numpy() for t, w in zip(total, way, strict=True)]
        return relevance, float(subject.scores([b[None] for b in nothing])[0])
