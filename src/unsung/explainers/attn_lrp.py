# SPDX-License-Identifier: MIT
"""AttnLRP: relevance through attention, on the picture itself.

Source: Achtibat et al., "AttnLRP: attention-aware layer-wise relevance propagation for
transformers", ICML 2024 (rules in `unsung.relevance.functions`). Logits: input times changed
gradient; biases and the means that layer norms take away are the stated gap. For transformers; for
plain convolutional networks it is gradient times input with softened activations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from unsung.explainers._subject import Subject
from unsung.explainers._torch import frozen, tensors
from unsung.explainers.base import Explainer
from unsung.relevance.functions import attn_lrp
from unsung.types import FloatArray

__all__ = ["AttnLrp"]


class AttnLrp(Explainer):
    """Input times AttnLRP gradient.

    Args:
        gamma: of the gamma rule in linear layers; 0 is the epsilon rule.
    """

    needs: ClassVar[str] = "gradient"
    complete: ClassVar[bool] = False

    def __init__(self, gamma: float = 0.0) -> None:
        self.gamma = gamma

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        leaves = [t.requires_grad_() for t in tensors([p.values for p in subject.planes])]
        network = subject.network()
        with frozen(network), torch.enable_grad():
            with attn_lrp(self.gamma):
                logit = network(*leaves).sum()
            if not logit.requires_grad:  # a constant network
                return [np.zeros_like(p.values) for p in subject.planes], subject.logit
            slopes = torch.autograd.grad(logit, leaves, allow_unused=True)
        pairs = zip(leaves, slopes, strict=True)
        return [
            np.zeros(x.shape[1:], np.float32) if g is None else (x * g).detach()[0].numpy()
            for x, g in pairs
        ], 0.0
