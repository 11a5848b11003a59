# SPDX-License-Identifier: MIT
"""Plays the clip faster or slower, as a turntable does: pitch and length change together.

Source: soxr's HQ resampler; nightcore and "slowed" uploads. Unit: playback rate; 2 is twice as fast
and an octave up. When not to use: to keep the pitch; take ``time_stretch``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import soxr

from unsung.attacks.base import Attack
from unsung.types import FloatArray, fit_length

__all__ = ["Speed"]


class Speed(Attack):
    """Resamples by 1 / strength and keeps the nominal sample rate."""

    unit: ClassVar[str] = "x"
    strengths: ClassVar[tuple[float, ...]] = (
        *(1.02, 0.98, 1.05, 1.1, 0.9, 1.2, 0.8, 1.5, 2.0, 0.5),
    )
    default: ClassVar[float] = 1.1
    limits: ClassVar[tuple[float, float] | None] = (0.25, 4.0)

    def time_scale(self, strength: float) -> float:
        """Return 1 / rate."""
        return 1.0 / self.check(strength)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        out = soxr.resample(np.ascontiguousarray(samples.T), strength, 1.0, "HQ")
        length = max(1, round(samples.shape[1] / strength))
        return fit_length(np.asarray(out, dtype=np.float32).T, length)
