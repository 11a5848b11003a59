# SPDX-License-Identifier: MIT
"""LIME over a grid of bands × segments: a weighted linear model of what happens when cells go.

Sources: Ribeiro, Singh and Guestrin, KDD 2016; Haunschmid, Manilow and Widmer, "audioLIME", 2020
(ridge regression, cosine distance). Logits. Ranks cells; ridge shrinks them, so the sum falls short
and the gap says by how much. Sources of a separated song in place of cells need a separator, which
is not part of this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from unsung.errors import UsageError
from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["Lime"]

KERNEL_WIDTH = 0.25
"""Of the cosine distance, as in audioLIME."""


class Lime(Explainer):
    """Ridge regression on random sets of cells, close ones weighing more.

    Args:
        bands: of equal width.
        segment_s: seconds of a cell.
        samples: random sets.
        ridge: penalty of the regression.
        baseline: what a switched-off cell holds: mean, silence or human.
        seed: of the sets.
    """

    needs: ClassVar[str] = "grid"
    complete: ClassVar[bool] = False

    def __init__(
        self,
        *,
        bands: int = 8,
        segment_s: float = 2.0,
        samples: int = 600,
        ridge: float = 1e-2,
        baseline: str = "mean",
        seed: int = 0,
    ) -> None:
        if samples < 2 or ridge < 0:
            raise UsageError(
                f"lime: expected samples from 2 and a ridge from 0, got {samples} and {ridge:g}"
            )
        self.bands, self.segment_s, self.samples = bands, segment_s, samples
        self.ridge, self.baseline, self.seed = ridge, baseline, seed

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        grid = subject.grid(self.bands, self.segment_s, self.baseline)
        kept = np.random.default_rng(self.seed).random((self.samples, grid.count)) < 0.5
        kept[0] = True
        logits = grid.scores(kept)
        # Cosine between a set and the full one: √(share of cells kept).
        distance = 1 - np.sqrt(kept.mean(axis=1))
        weights = np.exp(-((distance / KERNEL_WIDTH) ** 2))
        x = np.column_stack([kept.astype(np.float64), np.ones(len(kept))])
        penalty = self.ridge * np.eye(grid.count + 1)
        penalty[-1, -1] = 0.0  # the constant is not shrunk
        gram = x.T @ (weights[:, None] * x) + penalty
        solution = np.linalg.lstsq(gram, x.T @ (weights * logits), rcond=None)[0]
        return grid.spread(solution[:-1]), float(solution[-1])
