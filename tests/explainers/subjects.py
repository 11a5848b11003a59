# SPDX-License-Identifier: MIT
"""Small subjects with known answers: a linear head, a constant, a tone detector, a convolution."""

import numpy as np
import torch
from torch import Tensor, nn

from unsung.audio import signals
from unsung.explainers._torch import NetworkSubject, subject_of_module
from unsung.frontends.log_mel import LogMel
from unsung.types import Clip

RATE = 16000
FRONT_END = LogMel(RATE, n_fft=512, hop=256, n_mels=24, top_db=None)
FREQS, FRAMES = 24, 63


def clip(seconds: float = 1.0, tone_hz: float = 2000.0, seed: int = 0) -> Clip:
    """Faint noise with a tone in its second half."""
    samples = signals.noise(seed, seconds, RATE, 0.002)
    half = len(samples) // 2
    samples[half:] += signals.tone(tone_hz, seconds, RATE, 0.3)[half:]
    return Clip(samples[None], RATE)


class Linear(nn.Module):
    """``w · (x + 50 dB) + 1``; the weights are returned by `weights`."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.fc = nn.Linear(FREQS * FRAMES, 1)
        with torch.no_grad():
            self.fc.weight.copy_(0.01 * torch.randn(1, FREQS * FRAMES, generator=generator))
            self.fc.bias.fill_(1.0)

    def forward(self, picture: Tensor) -> Tensor:
        return self.fc(picture.flatten(1))

    def weights(self) -> np.ndarray:
        return self.fc.weight.detach().numpy().reshape(1, FREQS, FRAMES)


class Constant(nn.Module):
    def forward(self, picture: Tensor) -> Tensor:
        return picture.new_full((len(picture), 1), 2.5)


class ToneDetector(nn.Module):
    """Fires where the level at 2 kHz stands above its neighbours: convolution, ReLU, mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, (3, 1), padding=(1, 0), bias=False)
        self.relu = nn.ReLU()
        self.mix = nn.Conv2d(2, 1, 1)
        self.pool = nn.AdaptiveAvgPool2d((FREQS, 1))
        self.out = nn.Linear(FREQS, 1)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[0, 0, :, 0] = torch.tensor([-0.5, 1.0, -0.5])
            self.conv.weight[1, 0, :, 0] = torch.tensor([0.5, -1.0, 0.5])
            self.mix.weight.copy_(torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1))
            self.mix.bias.zero_()
            self.out.weight.zero_()
            self.out.bias.fill_(-1.0)
            self.out.weight[0, self.band] = 1.0

    @property
    def band(self) -> int:
        return int(np.abs(FRONT_END.freqs_hz - 2000.0).argmin())

    def forward(self, picture: Tensor) -> Tensor:
        x = self.mix(self.relu(self.conv(picture)))
        return self.out(self.pool(x).flatten(1))


def subject(module: nn.Module, sound: Clip | None = None, window_s: float = 1.0) -> NetworkSubject:
    return subject_of_module(module.eval(), FRONT_END, sound or clip(), window_s=window_s)
