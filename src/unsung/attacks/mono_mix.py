# SPDX-License-Identifier: MIT
"""Narrows the stereo image down to mono; the clip keeps its channel count.

Source: mid/side arithmetic: every channel moves towards the mean of all. Unit: share of the way; 1
is mono on all channels. When not to use: on one channel, which stays as it is.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["MonoMix"]


class MonoMix(Attack):
    """x + strength · (mean - x)."""

    unit: ClassVar[str] = "share"
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75, 1.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        if samples.shape[0] == 1:
            return samples
        mean = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        share = np.float32(strength)
        return np.asarray((1 - share) * samples + share * mean, dtype=np.float32)
