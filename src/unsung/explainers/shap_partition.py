# SPDX-License-Identifier: MIT
"""Partition SHAP over a grid of bands × segments: Owen values along a tree of neighbours.

Sources: Owen, 1977; Lundberg and Lee, NeurIPS 2017; computed by `shap`. Cells that lie together go
together, which keeps the number of scores small. Logits; adds up to the logit of the clip less that
of the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from unsung.explainers._shap import borrowed_random, the_shap
from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["ShapPartition"]


class ShapPartition(Explainer):
    """Owen values of grid cells.

    Args:
        bands: of equal width.
        segment_s: seconds of a cell.
        evaluations: scores asked for.
        baseline: what a switched-off cell holds: mean, silence or human.
    """

    needs: ClassVar[str] = "grid"

    def __init__(
        self,
        bands: int = 12,
        segment_s: float = 2.0,
        evaluations: int = 400,
        baseline: str = "mean",
    ) -> None:
        self.bands, self.segment_s = bands, segment_s
        self.evaluations, self.baseline = evaluations, baseline

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        shap = the_shap("the explainer 'shap_partition'")
        from scipy.cluster.hierarchy import linkage

        grid = subject.grid(self.bands, self.segment_s, self.baseline)
        if grid.count == 1:
            return grid.spread(np.array([subject.logit - grid.baseline_logit])), grid.baseline_logit
        places = np.indices((grid.bands, grid.segments)).reshape(2, -1).T / [
            grid.bands,
            grid.segments,
        ]
        masker = shap.maskers.Partition(
            np.zeros((1, grid.count)), clustering=linkage(places, "average")
        )

        def score(kept: NDArray[np.float64]) -> NDArray[np.float64]:
            return grid.scores(kept > 0.5)

        explainer = shap.explainers.Partition(score, masker)
        with borrowed_random(0):
            found = explainer(np.ones((1, grid.count)), max_evals=self.evaluations, silent=True)
        return grid.spread(found.values[0]), grid.baseline_logit
