# SPDX-License-Identifier: MIT
"""The waveform itself, scaled: the input of networks that learn their own filters.

A picture of one row whose frames are the samples, full scale ±1 unless scaled. Sources of the
scalings: Deezer's detector divides by 0.15 (Afchar et al., ICASSP 2025); SpecTTTra and most speech
models divide by the clip's own deviation. Do not use it where the level may be a shortcut (human
and generated music mastered differently) without ``standardise``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.frontends.base import FrontEnd
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["Raw"]


@dataclass(frozen=True)
class Raw(FrontEnd):
    """Scaled samples.

    Shape: ``[batch, time]`` → ``[batch, 1, 1, time]``.

    Args:
        divisor: samples are divided by it.
        standardise: divide by the clip's own deviation first, if that is above ``smallest``.
        smallest: least deviation that is divided by, so that silence stays silence.
    """

    sample_rate_hz: int = 16000
    divisor: float = 1.0
    standardise: bool = False
    smallest: float = 1e-6

    def __post_init__(self) -> None:
        if not self.divisor > 0 or not self.smallest > 0:
            raise UsageError(
                f"raw: expected divisor and smallest above 0, got {self.divisor:g} and "
                f"{self.smallest:g}; leave them out for samples as they are"
            )

    @property
    def hop_s(self) -> float:
        """Seconds from one sample to the next."""
        return 1.0 / self.sample_rate_hz

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Centre of the only row: it spans all frequencies up to half the sample rate."""
        return np.array([self.sample_rate_hz / 4])

    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Time of each sample in seconds."""
        return np.arange(n_samples) / self.sample_rate_hz

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        samples = self.checked(samples)
        if self.standardise:
            spread = samples.std(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
            samples = samples / np.maximum(spread, np.float32(self.smallest))
        return samples[:, None, None] / np.float32(self.divisor)

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends import _torch_stft

        return _torch_stft.RawModule(self)
