# SPDX-License-Identifier: MIT
"""HiFi-GAN's generator and Vocos' backbone in torch, with the names of the published checkpoints.

Kong, Kim, Bae, "HiFi-GAN", 2020; Siuzdak, "Vocos: closing the gap between time-domain and
Fourier-based neural vocoders", 2023. Written from the papers; the parameters' names are those of
the authors' files so that these load. When not to use: for training; weight norm is folded away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["HifiganGenerator", "VocosNetwork"]

_SLOPE = 0.1


class _Residual(nn.Module):
    """Dilated convolutions around a sum: pairs (type 1) or single ones (type 2)."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], pairs: bool) -> None:
        super().__init__()

        def layers(widths: Sequence[int]) -> nn.ModuleList:
            return nn.ModuleList(
                nn.Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) * d // 2)
                for d in widths
            )

        self.pairs = pairs
        if pairs:
            self.convs1, self.convs2 = layers(dilations), layers([1] * len(dilations))
        else:
            self.convs = layers(dilations)

    def forward(self, x: Tensor) -> Tensor:
        if not self.pairs:
            for conv in self.convs:
                x = x + conv(functional.leaky_relu(x, _SLOPE))
            return x
        for one, two in zip(self.convs1, self.convs2, strict=True):
            bent = functional.leaky_relu(one(functional.leaky_relu(x, _SLOPE)), _SLOPE)
            x = x + two(bent)
        return x


class HifiganGenerator(nn.Module):
    """Mel ``[batch, mel, frame]`` → sound ``[batch, frame · hop]``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width = int(config["upsample_initial_channel"])
        self.conv_pre = nn.Conv1d(int(config["num_mels"]), width, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        self.count = len(config["resblock_kernel_sizes"])
        for rate, kernel in zip(
            config["upsample_rates"], config["upsample_kernel_sizes"], strict=True
        ):
            padding = (kernel - rate) // 2
            self.ups.append(nn.ConvTranspose1d(width, width // 2, kernel, rate, padding))
            width //= 2
            for size, widths in zip(
                config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True
            ):
                self.resblocks.append(
                    _Residual(width, size, widths, str(config["resblock"]) == "1")
                )
        self.conv_post = nn.Conv1d(width, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        """Return sound; see the class for shapes."""
        x = self.conv_pre(mel)
        for at, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, _SLOPE))
            blocks = [self.resblocks[at * self.count + k](x) for k in range(self.count)]
            x = torch.stack(blocks).mean(dim=0)
        sound: Tensor = torch.tanh(self.conv_post(functional.leaky_relu(x)))[:, 0]
        return sound


class _ConvNext(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.dwconv(x).transpose(1, 2))
        y = self.gamma * self.pwconv2(functional.gelu(self.pwconv1(y)))
        return x + y.transpose(1, 2)


class _Backbone(nn.Module):
    def __init__(self, mels: int, width: int, inner: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Conv1d(mels, width, 7, padding=3)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.convnext = nn.ModuleList(_ConvNext(width, inner) for _ in range(layers))
        self.final_layer_norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        out: Tensor = self.final_layer_norm(x.transpose(1, 2))
        return out


class VocosNetwork(nn.Module):
    """Sound ``[batch, time]`` → its mel spectrogram → sound, through an iSTFT head.

    Sizes, window and mel matrix are read from the checkpoint itself; the hop is a quarter frame.
    """

    bank: Tensor
    window: Tensor

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        width, mels, _ = state["backbone.embed.weight"].shape
        inner = state["backbone.convnext.0.pwconv1.weight"].shape[0]
        layers = sum(1 for key in state if key.endswith(".dwconv.weight"))
        self.size = state["head.out.weight"].shape[0] - 2
        self.hop = self.size // 4
        self.backbone = _Backbone(mels, width, inner, layers)
        self.head = nn.ModuleDict({"out": nn.Linear(width, self.size + 2)})
        bank = state["feature_extractor.mel_spec.mel_scale.fb"]  # [bin, mel]
        self.register_buffer("bank", bank.clone(), persistent=False)
        window = state.get("head.istft.window", torch.hann_window(self.size))
        self.register_buffer("window", window.clone(), persistent=False)
        own = self.state_dict()
        self.load_state_dict({key: state[key] for key in own})

    def forward(self, sound: Tensor) -> Tensor:
        """Return sound of the same length."""
        spectra = torch.stft(
            sound, self.size, self.hop, window=self.window, center=True, return_complex=True
        )
        mel = (spectra.abs().transpose(1, 2) @ self.bank).clamp_min(1e-7).log().transpose(1, 2)
        out = self.head["out"](self.backbone(mel)).transpose(1, 2)
        level, phase = out.chunk(2, dim=1)
        made = torch.polar(level.exp().clamp_max(1e2), phase)
        return torch.istft(
            made, self.size, self.hop, window=self.window, center=True, length=sound.shape[1]
        )
