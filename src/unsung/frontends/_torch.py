# SPDX-License-Identifier: MIT
"""The torch engines of the front ends: the same pictures, with gradients, ready for export."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.frontends._running import hull_knots, hull_matrix
from unsung.frontends._spectral import hann
from unsung.frontends._steadiness import LOUDEST
from unsung.frontends.log_mel import LogMel
from unsung.frontends.residual_spectrum import (
    ACTIVE_POWER,
    SPREAD_FLOOR,
    ResidualSpectrum,
)

__all__ = ["LogMelModule", "ResidualSpectrumModule"]

_DB = 10.0 / math.log(10.0)


class LogMelModule(torch.nn.Module):
    """Torch twin of `LogMel`. Shape: ``[batch, time]`` → ``[batch, 1, n_mels, frame]``."""

    window: Tensor
    bank: Tensor

    def __init__(self, front_end: LogMel) -> None:
        super().__init__()
        self.front_end = front_end
        self.register_buffer("window", torch.from_numpy(hann(front_end.n_fft)))
        self.register_buffer("bank", torch.from_numpy(front_end.filters()))

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        f = self.front_end
        spectrum = torch.stft(
            samples,
            f.n_fft,
            f.hop,
            window=self.window,
            center=f.centre,
            pad_mode="reflect",
            return_complex=True,
        )
        power = spectrum.real.square() + spectrum.imag.square()
        level = 10.0 * torch.log10((self.bank @ power).clamp_min(f.floor))
        if f.top_db is not None:
            level = torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - f.top_db)
        if f.standardise:
            mean = level.mean(dim=(1, 2), keepdim=True)
            level = (level - mean) / (level.std(dim=(1, 2), keepdim=True) + 1e-6)
        return level[:, None]


class ResidualSpectrumModule(torch.nn.Module):
    """Torch twin of `ResidualSpectrum`.

    Shape: ``[batch, time]`` → ``[batch, channel, freq, 1]``.
    """

    window: Tensor

    def __init__(self, front_end: ResidualSpectrum) -> None:
        super().__init__()
        self.front_end = front_end
        self.register_buffer("window", torch.from_numpy(front_end.window))
        self.threshold = float(ACTIVE_POWER)
        if not front_end.unit_window:
            self.threshold *= float(torch.from_numpy(hann(front_end.n_fft)).square().sum())

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        f = self.front_end
        if f.centre:
            samples = nnf.pad(samples, (f.n_fft // 2, f.n_fft // 2), mode="reflect")
        if samples.shape[-1] < f.n_fft:
            samples = nnf.pad(samples, (0, f.n_fft - samples.shape[-1]))
        frames = samples.unfold(-1, f.n_fft, f.hop) * self.window
        spectrum = torch.fft.rfft(frames)[..., f.bins]
        power = spectrum.real.square() + spectrum.imag.square()  # [batch, frame, freq]
        loud = power.mean(-1, keepdim=True) > self.threshold
        active = (loud | f.keep_silence).to(power.dtype)
        level = _DB * power.clamp(f.floor, f.ceiling).log()
        count = active.sum(1).clamp_min(1.0)
        if f.envelope == "local":
            residual = self._local(level, spectrum, power, active, count)
        else:
            mean = ((level * active).double().sum(1) / count).to(level.dtype)
            lower = torch.stack([self._lower(mean, w) for w in f.widths], 1)
            residual = (mean[:, None] - lower).clamp(0.0, f.clip_db)
        if f.normalise == "peak":
            residual = residual / (residual.amax(-1, keepdim=True) + 1e-6)
        if f.normalise == "deviation":
            spread = residual.std(-1, keepdim=True, correction=0)
            residual = residual / (spread + float(SPREAD_FLOOR))
        return residual[..., None]

    def _local(
        self, level: Tensor, spectrum: Tensor, power: Tensor, active: Tensor, count: Tensor
    ) -> Tensor:
        f = self.front_end
        rests = torch.stack([_above(level, width) for width in f.widths], 1)
        clipped = rests.clamp(-f.clip_db, f.clip_db)
        parts = [(clipped * active[:, None]).sum(2) / count[:, None]]
        joined = active[:, 1:] * active[:, :-1]
        pairs = joined.sum(1).clamp_min(1.0)
        for name in f.statistics[1:]:
            if name == "persistence":
                wide = rests.clamp(-f.product_clip_db, f.product_clip_db)
                products = (wide[:, :, 1:] * wide[:, :, :-1] * joined[:, None]).sum(2)
                parts.append(products / pairs[:, None])
            else:
                amplitude = power.clamp(f.floor, f.ceiling).sqrt()
                around = amplitude - _above(amplitude, max(f.widths))
                even = spectrum * torch.minimum(1.0 / around, LOUDEST / amplitude)
                cross = (even[:, 1:] * even[:, :-1].conj() * joined).sum(1) / pairs
                steady = cross.abs()[:, None]
                parts.append(torch.cat([_above(steady, width) for width in f.widths], 1))
        return torch.cat(parts, 1)

    def _lower(self, mean: Tensor, width: int) -> Tensor:
        if self.front_end.envelope == "minimum":
            padded = nnf.pad(mean[:, None], (width // 2, width - 1 - width // 2), mode="replicate")
            lowest = -nnf.max_pool1d(-padded, width, stride=1)[:, 0]
            return lowest.clamp_min(self.front_end.envelope_floor_db)
        return torch.stack([self._hull(row, width) for row in mean])

    def _hull(self, row: Tensor, width: int) -> Tensor:
        # Which bins carry the hull is a choice without gradient; their levels pass theirs on.
        knots = hull_knots(row.detach().cpu().numpy(), width)
        # Double precision: a quadratic spline through close knots is badly conditioned.
        matrix = torch.from_numpy(hull_matrix(knots, len(row))).to(row.device)
        lower = matrix @ row[torch.from_numpy(knots).to(row.device)].double()
        return lower.to(row.dtype).clamp_min(self.front_end.envelope_floor_db)


def _above(values: Tensor, width: int) -> Tensor:
    """Take off the running mean over frequency. Shape: ``[batch, frame, freq]`` both ways."""
    padded = nnf.pad(values, (width // 2, width - 1 - width // 2), mode="replicate")
    return values - nnf.avg_pool1d(padded, width, stride=1)
