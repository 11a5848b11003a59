# SPDX-License-Identifier: MIT
"""Exact contributions of a linear detector: weight times distance from the training mean.

Nothing is estimated: baseline and relevance add up to the logit. For the packaged detectors this is
the whole truth about the logit, frame by frame (`_bundle` says what is held fixed); it needs no
torch. Not for networks: there is no exact linear part to read off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["ExactLinear"]


class ExactLinear(Explainer):
    """``weight · (value − mean)`` of every cell, in logits."""

    needs: ClassVar[str] = "linear"

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        return subject.exact()
