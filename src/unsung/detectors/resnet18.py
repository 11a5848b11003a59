# SPDX-License-Identifier: MIT
"""ResNet18 on mel spectrograms, from scratch or from ImageNet weights.

Papers: K. He et al., CVPR 2016; N. Sunday, "Detecting musical deepfakes", arXiv 2505.09633 (V1:
ImageNet weights, all frozen but the last layer). 11.2 million parameters. Names of the weights are
torchvision's and timm's; torchvision's files are BSD-3-Clause, timm's Apache-2.0 (the photographs
behind both are for research). The first layers saw photographs: without training they hear nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.detectors._checkpoints import load_weights
from unsung.detectors._windowed import WindowedDetector
from unsung.errors import UsageError
from unsung.frontends.log_mel import LogMel
from unsung.relevance import Sum

__all__ = ["ResNet18"]

STAGES = (64, 128, 256, 512)
SIDE = 224
"""Rows and columns that ImageNet weights were trained on."""
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's normalisation of red, green and blue."""


class ResNet18(WindowedDetector):
    """Levels from 0 (80 dB below the loudest) to 1 as a grey picture of 224 × 224, one logit.

    Args:
        channels: 3 repeats the picture as red, green and blue, as V1 does; 1 has a smaller stem.
        freeze: only the last layer learns; the others, running statistics included, stay.
        window_s: seconds heard at once.
    """

    def __init__(
        self, channels: Literal[1, 3] = 3, freeze: bool = False, window_s: float = 10.0
    ) -> None:
        if channels not in (1, 3):
            raise UsageError(f"resnet18: expected 1 or 3 channels, got {channels}")
        super().__init__((LogMel.preset("librosa"),), window_s)
        self.channels, self.freeze = channels, freeze
        self.conv1 = torch.nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(64)
        for index, width in enumerate(STAGES):
            before = STAGES[max(0, index - 1)]
            stride = 1 if index == 0 else 2
            blocks = (_Block(before, width, stride), _Block(width, width, 1))
            setattr(self, f"layer{index + 1}", torch.nn.Sequential(*blocks))
        self.fc = torch.nn.Linear(STAGES[-1], 1)
        for module in self.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if freeze:
            for module in self._backbone():
                module.requires_grad_(False)

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the logit. Shape: ``[batch, 1, mel, frame]`` → ``[batch, 1]``."""
        hidden = torch.relu(self.bn1(self.conv1(self.image(pictures[0]))))
        hidden = nnf.max_pool2d(hidden, 3, stride=2, padding=1)
        for index in range(len(STAGES)):
            hidden = getattr(self, f"layer{index + 1}")(hidden)
        logits: Tensor = self.fc(hidden.mean(dim=(2, 3)))
        return logits

    def image(self, picture: Tensor) -> Tensor:
        """Return what the network sees. Shape: → ``[batch, channels, 224, 224]``."""
        level = 1.0 + (picture - picture.amax(dim=(2, 3), keepdim=True)) / 80.0
        level = nnf.interpolate(level, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        if self.channels == 1:
            return (level - sum(MEAN) / 3) / (sum(SPREAD) / 3)
        mean, spread = (level.new_tensor(v)[:, None, None] for v in (MEAN, SPREAD))
        return (level - mean) / spread

    def train(self, mode: bool = True) -> Self:
        """Switch to training; frozen layers keep their running statistics."""
        super().train(mode)
        if self.freeze:
            for module in self._backbone():
                module.eval()
        return self

    def load_backbone(self, path: Path) -> None:
        """Take all but the last layer from a torchvision or timm file of ResNet18.

        The last layer starts at zero: every logit is 0 until it is trained. A stem of one channel
        takes the sum over red, green and blue: it answers to a grey picture as the published does.

        Raises:
            BundleError: not a file of ResNet18 weights; see `load_weights`.
        """
        load_weights(self, path, change=self._as_backbone, keep=("fc.",))
        torch.nn.init.zeros_(self.fc.weight)
        torch.nn.init.zeros_(self.fc.bias)

    def _as_backbone(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        kept = {key: value for key, value in weights.items() if not key.startswith("fc.")}
        stem = kept.get("conv1.weight")
        if self.channels == 1 and stem is not None and stem.ndim == 4:
            kept["conv1.weight"] = stem.sum(1, keepdim=True)
        return kept

    def _backbone(self) -> Iterator[torch.nn.Module]:
        return (m for name, m in self.named_children() if name not in ("fc", "engines"))


class _Block(torch.nn.Module):
    """Two 3 × 3 convolutions and a way around them."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.conv2 = torch.nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or before != width:
            self.downsample = torch.nn.Sequential(
                torch.nn.Conv2d(before, width, 1, stride=stride, bias=False),
                torch.nn.BatchNorm2d(width),
            )
        self.sum = Sum()  # a module, so that relevance is shared between the two ways

    def forward(self, picture: Tensor) -> Tensor:
        around = picture if self.downsample is None else self.downsample(picture)
        hidden = torch.relu(self.bn1(self.conv1(picture)))
        return torch.relu(self.sum(self.bn2(self.conv2(hidden)), around))
