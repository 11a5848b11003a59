# SPDX-License-Identifier: MIT
"""Chefer's relevance propagation: attention weighted by its gradient and its relevance.

Source: Chefer, Gur and Wolf, "Transformer interpretability beyond attention visualization", CVPR
2021 (rules in `unsung.relevance.functions`). Keeps what raises the logit; what lowers it is cut
away. No unit: scores rank tokens (see `_tokens` for what strips of SpecTTTra can and cannot claim).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from unsung.explainers._subject import Subject
from unsung.explainers._tokens import token_relevance
from unsung.explainers.base import Explainer
from unsung.relevance.transformers import chefer_maps
from unsung.types import FloatArray

__all__ = ["Chefer"]


class Chefer(Explainer):
    """Token scores painted where the tokens lie."""

    needs: ClassVar[str] = "attention"
    complete: ClassVar[bool] = False

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        return token_relevance(subject, chefer_maps, relevance=True), 0.0
