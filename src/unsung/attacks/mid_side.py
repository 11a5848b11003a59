# SPDX-License-Identifier: MIT
"""Widens or narrows the stereo image; the mono sum stays as it is.

Source: mid/side arithmetic: the difference of every channel from the mean of all is scaled. Unit:
dB on the side; negative narrows. When not to use: on one channel, which stays as it is; for full
mono take ``mono_mix``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["MidSide"]


class MidSide(Attack):
    """mean + 10^(strength / 20) · (x - mean)."""

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (-3.0, 3.0, -6.0, 6.0, -12.0, 12.0)
    default: ClassVar[float] = 6.0
    limits: ClassVar[tuple[float, float] | None] = (-120.0, 24.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        if samples.shape[0] == 1:
            return samples
        mean = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        return np.asarray(mean + np.float32(10 ** (strength / 20)) * (samples - mean), np.float32)
