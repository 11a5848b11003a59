# SPDX-License-Identifier: MIT
"""SmoothGrad: gradient times input, the gradient averaged over noisy copies of the pictures.

Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017. Logits. Smooths what
rectifiers make jagged; on a linear detector it is gradient times input. Ranks, does not add up.
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

__all__ = ["SmoothGrad"]


class SmoothGrad(Explainer):
    """Mean gradient over noise, times the distance from the baseline.

    Args:
        copies: noisy copies.
        noise: standard deviation, as a share of each picture's range.
        baseline: mean, silence or human.
        seed: of the noise.
    """

    needs: ClassVar[str] = "gradient"
    complete: ClassVar[bool] = False

    def __init__(
        self, copies: int = 25, noise: float = 0.1, baseline: str = "mean", seed: int = 0
    ) -> None:
        if copies < 1 or noise < 0:
            raise UsageError(
                f"smooth_grad: expected copies from 1 and noise from 0, got {copies} and {noise:g}"
            )
        self.copies, self.noise, self.baseline, self.seed = copies, noise, baseline, seed

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        nothing = subject.baseline(self.baseline)
        values = tensors([p.values for p in subject.planes])
        spans = [self.noise * float(v.max() - v.min()) for v in values]
        generator = torch.Generator().manual_seed(self.seed)
        network = subject.network()
        total = [torch.zeros_like(v) for v in values]
        for _ in range(self.copies):
            noisy = [
                v + span * torch.randn(v.shape, generator=generator)
                for v, span in zip(values, spans, strict=True)
            ]
            for sum_, slope in zip(total, gradients(network, noisy), strict=True):
                sum_.add_(slope / self.copies)
        parts = zip(total, subject.planes, nothing, strict=True)
        relevance = [np.asarray(t[0].numpy() * (p.values - b), np.float32) for t, p, b in parts]
        return relevance, float(subject.scores([b[None] for b in nothing])[0])
