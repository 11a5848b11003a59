# SPDX-License-Identifier: MIT
"""Instrument CNN: which of twelve instruments sound, from a 400 × 400 mel spectrogram.

Source: the WIMU guitar study ("See the Sound of a Guitar"): four convolutions 8-16-32-128,
macro-F1 0.92 on 8 000 clips of 1 to 4 General MIDI instruments; no weights are published. 855 948
parameters. The study's three channels are colours of a plotted spectrogram; here the levels
themselves go in, repeated. Not a detector of AI music: the outputs are
instruments, several at once, each with its own sigmoid.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.detectors._windowed import WindowedDetector
from unsung.errors import UsageError
from unsung.frontends.log_mel import LogMel

__all__ = ["InstrumentCNN"]

INSTRUMENTS = (
    "acoustic grand piano", "acoustic guitar (nylon)", "string ensemble 1", "piccolo", "celesta",
    "acoustic bass", "trumpet", "square lead", "drawbar organ", "violin", "soprano sax",
    "new age pad",
)  # fmt: skip
"""The study's instruments by their General MIDI names, in the order of its programs."""
WIDTHS: dict[int, tuple[int, ...]] = {
    2: (16, 128),
    4: (8, 16, 32, 128),
    6: (8, 16, 32, 64, 128, 128),
    8: (8, 8, 16, 16, 32, 32, 128, 128),
}
"""Channels by number of convolutions. Four is published; the others are ours, so that depth alone
can be compared: 2 pools by four, 8 pools after every second convolution."""
POOLS = {2: (4, 4), 4: (2, 2, 2, 2), 6: (2, 2, 2, 2, 2, 1), 8: (1, 2) * 4}
SMALLEST = 160
"""Below this side the deepest networks have nothing left to pool."""


class InstrumentCNN(WindowedDetector):
    """Blocks of convolution, batch norm, ReLU and pooling, then one linear layer.

    Args:
        layers: 2, 4, 6 or 8 convolutions.
        instruments: names of the outputs.
        channels: copies of the picture that go in; 3 is published, 1 leaves out what is repeated.
        window_s: seconds heard at once; five notes at 120 beats a minute take 2.5.
        side: rows and columns of the picture; 400 is published, 200 takes a quarter of the time.
    """

    def __init__(
        self,
        layers: Literal[2, 4, 6, 8] = 4,
        instruments: tuple[str, ...] = INSTRUMENTS,
        channels: int = 3,
        window_s: float = 3.0,
        side: int = 400,
    ) -> None:
        if layers not in WIDTHS:
            raise UsageError(f"instrument_cnn: expected layers of {list(WIDTHS)}, got {layers}")
        if not instruments or channels < 1:
            raise UsageError("instrument_cnn: expected at least one instrument and one channel")
        if side < SMALLEST:
            raise UsageError(f"instrument_cnn: expected a side of at least {SMALLEST}, got {side}")
        front_end = LogMel(
            sample_rate_hz=22050, n_mels=512, low_hz=0.0, high_hz=11025.0, scale="slaney",
            equal_area=True,
        )  # fmt: skip
        super().__init__((front_end,), window_s)
        self.layers, self.channels, self.side = layers, channels, side
        self.instruments = self.outputs = tuple(instruments)
        before, left = channels, side
        for number, (width, pool) in enumerate(zip(WIDTHS[layers], POOLS[layers], strict=True), 1):
            setattr(self, f"conv{number}", torch.nn.Conv2d(before, width, 3))
            setattr(self, f"bn{number}", torch.nn.BatchNorm2d(width))
            before, left = width, (left - 2) // pool
        self.dropout = torch.nn.Dropout(0.5)
        self.fc = torch.nn.Linear(before * left * left, len(self.outputs))

    @property
    def pools(self) -> tuple[int, ...]:
        """How much is pooled after each convolution."""
        return POOLS[self.layers]

    def head(self, *pictures: Tensor) -> Tensor:
        """Return a logit for each instrument. Shape: ``[batch, 1, 512, frame]`` → see class."""
        return self.classify(self.image(pictures[0]))

    def image(self, picture: Tensor) -> Tensor:
        """Return what the network sees: −1 is 80 dB below the loudest, 1 the loudest.

        Shape: ``[batch, 1, 512, frame]`` → ``[batch, channels, side, side]``.
        """
        level = 1.0 + (picture - picture.amax(dim=(2, 3), keepdim=True)) / 40.0
        size = (self.side, self.side)
        level = nnf.interpolate(level, size=size, mode="bilinear", align_corners=False)
        return level.expand(-1, self.channels, -1, -1)

    def classify(self, image: Tensor) -> Tensor:
        """Return logits of ready images. Shape: ``[batch, channels, side, side]`` → see class."""
        # Channels last saves 40 % of a training step in bfloat16 on a processor.
        hidden = image.contiguous(memory_format=torch.channels_last) if self.training else image
        for number, pool in enumerate(self.pools, 1):
            hidden = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(hidden))
            # The largest of the rectified is the rectified largest: pooling first costs less.
            hidden = torch.relu(nnf.max_pool2d(hidden, pool) if pool > 1 else hidden)
        logits: Tensor = self.fc(self.dropout(hidden.flatten(1)))
        return logits
