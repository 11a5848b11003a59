# SPDX-License-Identifier: MIT
"""The torch engines of `raw` and `stft`: the same pictures, with gradients."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.frontends.raw import Raw
from unsung.frontends.stft import (
    CEILING,
    COMPLEX_SPREAD,
    FLOOR,
    LEVEL_MEAN,
    LEVEL_SPREAD,
    SMALLEST,
    Stft,
    window,
)

__all__ = ["RawModule", "StftModule"]


class RawModule(torch.nn.Module):
    """Torch twin of `Raw`. Shape: ``[batch, time]`` → ``[batch, 1, 1, time]``."""

    def __init__(self, front_end: Raw) -> None:
        super().__init__()
        self.front_end = front_end

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        if self.front_end.standardise:
            spread = samples.double().std(dim=1, keepdim=True, correction=0).to(samples.dtype)
            samples = samples / spread.clamp_min(self.front_end.smallest)
        return samples[:, None, None] / self.front_end.divisor


class StftModule(torch.nn.Module):
    """Torch twin of `Stft`. Shape: ``[batch, time]`` → ``[batch, channel, freq, frame]``."""

    window: Tensor

    def __init__(self, front_end: Stft) -> None:
        super().__init__()
        self.front_end = front_end
        self.register_buffer("window", torch.from_numpy(window(front_end.n_fft)))

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        f = self.front_end
        short = max(0, f.n_fft - samples.shape[-1])
        frames = nnf.pad(samples.double(), (0, short)).unfold(-1, f.n_fft, f.hop)
        spectrum = torch.fft.rfft(frames * self.window.double())[..., : f.n_bins]
        spectrum = spectrum.transpose(1, 2)
        return torch.stack(self._channels(spectrum), 1).to(samples.dtype)

    def _channels(self, spectrum: Tensor) -> list[Tensor]:
        kind = self.front_end.kind
        if kind == "complex":
            return [spectrum.real / COMPLEX_SPREAD, spectrum.imag / COMPLEX_SPREAD]
        power = spectrum.real.square() + spectrum.imag.square()
        level = (power.clamp(FLOOR, CEILING).log10() - LEVEL_MEAN) / LEVEL_SPREAD
        if kind == "amplitude":
            return [level]
        sounding = power > SMALLEST
        size = power.clamp_min(SMALLEST).sqrt()
        angle = [
            torch.where(sounding, spectrum.real / size, 1.0),
            torch.where(sounding, spectrum.imag / size, 0.0),
        ]
        return angle if kind == "phase" else [level, *angle]
