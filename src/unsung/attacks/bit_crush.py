# SPDX-License-Identifier: MIT
"""Fewer amplitude steps, without dither: quantisation noise that follows the music.

Source: audiomentations ``BitCrush`` as in wimu-sonics: q = 2^b / 2 + 1, round(x·q) / q for b = 10
down to 2. Unit: bits. When not to use: to model an 8-bit converter, which clips at full scale.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["BitCrush"]


class BitCrush(Attack):
    """round(x·q) / q with q = 2^bits / 2 + 1."""

    unit: ClassVar[str] = "bits"
    strengths: ClassVar[tuple[float, ...]] = (12.0, 10.0, 8.0, 6.0, 4.0, 2.0)
    default: ClassVar[float] = 8.0
    limits: ClassVar[tuple[float, float] | None] = (1.0, 24.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        steps = 2**strength / 2 + 1
        return (np.round(samples.astype(np.float64) * steps) / steps).astype(np.float32)
