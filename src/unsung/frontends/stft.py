# SPDX-License-Identifier: MIT
"""Short-time Fourier transform on linear bins: complex, log-amplitude, phase or polar.

Source of the settings: D. Afchar, G. Meseguer-Brocal, R. Hennequin, "AI-generated music detection
and its challenges", ICASSP 2025; preset "deezer". Levels are log10 of the power (not decibels),
then ``(level + 4) / 3``. Not for long clips: nothing is averaged, a picture of 10 s at 44.1 kHz
holds 600 000 values a channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unsung.errors import UnknownName, UsageError
from unsung.frontends._spectral import frame_count
from unsung.frontends.base import FrontEnd
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["KINDS", "SMALLEST", "Stft", "window"]

Kind = Literal["complex", "amplitude", "phase", "polar"]
KINDS = ("complex", "amplitude", "phase", "polar")
LEVEL_MEAN, LEVEL_SPREAD, COMPLEX_SPREAD = -4.0, 3.0, 3.0
"""Published normalisation: of log10 power, and of real and imaginary parts."""
FLOOR, CEILING = 1e-10, 1e6
"""Published limits of the power before its logarithm."""
SMALLEST = 1e-24
"""Power below which a bin is silent and its phase is called 0."""


@dataclass(frozen=True)
class Stft(FrontEnd):
    """Spectrum of Hann-windowed frames without padding at the ends.

    Shape: ``[batch, time]`` → ``[batch, channel, freq, frame]``,
    ``frame = (time - n_fft) // hop + 1`` (a shorter clip is padded to one frame). Channels:
    complex (real, imaginary), amplitude (1), phase (cosine, sine), polar (amplitude, cosine, sine).

    Both engines work in double precision: single precision cannot tell the phase of a bin that
    lies 100 dB below the loudest.

    Args:
        kind: "complex", "amplitude", "phase" or "polar".
        n_fft: length of the periodic Hann window and of the transform in samples.
        hop: samples between frames.
        n_bins: bins kept from 0 Hz up; None keeps all.
    """

    sample_rate_hz: int = 44100
    kind: Kind = "amplitude"
    n_fft: int = 2048
    hop: int = 512
    n_bins: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName("kind of STFT", self.kind, KINDS)
        every = self.n_fft // 2 + 1
        if self.n_bins is not None and not 0 < self.n_bins <= every:
            raise UsageError(
                f"stft: expected n_bins from 1 to {every}, got {self.n_bins}; leave it out for all"
            )

    @classmethod
    def preset(cls, name: str, kind: Kind = "amplitude") -> Stft:
        """Return a published setting: "deezer" (44.1 kHz, bins up to 16 kHz)."""
        if name != "deezer":
            raise UnknownName("stft preset", name, ("deezer",))
        return cls(kind=kind, n_bins=int(1025 * 16000 * 2 / 44100))

    @property
    def channels(self) -> int:
        """Channels of the picture."""
        return {"complex": 2, "amplitude": 1, "phase": 2, "polar": 3}[self.kind]

    @property
    def hop_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.sample_rate_hz

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Frequency of each bin in Hz."""
        bins = self.n_bins or self.n_fft // 2 + 1
        return np.arange(bins) * self.sample_rate_hz / self.n_fft

    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Centre of each frame in seconds."""
        frames = np.arange(frame_count(n_samples, self.n_fft, self.hop))
        return (frames * self.hop + self.n_fft // 2) / self.sample_rate_hz

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        samples = self.checked(samples)
        short = max(0, self.n_fft - samples.shape[1])
        padded = np.pad(samples, ((0, 0), (0, short))).astype(np.float64)
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft, axis=1)
        spectrum = scipy.fft.rfft(frames[:, :: self.hop] * window(self.n_fft), axis=2)
        spectrum = spectrum[..., : self.n_bins].transpose(0, 2, 1)
        return np.stack(self._channels(spectrum), axis=1).astype(np.float32)

    def _channels(self, spectrum: NDArray[np.complex128]) -> list[NDArray[np.float64]]:
        if self.kind == "complex":
            return [spectrum.real / COMPLEX_SPREAD, spectrum.imag / COMPLEX_SPREAD]
        power = spectrum.real**2 + spectrum.imag**2
        level = (np.log10(np.clip(power, FLOOR, CEILING)) - LEVEL_MEAN) / LEVEL_SPREAD
        if self.kind == "amplitude":
            return [level]
        sounding = power > SMALLEST
        size = np.sqrt(np.maximum(power, SMALLEST))
        angle = [
            np.where(sounding, spectrum.real / size, 1.0),
            np.where(sounding, spectrum.imag / size, 0.0),
        ]
        return angle if self.kind == "phase" else [level, *angle]

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends import _torch_stft

        return _torch_stft.StftModule(self)


def window(length: int) -> NDArray[np.float64]:
    """Return the periodic Hann window in double precision. Shape: ``[length]``."""
    found: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
    return found
