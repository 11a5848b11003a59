# SPDX-License-Identifier: MIT
"""Vision transformer on 16 × 16 patches of a mel spectrogram, SpecTTTra's baseline.

Paper: M. A. Rahman et al., ICLR 2025 (its ViT); A. Dosovitskiy et al., ICLR 2021. Code MIT; no
weights of it are published. 16.7 million parameters at 5 s, 17.4 at 120 s, where its 1872 tokens
cost five times the arithmetic of SpecTTTra γ. Names and shapes of the weights are the authors'; the
order of patch norm and position is read from the names, no published score pins it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unsung.detectors._sonics import Mode, SonicsDetector
from unsung.detectors._transformer import DROP, WIDTH, Position, Transformer

__all__ = ["ViT"]

PATCH = 16
BANDS = 128


class ViT(SonicsDetector):
    """Patches, learned positions, twelve transformer blocks, mean over tokens, one logit.

    Args:
        seconds: 5 or 120.
        mode: see `SpecTTTra`.
    """

    def __init__(self, seconds: int = 5, mode: Mode = "production") -> None:
        super().__init__(seconds, mode)
        self.encoder = _Encoder((BANDS // PATCH) * (self.width // PATCH))
        self.classifier = torch.nn.Linear(WIDTH, 1)


class _Encoder(torch.nn.Module):
    """Shape: ``[batch, mel, frame]`` → ``[batch, patch, 384]``."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.patch_encoder = _Patches()
        self.pos_encoder = Position(count)
        self.pos_drop = torch.nn.Dropout(DROP)
        self.transformer = Transformer()

    def forward(self, picture: Tensor) -> Tensor:
        tokens = self.pos_encoder(self.patch_encoder(picture[:, None]))
        mixed: Tensor = self.transformer(self.pos_drop(tokens))
        return mixed


class _Patches(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj = torch.nn.Conv2d(1, WIDTH, PATCH, stride=PATCH)
        self.norm = torch.nn.LayerNorm(WIDTH)

    def forward(self, picture: Tensor) -> Tensor:
        patches: Tensor = self.norm(self.proj(picture).flatten(2).transpose(1, 2))
        return patches
