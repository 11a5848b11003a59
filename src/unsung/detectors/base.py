# SPDX-License-Identifier: MIT
"""The contract of a detector: front ends, a head, names of the outputs; positive logit = AI."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from unsung.frontends import FrontEnd

__all__ = ["Detector"]


class Detector(torch.nn.Module, ABC):
    """Waveform ``[batch, time]`` → logits ``[batch, output]``.

    ``front_ends`` turn the waveform into pictures, ``head`` turns pictures into logits. Only the
    head is exported to ONNX: a bundle computes the pictures with the NumPy engine.
    """

    CAPABILITY: ClassVar[bool] = True

    outputs: tuple[str, ...] = ("ai",)
    window_s: float = 10.0

    def __init__(self, front_ends: tuple[FrontEnd, ...]) -> None:
        super().__init__()
        self.front_ends = front_ends
        self.engines = torch.nn.ModuleList(front_end.module() for front_end in front_ends)

    @abstractmethod
    def head(self, *pictures: Tensor) -> Tensor:
        """Map pictures ``[batch, channel, freq, frame]`` to logits ``[batch, output]``."""

    def forward(self, samples: Tensor) -> Tensor:
        """Compute logits. Shape: ``[batch, time]`` → ``[batch, output]``."""
        return self.head(*(engine(samples) for engine in self.engines))
