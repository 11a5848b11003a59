# SPDX-License-Identifier: MIT
"""A telephone line: 300 to 3400 Hz, 8000 samples a second, eight logarithmic bits.

Source: ITU-T G.712 (pass band) and G.711 (µ-law, here its continuous formula with µ = 255 and 127
steps each side). Unit: share of telephone sound in the mix; 1 is the line alone. When not to use:
for mobile speech codecs, which model a voice; chain ``opus`` at a low rate instead.
"""

from __future__ import annotations

import functools
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from unsung.attacks.base import Attack
from unsung.audio.resample import resample
from unsung.types import FloatArray, fit_length

__all__ = ["PhoneBand"]

_RATE_HZ, _BAND_HZ, _TAPS = 8000, (300.0, 3400.0), 255  # 255 taps: edges about 100 Hz wide
_MU, _STEPS = 255.0, 127.0
_SHORTEST = 64  # samples; less than one sample at 8 kHz cannot pass a resampler


class PhoneBand(Attack):
    """(1 - strength) · x + strength · line(x), in step with the input."""

    unit: ClassVar[str] = "share"
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75, 0.9, 1.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        n = samples.shape[1]
        peak = max(1.0, float(np.abs(samples).max()))  # the line clips at full scale
        narrow = resample(fit_length(samples, max(n, _SHORTEST)), sample_rate_hz, _RATE_HZ)
        narrow = signal.oaconvolve(narrow / peak, _taps()[None], mode="same", axes=-1)
        coded = (_companded(narrow) * peak).astype(np.float32)
        line = fit_length(resample(coded, _RATE_HZ, sample_rate_hz), n)
        share = np.float32(strength)
        return np.asarray((1 - share) * samples + share * line, dtype=np.float32)


def _companded(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    level = np.log1p(_MU * np.minimum(np.abs(samples), 1.0)) / np.log1p(_MU)
    level = np.round(level * _STEPS) / _STEPS
    return np.asarray(np.sign(samples) * np.expm1(level * np.log1p(_MU)) / _MU, dtype=np.float64)


@functools.cache
def _taps() -> FloatArray:
    taps = signal.firwin(_TAPS, _BAND_HZ, pass_zero=False, fs=_RATE_HZ)
    return np.asarray(taps, dtype=np.float32)
