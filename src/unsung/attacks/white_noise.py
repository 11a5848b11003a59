# SPDX-License-Identifier: MIT
"""Adds white Gaussian noise of a fixed amplitude, whatever the music's level.

Source: audiomentations ``AddGaussianNoise`` as in wimu-sonics: x + A·N(0, 1); Deezer used A = 0.01.
Unit: the standard deviation, full scale = 1. When not to use: for clips of unequal loudness, where
``noise_snr`` is the fairer test.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["WhiteNoise"]


class WhiteNoise(Attack):
    """x + strength · N(0, 1), independent in each channel."""

    unit: ClassVar[str] = "of full scale"
    strengths: ClassVar[tuple[float, ...]] = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
    default: ClassVar[float] = 0.01
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz
        noise = np.random.default_rng(seed).standard_normal(samples.shape, dtype=np.float32)
        return samples + np.float32(strength) * noise
