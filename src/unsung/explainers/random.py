# SPDX-License-Identifier: MIT
"""Random relevance: what an explanation must beat before anyone believes it.

Normal numbers by seed, scaled to add up to the logit. Logits in name only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["Random"]


class Random(Explainer):
    """Noise in the place of relevance.

    Args:
        seed: the same seed, the same noise.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        rng = np.random.default_rng(self.seed)
        noise = [rng.standard_normal(p.values.shape).astype(np.float32) for p in subject.planes]
        count = sum(part.size for part in noise)
        missing = subject.logit - sum(float(part.sum(dtype=np.float64)) for part in noise)
        return [part + np.float32(missing / count) for part in noise], 0.0
