# SPDX-License-Identifier: MIT
"""Edges of the picture: looks like an explanation, knows nothing of the detector.

Source of the warning: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. The size of
the Sobel gradient of each picture, scaled to the size of the logit. A method that does not beat it
in `unsung explain --check` draws the sound, not the reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import scipy.ndimage

from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["EdgeDetector"]


class EdgeDetector(Explainer):
    """Sobel edges in the place of relevance."""

    complete: ClassVar[bool] = False

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        edges = [
            np.hypot(scipy.ndimage.sobel(p.values, 1), scipy.ndimage.sobel(p.values, 2))
            for p in subject.planes
        ]
        total = sum(float(e.sum(dtype=np.float64)) for e in edges)
        scale = np.float32(abs(subject.logit) / total if total else 0.0)
        return [np.asarray(scale * e, np.float32) for e in edges], 0.0
