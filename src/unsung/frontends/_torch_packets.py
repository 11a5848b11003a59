# SPDX-License-Identifier: MIT
"""Torch engines of the wavelet packets and of the power spectrogram they are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unsung.frontends._spectral import hann
from unsung.frontends._wavelets import kernel, reflected

if TYPE_CHECKING:
    from unsung.frontends.power_stft import PowerStft
    from unsung.frontends.wavelet_packets import WaveletPackets

__all__ = ["PowerStftModule", "WaveletPacketsModule"]

_DTYPE = {"double": torch.float64, "single": torch.float32}


class WaveletPacketsModule(torch.nn.Module):
    """Torch twin of `WaveletPackets`. Shape: ``[batch, time]`` → ``[batch, 1|2, freq, frame]``."""

    kernel: Tensor
    order: Tensor

    def __init__(self, front_end: WaveletPackets) -> None:
        super().__init__()
        self.front_end = front_end
        taps = torch.from_numpy(kernel(front_end.wavelet).copy())
        self.register_buffer("kernel", taps.to(_DTYPE[front_end.precision]))
        self.register_buffer("order", torch.from_numpy(front_end.order.copy()))

    def coefficients(self, samples: Tensor) -> Tensor:
        """Return the packets. Shape: ``[batch, time]`` → ``[batch, packet, frame]``."""
        taps = len(self.kernel)
        nodes = samples.to(self.kernel.dtype)[:, None]  # [batch, node, time]
        for _ in range(self.front_end.level):
            places = torch.from_numpy(reflected(nodes.shape[-1], taps)).to(samples.device)
            windows = nodes[..., places].unfold(-1, taps, 2)  # [batch, node, frame, tap]
            # One tall product, not one for each node: [batch · node · frame, tap] @ [tap, 2]
            split = windows.reshape(-1, taps) @ self.kernel
            nodes = split.view(*windows.shape[:3], 2).transpose(-1, -2).flatten(1, 2)
        return nodes[:, self.order]

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        f = self.front_end
        found = self.coefficients(samples)
        size = found.square() if f.power == 2 else found.abs() ** f.power
        channels = [(size + f.floor).log()]
        if f.sign_channel:
            channels.append(found.sign())
        return torch.stack(channels, dim=1).float()


class PowerStftModule(torch.nn.Module):
    """Torch twin of `PowerStft`. Shape: ``[batch, time]`` → ``[batch, 1, freq, frame]``."""

    window: Tensor

    def __init__(self, front_end: PowerStft) -> None:
        super().__init__()
        self.front_end = front_end
        window = torch.from_numpy(hann(front_end.n_fft)).double()
        if front_end.precision == "single":
            # torch's own rounding of the window, which released weights were trained with.
            window = torch.hann_window(front_end.n_fft)
        self.register_buffer("window", window)

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        f = self.front_end
        spectrum = torch.stft(
            samples.to(self.window.dtype),
            f.n_fft,
            f.hop,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        power = spectrum.real.square() + spectrum.imag.square()
        return (power + f.floor).log()[:, None].float()
