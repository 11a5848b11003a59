# SPDX-License-Identifier: MIT
"""Pitch that wavers: a delay line whose length swings, read by straight lines.

Source: wimu-sonics: index n + m·sr·sin(2π·f·n / sr), linear interpolation, clipped to the clip; f =
4, 8 and 16 Hz, m = 0.5 or 1 ms. Unit: Hz of the wavering; pitch swings by ±2π·f·m, 1.3 % at 4 Hz
and 0.5 ms. When not to use: for a steady shift; take ``pitch_shift``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Vibrato"]


class Vibrato(Attack):
    """Reads the clip at n + depth·sr·sin(2π·strength·n / sr)."""

    unit: ClassVar[str] = "Hz"
    strengths: ClassVar[tuple[float, ...]] = (1.0, 4.0, 8.0, 16.0)
    default: ClassVar[float] = 4.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 50.0)

    def __init__(self, depth_s: float = 0.0005) -> None:
        self.depth_s = depth_s

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        n = np.arange(samples.shape[1])
        swing = self.depth_s * sample_rate_hz * np.sin(2 * np.pi * strength * n / sample_rate_hz)
        rows = (np.interp(n + swing, n, row) for row in samples)
        return np.stack(list(rows)).astype(np.float32)
