# SPDX-License-Identifier: MIT
"""Attention rollout: where attention flows from the logit's rows back to the tokens.

Source: Abnar and Zuidema, ACL 2020: product over layers of head-averaged attention plus identity,
rows summing to one. It knows nothing of the logit's sign or the target: a picture of mixing, and
the weakest of the three attention methods. No unit: scores rank tokens (see `_tokens` for what
strips of SpecTTTra can and cannot claim).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from unsung.explainers._subject import Subject
from unsung.explainers._tokens import token_relevance
from unsung.explainers.base import Explainer
from unsung.relevance.transformers import attention_rollout
from unsung.types import FloatArray

__all__ = ["AttentionRollout"]


class AttentionRollout(Explainer):
    """Token scores painted where the tokens lie."""

    needs: ClassVar[str] = "attention"
    complete: ClassVar[bool] = False

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        return token_relevance(subject, attention_rollout, own=False), 0.0
