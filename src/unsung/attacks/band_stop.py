# SPDX-License-Identifier: MIT
"""Takes one band out: a Butterworth band-stop as wide as its centre frequency.

Source: audiomentations ``BandStopFilter`` as used by wimu-sonics ("mask f Hz"): bandwidth f, first
order (6 dB an octave), upper edge kept below half the sample rate. Unit: Hz, the centre. A higher
centre removes more hertz, hence the order of strengths. When not to use: centres whose lower edge
lies above half the sample rate, which change nothing.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._filters import NYQUIST_MARGIN, butterworth, filtered
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["BandStop"]


class BandStop(Attack):
    """A forward band-stop from f·(1 - share/2) to f·(1 + share/2)."""

    unit: ClassVar[str] = "Hz"
    strengths: ClassVar[tuple[float, ...]] = (
        *(10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 200.0, 400.0, 600.0, 800.0),
        *(1000.0, 2000.0, 4000.0, 6000.0, 8000.0, 10000.0, 15000.0),
    )
    default: ClassVar[float] = 1000.0
    limits: ClassVar[tuple[float, float] | None] = (5.0, 48000.0)

    def __init__(self, bandwidth_share: float = 1.0, rolloff_db_per_octave: int = 6) -> None:
        self.bandwidth_share = bandwidth_share
        self.rolloff_db_per_octave = rolloff_db_per_octave

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        highest_hz = NYQUIST_MARGIN * sample_rate_hz / 2
        low_hz = strength * (1 - self.bandwidth_share / 2)
        high_hz = min(strength * (1 + self.bandwidth_share / 2), highest_hz)
        if low_hz >= high_hz:
            return samples
        edges_hz = (low_hz, high_hz)
        return filtered(
            butterworth("bandstop", edges_hz, self.rolloff_db_per_octave, sample_rate_hz), samples
        )
