# SPDX-License-Identifier: MIT
"""Removes the bass: a Butterworth high-pass.

Source: audiomentations ``HighPassFilter`` as used by wimu-sonics (100, 1000 and 4000 Hz), with the
steepness fixed instead of drawn on each call. Unit: Hz, the -3 dB point. When not to use: above
half the clip's sample rate, where the cut-off is moved just below it and hardly anything is left.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._filters import NYQUIST_MARGIN, butterworth, filtered
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["HighPass"]


class HighPass(Attack):
    """A forward Butterworth high-pass."""

    unit: ClassVar[str] = "Hz"
    strengths: ClassVar[tuple[float, ...]] = (30.0, 100.0, 500.0, 1000.0, 2000.0, 4000.0)
    default: ClassVar[float] = 1000.0
    limits: ClassVar[tuple[float, float] | None] = (1.0, 20000.0)

    def __init__(self, rolloff_db_per_octave: int = 24) -> None:
        self.rolloff_db_per_octave = rolloff_db_per_octave

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        cutoff_hz = min(strength, NYQUIST_MARGIN * sample_rate_hz / 2)
        return filtered(
            butterworth("highpass", cutoff_hz, self.rolloff_db_per_octave, sample_rate_hz), samples
        )
