# SPDX-License-Identifier: MIT
"""Removes the treble: a Butterworth low-pass.

Source: audiomentations ``LowPassFilter`` as used by wimu-sonics (cut-offs 4 to 7.75 kHz), with the
steepness fixed instead of drawn from {12, 18, 24} dB an octave on each call. Unit: Hz, the -3 dB
point. When not to use: to model a codec's brick wall; take ``resample_round_trip`` for that.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._filters import NYQUIST_MARGIN, butterworth, filtered
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["LowPass"]


class LowPass(Attack):
    """A forward Butterworth low-pass; at or above half the sample rate it changes nothing."""

    unit: ClassVar[str] = "Hz"
    strengths: ClassVar[tuple[float, ...]] = (
        *(16000.0, 12000.0, 10000.0, 7750.0, 7500.0, 7000.0, 6000.0, 5000.0, 4000.0),
    )
    default: ClassVar[float] = 4000.0
    limits: ClassVar[tuple[float, float] | None] = (20.0, 96000.0)

    def __init__(self, rolloff_db_per_octave: int = 24) -> None:
        self.rolloff_db_per_octave = rolloff_db_per_octave

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        if strength >= NYQUIST_MARGIN * sample_rate_hz / 2:
            return samples
        return filtered(
            butterworth("lowpass", strength, self.rolloff_db_per_octave, sample_rate_hz), samples
        )
