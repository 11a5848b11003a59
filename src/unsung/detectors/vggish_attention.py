# SPDX-License-Identifier: MIT
"""VGGish-style CNN on log-mel bands with an attention block over time.

Papers: S. Hershey et al., "CNN architectures for large-scale audio classification", ICASSP 2017
(the convolutions); M. Ilse et al., "Attention-based deep multiple instance learning", ICML 2018
(the attention). 5.0 million parameters; no weights are published. Without ``batch_norm`` the
convolutions have the names of the common PyTorch copy of VGGish (``features.N``), but that one was
trained on another scale (log of magnitudes, no decibels): a start, not the same features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unsung.detectors._windowed import WindowedDetector
from unsung.frontends.log_mel import LogMel

__all__ = ["VGGishAttention"]

LAYERS: tuple[int | None, ...] = (64, None, 128, None, 256, 256, None, 512, 512, None)
"""Widths of the convolutions; None halves both axes."""
BANDS = 64
SIZE = 512 * (BANDS // 16)
"""Values of one step of 16 frames: 512 channels at 4 heights."""


class VGGishAttention(WindowedDetector):
    """Six convolutions, then a weighted mean over time whose weights say where the evidence is.

    Args:
        batch_norm: normalise after each convolution; the published VGGish does not.
        hidden: size of the attention's hidden layer.
        dropout: share of the pooled values dropped in training.
        window_s: seconds heard at once.
    """

    def __init__(
        self,
        batch_norm: bool = True,
        hidden: int = 128,
        dropout: float = 0.3,
        window_s: float = 10.0,
    ) -> None:
        front_end = LogMel(
            n_fft=512, hop=160, n_mels=BANDS, low_hz=125.0, high_hz=7500.0, standardise=True
        )
        super().__init__((front_end,), window_s)
        self.batch_norm, self.hidden, self.dropout = batch_norm, hidden, dropout
        self.features = torch.nn.Sequential(*_layers(batch_norm))
        self.attention = _GatedAttention(SIZE, hidden)
        self.drop = torch.nn.Dropout(dropout)
        self.classifier = torch.nn.Linear(SIZE, 1)

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the logit. Shape: ``[batch, 1, 64, frame]`` → ``[batch, 1]``."""
        steps = self.steps(pictures[0])
        pooled = (self.attention(steps) * steps).sum(1)
        logits: Tensor = self.classifier(self.drop(pooled))
        return logits

    def steps(self, picture: Tensor) -> Tensor:
        """Return the features of each 0.16 s. Shape: → ``[batch, frame // 16, 2048]``."""
        features: Tensor = self.features(picture)
        return features.flatten(1, 2).transpose(1, 2)

    def weights(self, picture: Tensor) -> Tensor:
        """Return how much each 0.16 s counts; they sum to 1. Shape: → ``[batch, frame // 16]``."""
        found: Tensor = self.attention(self.steps(picture))
        return found[..., 0]


class _GatedAttention(torch.nn.Module):
    """``softmax over time of w · (tanh(V h) ⊙ sigmoid(U h))``."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.tanh = torch.nn.Linear(size, hidden)
        self.gate = torch.nn.Linear(size, hidden)
        self.score = torch.nn.Linear(hidden, 1)

    def forward(self, steps: Tensor) -> Tensor:
        gated = torch.tanh(self.tanh(steps)) * torch.sigmoid(self.gate(steps))
        weights: Tensor = self.score(gated).softmax(1)
        return weights


def _layers(batch_norm: bool) -> list[torch.nn.Module]:
    layers: list[torch.nn.Module] = []
    before = 1
    for width in LAYERS:
        if width is None:
            layers.append(torch.nn.MaxPool2d(2))
            continue
        layers.append(torch.nn.Conv2d(before, width, 3, padding=1))
        if batch_norm:
            layers.append(torch.nn.BatchNorm2d(width))
        layers.append(torch.nn.ReLU())
        before = width
    return layers
