# SPDX-License-Identifier: MIT
"""Kernel SHAP over a grid of bands × segments: Shapley values from a weighted regression.

Source: Lundberg and Lee, "A unified approach to interpreting model predictions", NeurIPS 2017;
computed by `shap`. Logits; adds up to the logit of the clip less that of the baseline. With many
cells and few samples the values are rough: `shap_partition` needs fewer.
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

__all__ = ["ShapKernel"]


class ShapKernel(Explainer):
    """Shapley values of grid cells.

    Args:
        bands: of equal width.
        segment_s: seconds of a cell.
        samples: coalitions drawn.
        baseline: what a switched-off cell holds: mean, silence or human.
        seed: of the coalitions.
    """

    needs: ClassVar[str] = "grid"

    def __init__(
        self,
        bands: int = 8,
        segment_s: float = 4.0,
        samples: int = 500,
        baseline: str = "mean",
        seed: int = 0,
    ) -> None:
        self.bands, self.segment_s, self.samples = bands, segment_s, samples
        self.baseline, self.seed = baseline, seed

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        shap = the_shap("the explainer 'shap_kernel'")

        grid = subject.grid(self.bands, self.segment_s, self.baseline)

        def score(kept: NDArray[np.float64]) -> NDArray[np.float64]:
            return grid.scores(kept > 0.5)

        explainer = shap.KernelExplainer(score, np.zeros((1, grid.count)), seed=self.seed)
        everything = np.ones((1, grid.count))
        with borrowed_random(self.seed):
            found = explainer.shap_values(
                everything, nsamples=self.samples, l1_reg=False, silent=True
            )
        return grid.spread(np.asarray(found).reshape(-1)), grid.baseline_logit
