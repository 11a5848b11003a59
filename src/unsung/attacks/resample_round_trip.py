# SPDX-License-Identifier: MIT
"""Down to a lower sample rate and back: everything above half of it is gone, without aliasing.

Source: soxr's HQ band-limited resampler both ways; what conversion chains and old archives do.
Unit: Hz, the rate in between. When not to use: to add aliasing (``aliasing`` does) or to change
pitch (``speed`` does).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import soxr

from unsung.attacks.base import Attack
from unsung.types import FloatArray, fit_length

__all__ = ["ResampleRoundTrip"]


class ResampleRoundTrip(Attack):
    """Resamples to `strength` and back; at or above the clip's own rate nothing changes."""

    unit: ClassVar[str] = "Hz"
    strengths: ClassVar[tuple[float, ...]] = (32000.0, 24000.0, 22050.0, 16000.0, 11025.0, 8000.0)
    default: ClassVar[float] = 16000.0
    limits: ClassVar[tuple[float, float] | None] = (1000.0, 384000.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        if strength >= sample_rate_hz:
            return samples
        low = soxr.resample(np.ascontiguousarray(samples.T), sample_rate_hz, strength, "HQ")
        back = soxr.resample(low, strength, sample_rate_hz, "HQ")
        return fit_length(np.asarray(back, dtype=np.float32).T, samples.shape[1])
