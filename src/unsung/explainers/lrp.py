# SPDX-License-Identifier: MIT
"""Layer-wise relevance propagation: the logit handed back layer by layer.

Sources: Bach et al., PLoS ONE 2015; rules and composites in `unsung.relevance`. Logits; what biases
and stabilisers absorb is the stated gap. For convolutional and dense networks; sums written ``a +
b`` and attention break it: use attn_lrp for transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from unsung.explainers._layers import packed, refuse_broken, unpacked
from unsung.explainers._subject import Subject
from unsung.explainers._torch import frozen
from unsung.explainers.base import Explainer
from unsung.relevance import attribute, composite, merged_batch_norms
from unsung.types import FloatArray

__all__ = ["Lrp"]


class Lrp(Explainer):
    """Relevance by a composite of rules.

    Args:
        composite: epsilon, epsilon_plus, epsilon_plus_flat, epsilon_alpha2_beta1 or
            epsilon_gamma_box.
    """

    needs: ClassVar[str] = "layers"
    complete: ClassVar[bool] = False

    def __init__(self, composite: str = "epsilon_plus") -> None:
        self.composite = composite

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        rules = composite(self.composite)
        module, cells = packed(subject)
        with frozen(module), merged_batch_norms(module, cells):
            walk = attribute(module, cells, 0, rules)
        return unpacked(subject, refuse_broken("lrp", walk.heatmap)), 0.0
