# SPDX-License-Identifier: MIT
"""Plays the clip faster or slower at the same pitch.

Source: phase-locked vocoder (Laroche and Dolson 1999) with attacks kept in place; rates of
wimu-sonics (0.5 to 3) and Deezer (0.8 to 1.2). Unit: playback rate; 2 is twice as fast and half as
long. When not to use: as a turntable; take ``speed``.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._stretch import stretch
from unsung.attacks.base import Attack
from unsung.types import FloatArray, fit_length

__all__ = ["TimeStretch"]


class TimeStretch(Attack):
    """Length divided by `strength`, pitch kept."""

    unit: ClassVar[str] = "x"
    strengths: ClassVar[tuple[float, ...]] = (1.05, 1.1, 0.9, 1.2, 0.75, 1.5, 2.0, 0.5, 3.0)
    default: ClassVar[float] = 1.1
    limits: ClassVar[tuple[float, float] | None] = (0.25, 4.0)

    def time_scale(self, strength: float) -> float:
        """Return 1 / rate."""
        return 1.0 / self.check(strength)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        length = max(1, round(samples.shape[1] / strength))
        return fit_length(stretch(samples, sample_rate_hz, 1 / strength), length)
