# SPDX-License-Identifier: MIT
"""Plays the clip faster or slower at the same pitch, by the plain phase vocoder of most scripts.

Source: Flanagan and Golden (1966) as in common Python libraries: transforms of 2048 samples every
512, magnitudes interpolated between frames, every bin's phase advanced by its own measured step,
no locking to neighbours. Against ``time_stretch`` it blurs attacks, keeps faint steady lines where
they are, and leaves lines of its own at multiples of rate / 512 (86 Hz at 44.1 kHz), much like a
decoder's: a hazard for human music. Unit: playback rate. When not to use: for a good sound.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unsung.attacks.base import Attack
from unsung.types import FloatArray, fit_length

__all__ = ["VocoderStretch"]

_SIZE = 2048
_HOP = 512


class VocoderStretch(Attack):
    """Length divided by `strength`, pitch kept, phases of neighbouring bins left to drift."""

    unit: ClassVar[str] = "x"
    strengths: ClassVar[tuple[float, ...]] = (1.05, 1.1, 0.9, 1.2, 0.75, 1.5, 2.0, 0.5)
    default: ClassVar[float] = 1.1
    limits: ClassVar[tuple[float, float] | None] = (0.25, 4.0)

    def time_scale(self, strength: float) -> float:
        """Return 1 / rate."""
        return 1.0 / self.check(strength)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        length = max(1, round(samples.shape[1] / strength))
        return np.stack([_stretch(channel, strength, length) for channel in samples])


def _stretch(sound: FloatArray, rate: float, length: int) -> FloatArray:
    """Stretch one channel. Shape: ``[time]`` → ``[length]``."""
    window = np.hanning(_SIZE + 1)[:-1]
    padded = np.pad(sound.astype(np.float64), (_SIZE // 2, _SIZE // 2 + _SIZE))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP]
    spectra = scipy.fft.rfft(frames * window, axis=1)  # [frame, bin]
    spectra = np.concatenate([spectra, np.zeros((2, spectra.shape[1]))])
    places = np.arange(0, len(spectra) - 2, rate)
    lower = places.astype(int)
    share = (places - lower)[:, None]
    size = (1 - share) * np.abs(spectra[lower]) + share * np.abs(spectra[lower + 1])
    expected = 2 * np.pi * _HOP * np.arange(spectra.shape[1]) / _SIZE
    step = np.angle(spectra[lower + 1]) - np.angle(spectra[lower]) - expected
    step = step - 2 * np.pi * np.round(step / (2 * np.pi)) + expected
    phase = np.angle(spectra[0]) + np.concatenate([np.zeros((1, step.shape[1])), step[:-1]]).cumsum(
        0
    )
    return _overlap(size * np.exp(1j * phase), window, length)


def _overlap(
    spectra: NDArray[np.complex128], window: NDArray[np.float64], length: int
) -> FloatArray:
    """Add overlapping frames, divided by the windows' sum of squares."""
    total = np.zeros((len(spectra) - 1) * _HOP + _SIZE)
    weight = np.zeros_like(total)
    for index, frame in enumerate(scipy.fft.irfft(spectra, _SIZE, axis=1)):
        at = slice(index * _HOP, index * _HOP + _SIZE)
        total[at] += frame * window
        weight[at] += window * window
    total /= np.maximum(weight, 0.1)
    fitted: FloatArray = fit_length(total[None, _SIZE // 2 :].astype(np.float32), length)[0]
    return fitted
