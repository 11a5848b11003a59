# SPDX-License-Identifier: MIT
"""Fades the clip in and out, as every editor does.

Source: half-cosine ramps. Unit: seconds for each ramp; at most half the clip. When not to use: to
silence the middle; take ``time_mask``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Fade"]


class Fade(Attack):
    """Half-cosine ramps at both ends."""

    unit: ClassVar[str] = "s"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.5, 1.0, 2.0, 5.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 60.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        n = samples.shape[1]
        length = min(n // 2, round(strength * sample_rate_hz))
        ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(1, length))
        envelope = np.ones(n, dtype=np.float32)
        envelope[:length] = ramp
        envelope[n - length :] = ramp[::-1]
        return samples * envelope
