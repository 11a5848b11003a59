# SPDX-License-Identifier: MIT
"""Torch engines of the cepstral front ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.frontends._cepstra import SLOPES, Slope, cosine_matrix
from unsung.frontends._torch import LogMelModule

if TYPE_CHECKING:
    from unsung.frontends.lfcc import Lfcc
    from unsung.frontends.mfcc import Mfcc

__all__ = ["LfccModule", "MfccModule", "slopes"]


def slopes(static: Tensor, orders: int, slope: Slope) -> Tensor:
    """Torch twin of `with_slopes`: ``[batch, coefficient, frame]`` → ``[batch, 1+orders, ...]``."""
    weights = SLOPES[slope]
    reach, n_frames = len(weights) // 2, static.shape[-1]
    channels = [static]
    for _ in range(orders):
        padded = nnf.pad(channels[-1], (reach, reach), mode="replicate")
        parts = [w * padded[..., i : i + n_frames] for i, w in enumerate(weights) if w]
        channels.append(torch.stack(parts).sum(0))
    return torch.stack(channels, dim=1)


class LfccModule(torch.nn.Module):
    """Torch twin of `Lfcc`. Shape: ``[batch, time]`` → ``[batch, order, row, frame]``."""

    window: Tensor
    filters: Tensor
    cosines: Tensor

    def __init__(self, front_end: Lfcc) -> None:
        super().__init__()
        self.front_end = front_end
        cosines = cosine_matrix(front_end.n_coefficients, front_end.n_filters)
        for name, values in (
            ("window", front_end.padded_window),
            ("filters", front_end.filters),
            ("cosines", cosines),
        ):
            self.register_buffer(name, torch.from_numpy(values.copy()))

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        f = self.front_end
        if f.pre_emphasis:
            samples = samples - f.pre_emphasis * nnf.pad(samples[:, :-1], (1, 0))
        half = f.n_fft // 2
        padded = nnf.pad(samples, (half, half), mode=f.border)
        spectrum = torch.fft.rfft(padded.unfold(-1, f.n_fft, f.hop) * self.window)
        spectrum = spectrum[..., : f.n_bins].transpose(1, 2)
        power = spectrum.real.square() + spectrum.imag.square()  # [batch, bin, frame]
        static = self.cosines @ self._log(self.filters @ power)
        if f.energy_first:
            energy = self._log(power.sum(1, keepdim=True) / f.n_fft)
            static = torch.cat([energy, static[:, 1:]], dim=1)
        return slopes(static, f.slope_orders, f.slope)

    def _log(self, power: Tensor) -> Tensor:
        raised = power + self.front_end.floor
        return raised.log() if self.front_end.logarithm == "ln" else raised.log10()


class MfccModule(torch.nn.Module):
    """Torch twin of `Mfcc`. Shape: ``[batch, time]`` → ``[batch, order, row, frame]``."""

    cosines: Tensor

    def __init__(self, front_end: Mfcc) -> None:
        super().__init__()
        self.front_end = front_end
        self.mel = LogMelModule(front_end.mel)
        cosines = cosine_matrix(front_end.n_coefficients, front_end.n_mels)
        self.register_buffer("cosines", torch.from_numpy(cosines))

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        static = self.cosines @ self.mel(samples)[:, 0]
        return slopes(static, self.front_end.slope_orders, self.front_end.slope)
