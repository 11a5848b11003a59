# SPDX-License-Identifier: MIT
"""Mel magnitudes and back by pseudo-inverse and Griffin-Lim: Deezer's "GriffinMel".

Afchar et al., "AI-Generated Music Detection and its Challenges", 2025: transform of 17 640 points
(0.4 s), hop 441, window 4410, amplitudes, 256 or 512 HTK mel bands over the whole band, inversion
by the pseudo-inverse of the mel matrix, 32 rounds of Griffin-Lim at 44.1 kHz. Not neural and
without strides: a control for detectors that hear vocoding rather than decoders. Units: Hz.
When not to use: on hours of music without time to spare; it runs at about real time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import numpy as np

from unsung.frontends.log_mel import LogMel, mel_filters
from unsung.synthesis.resynthesis._phase import Stft, faded, griffin_lim
from unsung.synthesis.resynthesis.base import Resynthesis
from unsung.types import FloatArray

__all__ = ["GriffinLimMel"]

_STFT = Stft(n_fft=17640, hop=441, win=4410)
_ROUNDS, _RATE_HZ = 32, 44100
_CHUNK, _FADE = 10 * _RATE_HZ, _RATE_HZ // 20


class GriffinLimMel(Resynthesis):
    """Griffin-Lim from 256 or 512 mel bands; the seed draws the first phase."""

    settings: ClassVar[tuple[str, ...]] = ("256", "512")
    source: ClassVar[str] = "Afchar et al., AI-Generated Music Detection and its Challenges, 2025"
    sample_rate_hz = _RATE_HZ

    def _run(self, samples: FloatArray) -> FloatArray:
        bank, inverse = _matrices(int(self.setting))
        rng = np.random.default_rng(self.seed)

        def piece(x: FloatArray) -> FloatArray:
            mel = np.abs(_STFT.forward(x)) @ bank.T
            magnitude = np.maximum(mel @ inverse.T, 0).astype(np.float32)
            return griffin_lim(magnitude, _STFT, len(x), _ROUNDS, rng)

        return faded(samples[0], piece, _CHUNK, _FADE)[None]


@lru_cache(maxsize=2)
def _matrices(bands: int) -> tuple[FloatArray, FloatArray]:
    """Return the mel matrix and its pseudo-inverse, ``[band, bin]`` and ``[bin, band]``."""
    front_end = LogMel(
        sample_rate_hz=_RATE_HZ, n_fft=_STFT.n_fft, n_mels=bands, low_hz=0.0, high_hz=_RATE_HZ / 2
    )
    bank = mel_filters(front_end)
    return bank, np.linalg.pinv(bank).astype(np.float32)
