# SPDX-License-Identifier: MIT
"""Turns every phase of the sound at random: what is left when only the mean spectrum speaks.

Source: phase randomisation as in surrogate data (Theiler et al., Physica D 1992): one transform
over the whole clip, magnitudes kept, so every steady line stays where and as high as it is, while
onsets, rhythm and melody go. All channels turn alike. With ``frame_s`` the phases of short frames
are turned instead: the melody stays, lines finer than a frame go. Unit: share of half a turn; 1 is
every phase. When not to use: as a model of anything that happens to music.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.fft
import scipy.signal

from unsung.attacks.base import Attack
from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["PhaseScramble"]

_OVERLAP = 4
_SHORTEST = 16  # samples of a frame


class PhaseScramble(Attack):
    """Adds to each phase an angle up to `strength` half turns, either way.

    Args:
        frame_s: length of the frames whose phases are turned; 0 takes the whole clip as one.
    """

    unit: ClassVar[str] = "half turns"
    strengths: ClassVar[tuple[float, ...]] = (0.005, 0.02, 0.1, 0.25, 0.5, 1.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    seeded: ClassVar[bool] = True

    def __init__(self, frame_s: float = 0.0) -> None:
        if frame_s < 0:
            raise UsageError(f"phase_scramble: expected frame_s from 0 s, got {frame_s:g}")
        self.frame_s = frame_s

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        rng, n = np.random.default_rng(seed), samples.shape[1]
        size = min(round(self.frame_s * sample_rate_hz), n)
        if size < _SHORTEST:
            spectrum = scipy.fft.rfft(samples, axis=1)
            turns = _turns(rng, spectrum.shape[1:], strength)
            turns[0] = 1.0  # a constant has no phase
            return np.asarray(scipy.fft.irfft(spectrum * turns, n, axis=1), np.float32)
        size += -size % _OVERLAP
        overlap = size - size // _OVERLAP
        *_, frames = scipy.signal.stft(samples, nperseg=size, noverlap=overlap)
        turned = frames * _turns(rng, frames.shape[1:], strength)
        _, back = scipy.signal.istft(turned, nperseg=size, noverlap=overlap)
        out = np.zeros_like(samples)
        length = min(n, back.shape[1])
        out[:, :length] = back[:, :length]
        return out


def _turns(
    rng: np.random.Generator, shape: tuple[int, ...], strength: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.complex64]]:
    angles = np.pi * strength * rng.uniform(-1.0, 1.0, shape)
    return np.asarray(np.exp(1j * angles), np.complex64)
