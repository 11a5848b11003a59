# SPDX-License-Identifier: MIT
"""A change of speed that nobody hears, which moves every decoder line off its place.

Source: our own; the evasion that a detector of lines at fixed frequencies invites, done by
soxr's HQ resampler. Unit: percent faster; 1 % is 17 cents. When not to
use: for audible changes; take ``speed``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import soxr

from unsung.attacks.base import Attack
from unsung.types import FloatArray, fit_length

__all__ = ["TinyResample"]


class TinyResample(Attack):
    """Plays the clip 1 + strength / 100 times as fast."""

    unit: ClassVar[str] = "%"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.5, 1.0, 2.0)
    default: ClassVar[float] = 0.5
    limits: ClassVar[tuple[float, float] | None] = (-5.0, 5.0)

    def time_scale(self, strength: float) -> float:
        """Return 1 / (1 + strength / 100)."""
        return 1.0 / (1.0 + self.check(strength) / 100)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        factor = 1.0 + strength / 100
        out = soxr.resample(np.ascontiguousarray(samples.T), factor, 1.0, "HQ")
        length = max(1, round(samples.shape[1] / factor))
        return fit_length(np.asarray(out, dtype=np.float32).T, length)
