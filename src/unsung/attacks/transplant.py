# SPDX-License-Identifier: MIT
"""Takes one band of the spectrum from a second clip: hides or imports what lives up there.

Source: "spectrogram transplant" of wimu-sonics: frames of 2048 samples every 512, bins from 5 to 8
kHz replaced by those of another clip. Unit: Hz, the lower edge of the band; lower is harsher. When
not to use: at low sample rates, where the band does not exist.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import signal

from unsung.attacks._mixing import fitted
from unsung.attacks.base import Attack, needed_partner
from unsung.types import Clip, FloatArray, fit_length

__all__ = ["Transplant"]

_SIZE, _HOP = 2048, 512


class Transplant(Attack):
    """Replaces the bins from `strength` up to `high_hz`.

    Args:
        partner: the second clip, at any rate and length.
        high_hz: upper edge of the band.
    """

    unit: ClassVar[str] = "Hz"
    strengths: ClassVar[tuple[float, ...]] = (7500.0, 7000.0, 6000.0, 5000.0, 3000.0, 1000.0)
    default: ClassVar[float] = 5000.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 96000.0)
    needs_partner: ClassVar[bool] = True

    def __init__(self, partner: Clip | None = None, high_hz: float = 8000.0) -> None:
        self.partner = partner
        self.high_hz = high_hz

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        channels, n = samples.shape
        partner = needed_partner(self, self.partner)
        length = max(n, _SIZE)
        own, other = (
            signal.stft(x, nperseg=_SIZE, noverlap=_SIZE - _HOP)[2]  # [channel, bin, frame]
            for x in (
                fit_length(samples, length),
                fitted(partner, channels, length, sample_rate_hz),
            )
        )
        hz = np.fft.rfftfreq(_SIZE, 1 / sample_rate_hz)
        band = (hz >= strength) & (hz < self.high_hz)
        own[:, band] = other[:, band]
        back = signal.istft(own, nperseg=_SIZE, noverlap=_SIZE - _HOP)[1]
        return fit_length(np.asarray(back, dtype=np.float32), n)
