# SPDX-License-Identifier: MIT
"""RawNet2: fixed mel-spaced filters on the waveform, residual blocks that weigh their filters, GRU.

Source: Tak et al., "End-to-end anti-spoofing with RawNet2", ICASSP 2021, with the layers of the
ASVspoof 2021 baseline. Logit = spoof − bona fide. It hears 64 600 samples (4 s) at 16 kHz; 17
million parameters, most of them in the recurrent layers, want much data.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from unsung.detectors._lengths import repeat_short
from unsung.detectors._sinc import SincBank
from unsung.detectors._windowed import WindowedDetector
from unsung.frontends.raw import Raw

__all__ = ["RawNet2"]

LENGTH = 64600
CHANNELS = (20, 20, 20, 128, 128, 128, 128)
SLOPE = 0.3


class RawNet2(WindowedDetector):
    """Waveform → spoof-positive logit.

    Args:
        channels: of the filters and of the six blocks.
        hidden: features of the recurrent layers and of the layer after them.
        layers: number of recurrent layers.
    """

    def __init__(
        self, channels: tuple[int, ...] = CHANNELS, *, hidden: int = 1024, layers: int = 3
    ) -> None:
        super().__init__((Raw(16000),), LENGTH / 16000)
        self.sinc = SincBank(channels[0], 1024)
        self.first_bn = nn.BatchNorm1d(channels[0])
        self.blocks = nn.Sequential(
            *(
                _Block(inside, outside, first=k == 0)
                for k, (inside, outside) in enumerate(pairwise(channels))
            )
        )
        self.last_bn = nn.BatchNorm1d(channels[-1])
        self.gru = nn.GRU(channels[-1], hidden, layers, batch_first=True)
        self.hidden = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, 2)

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the mean logit over windows; a shorter clip is repeated."""
        return super().forward(repeat_short(samples, LENGTH))

    def head(self, *pictures: Tensor) -> Tensor:
        """Return spoof − bona fide. Shape: see `Detector.head`."""
        bands = nn.functional.max_pool1d(self.sinc(pictures[0][:, 0]).abs(), 3)
        found = self.blocks(nn.functional.selu(self.first_bn(bands)))
        found = nn.functional.selu(self.last_bn(found))
        last = self.gru(found.transpose(1, 2))[0][:, -1]
        pair = self.output(self.hidden(last))
        logits: Tensor = pair[:, :1] - pair[:, 1:]
        return logits


class _Block(nn.Module):
    """Two convolutions beside an identity, a third of the frames, then a weight for each filter."""

    def __init__(self, inside: int, outside: int, first: bool) -> None:
        super().__init__()
        if not first:
            # The published code throws this layer's output away; it is kept so that weights fit.
            self.bn1 = nn.BatchNorm1d(inside).requires_grad_(False)
        self.conv1 = nn.Conv1d(inside, outside, 3, padding=1)
        self.bn2 = nn.BatchNorm1d(outside)
        self.conv2 = nn.Conv1d(outside, outside, 3, padding=1)
        self.conv_downsample = nn.Conv1d(inside, outside, 1) if inside != outside else None
        self.attention = nn.Linear(outside, outside)

    def forward(self, picture: Tensor) -> Tensor:
        found = nn.functional.leaky_relu(self.bn2(self.conv1(picture)), SLOPE)
        same = picture if self.conv_downsample is None else self.conv_downsample(picture)
        found = nn.functional.max_pool1d(self.conv2(found) + same, 3)
        weight = torch.sigmoid(self.attention(found.mean(dim=2)))[..., None]
        return found * weight + weight
