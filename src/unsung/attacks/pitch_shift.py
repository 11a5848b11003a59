# SPDX-License-Identifier: MIT
"""Transposes the clip at the same length: the attack that moves every spectral line.

Source: phase-locked vocoder (Laroche and Dolson 1999) followed by soxr's HQ resampler; ±1 to ±8
semitones as in wimu-sonics (which used another stretcher), ±1 and ±2 as in Deezer's test. Unit:
semitones, negative is down. When not to use: to keep formants; voices change character.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import soxr

from unsung.attacks._stretch import stretch
from unsung.attacks.base import Attack
from unsung.types import FloatArray, fit_length

__all__ = ["PitchShift"]


class PitchShift(Attack):
    """Stretches by 2^(strength / 12), then plays that much faster."""

    unit: ClassVar[str] = "semitones"
    strengths: ClassVar[tuple[float, ...]] = (
        *(-0.5, 0.5, -1.0, 1.0, -2.0, 2.0, -4.0, 4.0, -6.0, 6.0, -8.0, 8.0),
    )
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (-12.0, 12.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        factor = 2 ** (strength / 12)
        longer = stretch(samples, sample_rate_hz, factor)
        out = soxr.resample(np.ascontiguousarray(longer.T), factor, 1.0, "HQ")
        return fit_length(np.asarray(out, dtype=np.float32).T, samples.shape[1])
