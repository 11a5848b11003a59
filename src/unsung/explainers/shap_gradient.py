# SPDX-License-Identifier: MIT
"""Gradient SHAP: expected gradients over random points between baselines and the clip.

Sources: Lundberg and Lee, NeurIPS 2017; Erion et al., "Improving performance of deep learning
models with axiomatic attribution priors and expected gradients", 2021; computed by captum. Logits;
adds up on average, the stated gap is the sampling error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from unsung.errors import MissingExtra
from unsung.explainers._shap import borrowed_random
from unsung.explainers._subject import Subject
from unsung.explainers._torch import frozen, gradients, tensors
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["ShapGradient"]


class ShapGradient(Explainer):
    """Expected gradients.

    Args:
        samples: random points.
        baseline: mean, silence or human.
        seed: of the points.
    """

    needs: ClassVar[str] = "gradient"

    def __init__(self, samples: int = 25, baseline: str = "mean", seed: int = 0) -> None:
        self.samples, self.baseline, self.seed = samples, baseline, seed

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        try:
            from captum.attr import GradientShap
        except ModuleNotFoundError as error:
            raise MissingExtra("captum", "research", "the explainer 'shap_gradient'") from error
        nothing = subject.baseline(self.baseline)
        values = tuple(tensors([p.values for p in subject.planes]))
        network = subject.network()
        # captum draws from the global generators: they go on as if nothing had been drawn.
        if all(not g.any() for g in gradients(network, values)):
            flat = [np.zeros_like(p.values) for p in subject.planes]  # captum takes no constant
            return flat, float(subject.scores([b[None] for b in nothing])[0])
        with torch.random.fork_rng([]), borrowed_random(self.seed), frozen(network):
            torch.manual_seed(self.seed)
            found = GradientShap(network).attribute(
                values, tuple(tensors(nothing)), n_samples=self.samples, stdevs=0.0
            )
        relevance = [part.detach()[0].float().numpy() for part in found]
        return relevance, float(subject.scores([b[None] for b in nothing])[0])
