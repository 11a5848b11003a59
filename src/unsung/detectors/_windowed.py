# SPDX-License-Identifier: MIT
"""Detectors of one fixed length: a longer clip is heard in windows, a shorter one padded."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.detectors._checkpoints import hide_engines
from unsung.detectors.base import Detector
from unsung.frontends import FrontEnd

__all__ = ["WindowedDetector", "spread"]


class WindowedDetector(Detector):
    """A detector that hears ``window_s`` at a time; its logits are the mean over windows.

    Its state dict holds learned values only, none of the front ends' constants.
    """

    def __init__(self, front_ends: tuple[FrontEnd, ...], window_s: float) -> None:
        super().__init__(front_ends)
        self.window_s = window_s
        hide_engines(self)

    def forward(self, samples: Tensor) -> Tensor:
        """Compute logits. Shape: ``[batch, time]`` → ``[batch, output]``."""
        length = round(self.window_s * self.front_ends[0].sample_rate_hz)
        windows = spread(samples, length)
        logits: Tensor = super().forward(windows.flatten(0, 1))
        return logits.reshape(*windows.shape[:2], -1).mean(1)


def spread(samples: Tensor, length: int) -> Tensor:
    """Cut a clip into the fewest windows that hold all of it, evenly spread.

    A clip that is no whole number of windows long gives windows that overlap, so that none is
    padded; only a clip shorter than one window is, with silence at its end.

    Shape: ``[batch, time]`` → ``[batch, window, length]``.
    """
    excess = samples.shape[-1] - length
    if excess <= 0:
        return nnf.pad(samples, (0, -excess))[:, None]
    count = -(-samples.shape[-1] // length)
    starts = [round(index * excess / (count - 1)) for index in range(count)]
    return torch.stack([samples[:, start : start + length] for start in starts], 1)
