# SPDX-License-Identifier: MIT
"""SpecTTTra α, β, γ: a transformer on temporal and spectral strips of a mel spectrogram.

Paper: M. A. Rahman et al., "SONICS: Synthetic or not — identifying counterfeit songs", ICLR 2025.
Published weights: MIT (code and weights); names of the weights are theirs, so their files load.
17 to 24 million parameters. A strip of t frames and all bands is a temporal token, one of f bands
and all frames a spectral token; attention between few long strips is what makes 120 s affordable.
Not for traces of upsampling layers: a mel band averages their narrow peaks away.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.detectors._sonics import STRIPS, Mode, SonicsDetector
from unsung.detectors._transformer import DROP, WIDTH, Position, Transformer
from unsung.errors import UnknownName

__all__ = ["SpecTTTra"]

BANDS = 128


class SpecTTTra(SonicsDetector):
    """Two tokenizers, twelve transformer blocks, mean over tokens, one logit.

    Args:
        variant: "alpha" (finest strips, slowest), "beta" or "gamma".
        seconds: 5 or 120.
        mode: "production" hears every window of the clip; "repo" and "space" preprocess like the
            two published programs, batch-wide clamp included, to compare with their scores.
    """

    def __init__(
        self,
        variant: Literal["alpha", "beta", "gamma"] = "gamma",
        seconds: int = 5,
        mode: Mode = "production",
    ) -> None:
        if variant not in STRIPS:
            raise UnknownName("SpecTTTra variant", variant, STRIPS)
        super().__init__(seconds, mode)
        self.variant = variant
        frames, bands = STRIPS[variant]
        self.encoder = _Encoder(BANDS, self.width, frames, bands)
        self.classifier = torch.nn.Linear(WIDTH, 1)


class _Encoder(torch.nn.Module):
    """Shape: ``[batch, mel, frame]`` → ``[batch, temporal + spectral token, 384]``."""

    def __init__(self, n_bands: int, n_frames: int, frames: int, bands: int) -> None:
        super().__init__()
        self.st_tokenizer = _Strips(n_bands, n_frames, frames, bands)
        self.pos_drop = torch.nn.Dropout(DROP)
        self.transformer = Transformer()

    def forward(self, picture: Tensor) -> Tensor:
        tokens: Tensor = self.transformer(self.pos_drop(self.st_tokenizer(picture)))
        return tokens


class _Strips(torch.nn.Module):
    def __init__(self, n_bands: int, n_frames: int, frames: int, bands: int) -> None:
        super().__init__()
        self.temporal_tokenizer = _Tokenizer(n_bands, n_frames, frames)
        self.spectral_tokenizer = _Tokenizer(n_frames, n_bands, bands)

    def forward(self, picture: Tensor) -> Tensor:
        temporal = self.temporal_tokenizer(picture)
        return torch.cat([temporal, self.spectral_tokenizer(picture.transpose(1, 2))], dim=1)


class _Tokenizer(torch.nn.Module):
    """Strips along the last axis. Shape: ``[batch, across, along]`` → ``[batch, strip, 384]``."""

    def __init__(self, across: int, along: int, strip: int) -> None:
        super().__init__()
        self.conv1d = torch.nn.Conv1d(across, WIDTH, strip, stride=strip, bias=False)
        self.pos_encoder = Position((along - strip) // strip + 1)
        self.norm_pre = torch.nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, picture: Tensor) -> Tensor:
        tokens = nnf.gelu(self.conv1d(picture)).transpose(1, 2)
        placed: Tensor = self.norm_pre(self.pos_encoder(tokens))
        return placed
