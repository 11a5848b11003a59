# SPDX-License-Identifier: MIT
"""Keeps one piece of the clip, from a random start: what a short excerpt leaves to judge.

Source: plain trimming. Unit: share of the length that is kept. When not to use: with metrics that
need a fixed number of windows.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Crop"]


class Crop(Attack):
    """Keeps round(strength · length) samples."""

    unit: ClassVar[str] = "share kept"
    strengths: ClassVar[tuple[float, ...]] = (0.9, 0.75, 0.5, 0.25, 0.1)
    default: ClassVar[float] = 0.5
    limits: ClassVar[tuple[float, float] | None] = (0.01, 1.0)
    seeded: ClassVar[bool] = True

    def time_scale(self, strength: float) -> float:
        """Return the share that is kept."""
        return self.check(strength)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz
        n = samples.shape[1]
        kept = max(1, round(n * strength))
        start = int(np.random.default_rng(seed).integers(0, n - kept + 1))
        return samples[:, start : start + kept]
