# SPDX-License-Identifier: MIT
"""Adds white Gaussian noise at a chosen distance below the music's own level.

Source: audiomentations ``AddGaussianSNR``; lofcz trained with 30 to 50 dB. Unit: dB between the
clip's root mean square (all channels) and the noise's. When not to use: on silence, which stays
silence.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["NoiseSnr"]


class NoiseSnr(Attack):
    """White noise `strength` dB below the clip's root mean square."""

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (50.0, 40.0, 30.0, 20.0, 10.0, 5.0, 0.0)
    default: ClassVar[float] = 30.0
    limits: ClassVar[tuple[float, float] | None] = (-20.0, 120.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz
        rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
        noise = np.random.default_rng(seed).standard_normal(samples.shape, dtype=np.float32)
        return samples + np.float32(rms * 10 ** (-strength / 20)) * noise
