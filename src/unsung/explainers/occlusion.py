# SPDX-License-Identifier: MIT
"""Occlusion on a time–frequency grid: how much the logit falls when a cell is switched off.

Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
Logits. Asks for scores alone, so it fits any detector. One cell at a time: evidence that stands
twice is not missed when one copy goes, and the gap shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["Occlusion"]


class Occlusion(Explainer):
    """Logit less the logit without the cell.

    Args:
        bands: of equal width.
        segment_s: seconds of a cell.
        baseline: what a switched-off cell holds: mean, silence or human.
    """

    needs: ClassVar[str] = "grid"
    complete: ClassVar[bool] = False

    def __init__(self, bands: int = 16, segment_s: float = 1.0, baseline: str = "mean") -> None:
        self.bands, self.segment_s, self.baseline = bands, segment_s, baseline

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        grid = subject.grid(self.bands, self.segment_s, self.baseline)
        without = grid.scores(~np.eye(grid.count, dtype=bool))
        return grid.spread(subject.logit - without), grid.baseline_logit
