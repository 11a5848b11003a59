# SPDX-License-Identifier: MIT
"""Deezer's CNN on 0.78 s of raw sound, complex STFT, amplitude, phase or polar form.

Paper: D. Afchar, G. Meseguer-Brocal, R. Hennequin, "AI-generated music detection and its
challenges", ICASSP 2025. Written from the description of its layers; the published weights
(TensorFlow, CC BY-NC 4.0, a model of 64 × 64 patches) are not read. 1.6 million values on pictures,
6.2 million on raw sound. The paper's own finding: it does not hear decoders it was not trained on,
and pitch shift, noise or re-encoding undo it.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from unsung.detectors._windowed import WindowedDetector
from unsung.errors import UnknownName
from unsung.frontends.raw import Raw
from unsung.frontends.stft import Stft

__all__ = ["DeezerCNN"]

INPUTS = ("raw", "complex", "amplitude", "phase", "polar")
WIDTHS, POOLS = (16, 32, 64, 128, 256, 512), (2, 2, 2, 2, 2, 2)
RAW_WIDTHS, RAW_POOLS = (256, 256, 512, 512, 1024, 1024), (1, 3, 3, 3, 3, 3)
EMBEDDING, DROP = 128, 0.2
MOMENTUM = 0.01
"""Keras' 0.99, which counts what is kept."""
RAW_DEVIATION = 0.15
GENERATORS = (
    "human", "encodec_3", "encodec_6", "encodec_24", "dac_2", "dac_7", "dac_14",
    "griffin_mel_256", "griffin_mel_512", "musika",
)  # fmt: skip
"""The published classes: the recording itself and nine decoders (Encodec in kb/s, DAC in books)."""


class DeezerCNN(WindowedDetector):
    """Six blocks of convolution, pooling and batch norm; two heads.

    The first output is "ai" (the published head says the opposite: 1 is human); the others are
    logits of the generator classes, "human" among them, for a softmax over ``logits[:, 1:]``.

    Args:
        input: "raw", "complex", "amplitude", "phase" or "polar".
        generators: names of the classes of the second head.
        momentum: share of each batch in the running statistics. The published 0.01 needs hundreds
            of steps before the network judges as well as it trains; short runs want 0.1.
    """

    def __init__(
        self,
        input: Literal["raw", "complex", "amplitude", "phase", "polar"] = "amplitude",
        generators: tuple[str, ...] = GENERATORS,
        momentum: float = MOMENTUM,
    ) -> None:
        if input not in INPUTS:
            raise UnknownName("input", input, INPUTS)
        if input == "raw":
            front_end: Raw | Stft = Raw(44100, divisor=RAW_DEVIATION)
            widths, pools, channels = RAW_WIDTHS, RAW_POOLS, 1
        else:
            stft = Stft.preset("deezer", input)
            front_end, widths, pools, channels = stft, WIDTHS, POOLS, stft.channels
        super().__init__((front_end,), 0.78)
        self.input, self.generators, self.momentum = input, tuple(generators), momentum
        self.outputs = ("ai", *self.generators)
        befores = (channels, *widths[:-1])
        blocks = zip(befores, widths, pools, strict=True)
        self.features = torch.nn.Sequential(
            *(_block(input == "raw", *block, momentum) for block in blocks)
        )
        self.embedding = torch.nn.Linear(widths[-1], EMBEDDING)
        self.dropout = torch.nn.Dropout(DROP)
        self.ai = torch.nn.Linear(EMBEDDING, 1)
        self.generator = torch.nn.Linear(EMBEDDING, len(self.generators))

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the logits of both heads. Shape: ``[batch, channel, freq, frame]`` → see class."""
        picture = pictures[0][:, :, 0] if self.input == "raw" else pictures[0]
        features = self.features(picture).flatten(2).mean(2)
        hidden = torch.nn.functional.silu(self.embedding(self.dropout(features)))
        hidden = self.dropout(hidden)
        return torch.cat([self.ai(hidden), self.generator(hidden)], dim=1)


def _block(raw: bool, before: int, width: int, pool: int, momentum: float) -> torch.nn.Sequential:
    """Convolution of three, ReLU, pooling, batch norm with Keras' ε, in this order."""
    if raw:
        return torch.nn.Sequential(
            torch.nn.Conv1d(before, width, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool1d(pool),
            torch.nn.BatchNorm1d(width, eps=1e-3, momentum=momentum),
        )
    return torch.nn.Sequential(
        torch.nn.Conv2d(before, width, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(pool),
        torch.nn.BatchNorm2d(width, eps=1e-3, momentum=momentum),
    )
