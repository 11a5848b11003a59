# SPDX-License-Identifier: MIT
"""A spectrum before a network of raw samples, so that its relevance has Hz as well as seconds.

Source: Vielhaben, Lapuschkin, Montavon and Samek, "Explainable AI for time series via virtual
inspection layers", Pattern Recognition 2024. The inverse short-time Fourier transform is a linear
layer; put before the network, it changes no logit, and what the network gives the samples is handed
on to real and imaginary parts of the spectrum. Not a picture: values are complex parts, no levels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unsung.relevance.rules import Fixed
from unsung.types import FloatArray

__all__ = ["N_FFT", "InverseSpectrum", "ThroughSpectrum", "axes", "spectrum"]

N_FFT, HOP = 1024, 256
"""At 16 kHz 16 Hz and 64 ms: between notes and onsets."""


class InverseSpectrum(Fixed):
    """Shape: ``[window, 2, freq, frame]`` (real, imaginary) → ``[window, 1, 1, time]``."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.window: Tensor

    def forward(self, parts: Tensor) -> Tensor:
        """Return the sound."""
        turned = torch.complex(parts[:, 0].contiguous(), parts[:, 1].contiguous())
        sound = torch.istft(turned, N_FFT, HOP, window=self.window, length=self.length)
        return sound[:, None, None]


class ThroughSpectrum(torch.nn.Module):
    """The inverse transform, then the network; ``inverted`` are the inputs that are raw samples."""

    def __init__(
        self,
        module: torch.nn.Module,
        call: Callable[..., Tensor],
        lengths: dict[int, int],
    ) -> None:
        super().__init__()
        self.module, self._call = module, call
        self.inverted = torch.nn.ModuleDict(
            {str(place): InverseSpectrum(length) for place, length in lengths.items()}
        )

    def forward(self, *pictures: Tensor) -> Tensor:
        """Score pictures of single windows."""
        parts = [
            self.inverted[str(i)](p) if str(i) in self.inverted else p
            for i, p in enumerate(pictures)
        ]
        return self._call(*parts)


def spectrum(sound: FloatArray) -> FloatArray:
    """Transform raw pictures. Shape: ``[window, 1, 1, time]`` → ``[window, 2, freq, frame]``."""
    samples = torch.from_numpy(np.ascontiguousarray(sound[:, 0, 0], np.float32))
    found = torch.stft(samples, N_FFT, HOP, window=torch.hann_window(N_FFT), return_complex=True)
    return np.asarray(torch.stack([found.real, found.imag], 1).numpy(), np.float32)


def axes(length: int, rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Hz of the bins and seconds of the frames of a window."""
    freqs = np.arange(N_FFT // 2 + 1) * rate_hz / N_FFT
    return freqs, np.arange(length // HOP + 1) * HOP / rate_hz
