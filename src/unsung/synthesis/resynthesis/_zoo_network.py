# SPDX-License-Identifier: MIT
"""The zoo's decoders as torch modules: a fixed analysis tree, and the decoder with its wear.

Every upsampler is one operation, frames times kernels added up at hops of the stride; the kinds
differ in what their kernels may be, and therefore in what they leave in the sound. All parameters
of the decoder are trainable. Axes: ``[batch, group, channel, frame]``; each stage turns `channel`
signals of a group into one at `stride` times the rate.
When not to use: without torch; `unsung.synthesis.decoder` is the plain NumPy decoder.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unsung.synthesis.resynthesis._zoo_kernels import (
    fourier_kernel,
    interpolation_taps,
    interpolator,
    lapped,
)
from unsung.synthesis.resynthesis._zoo_member import Member

__all__ = ["Network", "Stage", "analyse", "synthesise"]


def analyse(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """Split signals into channels. Shape: ``[batch, group, time]`` → ``[batch, group, c, frame]``.

    Args:
        x: length a multiple of the stride.
        kernel: ``[c, blocks · stride]``; frame t covers samples from t · stride on.
        stride: hop.
    """
    length = kernel.shape[1]
    frames = functional.pad(x, (0, length - stride)).unfold(2, length, stride)
    return (frames @ kernel.T).transpose(2, 3)


def synthesise(z: Tensor, kernels: Tensor, stride: int, lead: int = 0) -> Tensor:
    """Add kernels up, the transposed convolution. ``[batch, group, c, frame]`` → ``[b, group, t]``.

    Args:
        z: the channels.
        kernels: ``[group or 1, c, blocks · stride]``.
        stride: hop.
        lead: blocks of the kernel that stand before its frame.
    """
    frames = z.shape[3]
    pieces = z.transpose(2, 3) @ kernels
    blocks = pieces.shape[3] // stride
    pieces = pieces.reshape(*pieces.shape[:3], blocks, stride)  # [b, group, t, block, stride]
    out = pieces.new_zeros((*pieces.shape[:2], frames + blocks - 1, stride))
    for at in range(blocks):
        out[:, :, at : at + frames] += pieces[:, :, :, at]
    whole: Tensor = out[:, :, lead : lead + frames].flatten(2)
    return whole


class Stage(nn.Module):
    """One upsampling: activation, bias, interpolation or zero-stuffing, convolution.

    Args:
        member: for window, activation and wear.
        at: which stage.
        groups: signals that leave it.
        rng: draws the wear.
    """

    analysis: Tensor
    shape: Tensor

    def __init__(self, member: Member, at: int, groups: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.stride, self.kind = member.strides[at], member.upsamplers[at]
        self.activation, self.lead = member.activation, 0
        ideal = lapped(self.stride, member.window)
        if self.kind == "istft":
            ideal = fourier_kernel(self.stride, member.frame)
        self.register_buffer("analysis", _tensor(ideal), persistent=False)
        taps = ideal
        if self.kind in ("nearest", "linear"):
            taps = interpolation_taps(self.stride, self.kind, member.window)
            self.lead = (8 - ideal.shape[1] // self.stride) // 2
            shape = interpolator(self.stride, self.kind)
            self.register_buffer("shape", _tensor(shape), persistent=False)
        channels = taps.shape[0]
        worn = taps + member.kernel * ideal.std() * rng.standard_normal((groups, *taps.shape))
        self.taps = nn.Parameter(_tensor(worn))
        scale = member.bias * math.sqrt(groups * channels)  # of that many channels
        self.bias = nn.Parameter(_tensor(scale * rng.standard_normal((groups, channels, 1))))
        phases = scale / math.sqrt(channels) * rng.standard_normal((groups, self.stride))
        if self.kind == "subpixel":  # one bias for each interleaved output
            self.phases = nn.Parameter(_tensor(phases))
        self.curve = nn.Parameter(torch.tensor(float(member.curve)))

    def kernels(self) -> Tensor:
        """Return the kernels with the interpolator in them, ``[group, c, blocks · stride]``."""
        if self.kind not in ("nearest", "linear"):
            return self.taps
        groups, channels, length = self.taps.shape
        flat = self.taps.reshape(groups * channels, 1, length)
        both = functional.conv1d(flat, self.shape.flip(0)[None, None], padding=len(self.shape) - 1)
        return both.reshape(groups, channels, -1)

    def forward(self, z: Tensor) -> Tensor:
        """Upsample. Shape: ``[batch, group, c, frame]`` → ``[batch, group, time]``."""
        bent = _bend(z, self.activation, self.curve) + self.bias
        out = synthesise(bent, self.kernels(), self.stride, self.lead)
        if self.kind == "subpixel":
            out = out + self.phases.repeat(1, z.shape[3])
        return out


class Network(nn.Module):
    """A member of the zoo: `encode` is fixed and exact, `decode` is worn and trainable."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.member = member
        rng = np.random.default_rng(member.seed)
        stages, groups = [], 1
        for at in reversed(range(len(member.strides))):  # the last stage makes one signal
            stages.append(Stage(member, at, groups, rng))
            groups *= stages[-1].taps.shape[1]
        self.stages = nn.ModuleList(reversed(stages))

    def encode(self, x: Tensor) -> Tensor:
        """Return latents. Shape: ``[batch, time]``, whole hops → ``[batch, latent, frame]``."""
        z = x[:, None]
        for stage in reversed(self.stages):
            assert isinstance(stage, Stage)
            z = analyse(z, stage.analysis, stage.stride).flatten(1, 2)
        return self._rounded(z)

    def decode(self, z: Tensor) -> Tensor:
        """Return sound. Shape: ``[batch, latent, frame]`` → ``[batch, time]``."""
        for stage in self.stages:
            assert isinstance(stage, Stage)
            groups, channels = stage.taps.shape[:2]
            z = stage(z.reshape(len(z), groups, channels, -1))
        return z[:, 0]

    def forward(self, x: Tensor) -> Tensor:
        """Pass sound through, aligned. Shape: ``[batch, time]``, both ways, any length."""
        hop, length = self.member.hop, x.shape[1]
        lead = 8 * hop  # the longest kernel, in latent frames
        padded = functional.pad(x, (lead, lead + -length % hop))
        return self.decode(self.encode(padded))[:, lead : lead + length]

    def _rounded(self, z: Tensor) -> Tensor:
        """Round each latent to a geometric grid: the same relative error at every level."""
        if not self.member.latent_db:
            return z
        step = math.sqrt(12) * 10 ** (-self.member.latent_db / 20)
        level = torch.log(z.abs().clamp_min(1e-12))
        return z.sign() * torch.exp(torch.round(level / step) * step)


def _bend(z: Tensor, activation: str, curve: Tensor) -> Tensor:
    """Apply a mild nonlinearity; at curve 0 each of them is the identity."""
    if activation == "snake":  # x + sin²(a·x) / a, Ziyin et al. 2020
        safe = curve.clamp_min(1e-6)
        return z + torch.sin(safe * z) ** 2 / safe
    if activation == "leaky_relu":
        return z - curve * z.clamp_max(0)
    return z + curve * (functional.elu(z) - z)


def _tensor(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
