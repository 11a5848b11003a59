# SPDX-License-Identifier: MIT
"""Exact contributions of a linear detector: weight times distance from a baseline.

Nothing is estimated: baseline and relevance add up to the logit. For the packaged detectors this is
the whole truth about the windows' logit, frame by frame (`_bundle` says what is held fixed); what
the search over shifts and the second model add to a track stands in the scan's terms. It needs no
torch. The baseline is a choice: "silence" is a spectrum in which nothing stands out of its
surroundings, "mean" that of the training music, "human" that of a recording. Silence is the usual
one because it finds planted evidence best (results/faithfulness.md); the mean also counts where a
song has less of a line than music has on average. Not for networks: there is no exact linear part
to read off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["ExactLinear"]


class ExactLinear(Explainer):
    """``weight · (value − baseline)`` of every cell, in logits.

    Args:
        baseline: what stands for "nothing there": silence, mean or human.
    """

    needs: ClassVar[str] = "linear"

    def __init__(self, baseline: str = "silence") -> None:
        self.baseline = baseline

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        return subject.exact(self.baseline)
