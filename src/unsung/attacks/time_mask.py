# SPDX-License-Identifier: MIT
"""Silences one stretch of the clip, with short fades at its edges.

Source: audiomentations ``TimeMask`` as in wimu-sonics: 15, 30 and 50 % of the length, random start,
linear fades of 0.1 s. Unit: share of the length. When not to use: to lengthen the clip; take
``silence_insertion``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["TimeMask"]


class TimeMask(Attack):
    """Multiplies a random stretch by zero; the fades lie inside the stretch."""

    unit: ClassVar[str] = "share"
    strengths: ClassVar[tuple[float, ...]] = (0.05, 0.15, 0.3, 0.5)
    default: ClassVar[float] = 0.15
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    seeded: ClassVar[bool] = True

    def __init__(self, fade_s: float = 0.1) -> None:
        self.fade_s = fade_s

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        n = samples.shape[1]
        length = round(n * strength)
        start = int(np.random.default_rng(seed).integers(0, n - length + 1))
        fade = min(length // 2, round(self.fade_s * sample_rate_hz))
        mask = np.zeros(length, dtype=np.float32)
        mask[:fade] = np.linspace(1, 0, fade)
        mask[length - fade :] = np.linspace(0, 1, fade)
        out = samples.copy()
        out[:, start : start + length] *= mask
        return out
