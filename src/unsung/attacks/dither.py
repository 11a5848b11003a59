# SPDX-License-Identifier: MIT
"""Fewer amplitude steps with dither: a noise floor that no longer follows the music.

Source: triangular dither of two steps' width before rounding (Lipshitz, Wannamaker, Vanderkooy,
"Quantization and Dither", JAES 1992). Its noise, 1/4 step² in all, covers faint lines. Unit: bits;
16 puts the floor at -96 dB below full scale, minus 6 dB a bit. When not to use: for undithered
converters; take ``bit_crush``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Dither"]


class Dither(Attack):
    """round(x / q + triangular noise) · q with q = 2^(1 - bits)."""

    unit: ClassVar[str] = "bits"
    strengths: ClassVar[tuple[float, ...]] = (16.0, 14.0, 12.0, 10.0, 8.0, 6.0)
    default: ClassVar[float] = 12.0
    limits: ClassVar[tuple[float, float] | None] = (2.0, 24.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz
        rng, step = np.random.default_rng(seed), 2.0 ** (1 - strength)
        noise = rng.random(samples.shape) - rng.random(samples.shape)  # triangular within ±1
        return np.asarray(np.round(samples / step + noise) * step, dtype=np.float32)
