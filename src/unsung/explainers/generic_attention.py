# SPDX-License-Identifier: MIT
"""The generic attention rule: attention times its gradient, accumulated over layers.

Source: Chefer, Gur and Wolf, "Generic attention-model explainability", ICCV 2021. Needs attention
and gradients alone. Keeps what raises the logit; what lowers it is cut away. No unit: scores rank
tokens (see `_tokens` for what strips of SpecTTTra can and cannot claim).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from unsung.explainers._subject import Subject
from unsung.explainers._tokens import token_relevance
from unsung.explainers.base import Explainer
from unsung.relevance.transformers import generic_attention
from unsung.types import FloatArray

__all__ = ["GenericAttention"]


class GenericAttention(Explainer):
    """Token scores painted where the tokens lie."""

    needs: ClassVar[str] = "attention"
    complete: ClassVar[bool] = False

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        return token_relevance(subject, generic_attention), 0.0
