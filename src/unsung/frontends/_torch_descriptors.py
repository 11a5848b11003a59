# SPDX-License-Identifier: MIT
"""Torch engine of the descriptors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.frontends._spectral import hann
from unsung.frontends.descriptors import ACTIVE_POWER, FLOOR, TINY, TOP_DB

if TYPE_CHECKING:
    from unsung.frontends.descriptors import Descriptors

__all__ = ["DescriptorsModule"]

_DB = 10.0 / math.log(10.0)


class DescriptorsModule(torch.nn.Module):
    """Torch twin of `Descriptors`. Shape: ``[batch, time]`` → ``[batch, 15, 1, 1]``."""

    window: Tensor
    bins_hz: Tensor
    bank: Tensor
    cosines: Tensor

    def __init__(self, front_end: Descriptors) -> None:
        super().__init__()
        self.front_end = front_end
        window = torch.from_numpy(hann(front_end.n_fft)).double()
        self.register_buffer("window", window)
        names = ("bins_hz", "bank", "cosines")
        for name, values in zip(names, front_end.tables(), strict=True):
            self.register_buffer(name, torch.from_numpy(values))

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        f = self.front_end
        half = f.n_fft // 2
        padded = nnf.pad(samples.double(), (half, half), mode="reflect")
        frames = padded.unfold(-1, f.n_fft, f.hop)
        spectrum = torch.fft.rfft(frames * self.window)
        power = spectrum.real.square() + spectrum.imag.square()  # [batch, frame, bin]
        active = (frames.square().mean(-1, keepdim=True) > ACTIVE_POWER).double()
        magnitude = (power + TINY).sqrt()  # a root has no gradient at zero
        centroid = magnitude @ self.bins_hz / (magnitude.sum(-1) + TINY)
        mel = power @ self.bank.T
        share = mel / (mel.sum(-1, keepdim=True) + TINY)
        entropy = -(share * (share + TINY).log()).sum(-1)
        level = _DB * mel.clamp_min(FLOOR).log()
        level = torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - TOP_DB)
        every = torch.cat([centroid[..., None], entropy[..., None], level @ self.cosines.T], -1)
        mean = (every * active).sum(1) / active.sum(1).clamp_min(1.0)
        return mean[..., None, None].float()
