# SPDX-License-Identifier: MIT
"""Light CNN with max-feature-map and two bidirectional LSTM layers, on LFCC.

Sources: Wu et al., "A light CNN for deep face representation with noisy labels", TIFS 2018; Wang
and Yamagishi, "A comparative study on recent neural spoofing countermeasures", Interspeech 2021
(the ASVspoof 2021 baseline, whose layers these are). Their raw output is high for bona fide; here
the sign is turned. LFCC up to 4 kHz suit speech; give another front end for music.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unsung.detectors._lengths import repeat_short
from unsung.detectors._windowed import WindowedDetector
from unsung.errors import UsageError
from unsung.frontends import FrontEnd
from unsung.frontends.lfcc import Lfcc

__all__ = ["LCNN"]

HALVINGS = 4


class LCNN(WindowedDetector):
    """Picture as ``[batch, 1, frame, rows of all channels]`` → one logit.

    Args:
        front_end: any picture; its channels are laid side by side. Default: LFCC of the ASVspoof
            2021 baseline with both slopes, 60 rows. `Mfcc`, `LogMel` or `PowerStft` make the
            baselines of singing-voice studies.
        window_s: length heard at once.
        dropout: before the recurrent layers.
    """

    def __init__(
        self, front_end: FrontEnd | None = None, *, window_s: float = 4.0, dropout: float = 0.7
    ) -> None:
        front_end = front_end or Lfcc.preset("asvspoof2021")
        super().__init__((front_end,), window_s)
        rows = _rows(front_end)
        if rows < 2**HALVINGS:
            raise UsageError(
                f"lcnn: expected at least {2**HALVINGS} rows in the picture, got {rows}; "
                "add slopes or use a finer front end"
            )
        features = rows // 2**HALVINGS * 32
        self.convolutions = _convolutions(dropout)
        self.recurrent = nn.Sequential(_BothWays(features), _BothWays(features))
        self.output = nn.Linear(features, 1)

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the mean logit over windows; a shorter clip is repeated."""
        length = round(self.window_s * self.front_ends[0].sample_rate_hz)
        return super().forward(repeat_short(samples, length))

    def head(self, *pictures: Tensor) -> Tensor:
        """Return spoof-positive logits. Shape: see `Detector.head`."""
        flat = pictures[0].flatten(1, 2).transpose(1, 2)[:, None]  # [batch, 1, frame, row]
        found = self.convolutions(flat).transpose(1, 2).flatten(2)  # [batch, frame, feature]
        logits: Tensor = self.output((self.recurrent(found) + found).mean(dim=1))
        return -logits


def _rows(front_end: FrontEnd) -> int:
    """Count channels times rows of a front end's picture."""
    import numpy as np

    second = np.zeros((1, front_end.sample_rate_hz), np.float32)
    return int(np.prod(front_end(second).shape[1:3]))


class _MaxFeatureMap(nn.Module):
    """Keep the larger of each pair of channels: half as many come out."""

    def forward(self, picture: Tensor) -> Tensor:
        one, other = picture.chunk(2, dim=1)
        return torch.maximum(one, other)


class _BothWays(nn.Module):
    """A bidirectional LSTM that keeps the number of features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, features // 2, batch_first=True, bidirectional=True)

    def forward(self, sequence: Tensor) -> Tensor:
        found: Tensor = self.lstm(sequence)[0]
        return found


def _convolutions(dropout: float) -> nn.Sequential:
    """Return the published stack: 1 → 32 channels, both axes over 16."""

    def step(inside: int, outside: int, size: int) -> list[nn.Module]:
        return [nn.Conv2d(inside, 2 * outside, size, padding=size // 2), _MaxFeatureMap()]

    def norm(size: int) -> nn.Module:
        return nn.BatchNorm2d(size, affine=False)

    return nn.Sequential(
        *step(1, 32, 5), nn.MaxPool2d(2),
        *step(32, 32, 1), norm(32), *step(32, 48, 3), nn.MaxPool2d(2), norm(48),
        *step(48, 48, 1), norm(48), *step(48, 64, 3), nn.MaxPool2d(2),
        *step(64, 64, 1), norm(64), *step(64, 32, 3), norm(32),
        *step(32, 32, 1), norm(32), *step(32, 32, 3), nn.MaxPool2d(2),
        nn.Dropout(dropout),
    )  # fmt: skip
