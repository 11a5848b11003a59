# SPDX-License-Identifier: MIT
"""Natural logarithm of the power spectrogram, |X|² + floor, on linear bins.

Source: Gasenzer and Wolter, "Towards generalizing deep-audio fake detection networks", TMLR 2024:
511 points and 220 samples of hop at 22 050 Hz give 256 bins and 101 frames a second, the twin in
size of their wavelet packets. Unit: nepers of power, window not normalised. For perceptual bands
use `log_mel`; for steady lines finer than 43 Hz use `residual_spectrum`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unsung.errors import UnknownName, UsageError
from unsung.frontends._spectral import frame_count, hann
from unsung.frontends.base import FrontEnd
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["PowerStft"]

_BLOCK_SAMPLES = 1 << 17
"""Samples transformed at a time (1 MiB in double precision)."""


@dataclass(frozen=True)
class PowerStft(FrontEnd):
    """Log power of a centred short-time spectrum.

    Shape: ``[batch, time]`` → ``[batch, 1, n_fft // 2 + 1, frame]``.

    Args:
        n_fft: length of the Hann window and the transform in samples.
        hop: samples between frames.
        floor: added to the power before the logarithm.
        precision: "double" keeps both engines within 1e-4 even where bins cancel to almost
            nothing; "single" is faster on an accelerator and errs there.
    """

    sample_rate_hz: int = 22050
    n_fft: int = 511
    hop: int = 220
    floor: float = 1e-12
    precision: Literal["double", "single"] = "double"

    def __post_init__(self) -> None:
        if self.precision not in ("double", "single"):
            raise UnknownName("precision", self.precision, ("double", "single"))
        if self.n_fft < 2 or self.hop < 1 or self.floor <= 0:
            raise UsageError(
                "power_stft: expected n_fft >= 2, hop >= 1 and floor > 0, got "
                f"{self.n_fft}, {self.hop} and {self.floor:g}"
            )

    @property
    def hop_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.sample_rate_hz

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Centre of each bin in Hz."""
        return np.arange(self.n_fft // 2 + 1, dtype=np.float64) * (self.sample_rate_hz / self.n_fft)

    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Centre of each frame in seconds."""
        frames = frame_count(n_samples + 2 * (self.n_fft // 2), self.n_fft, self.hop)
        return np.arange(frames) * self.hop / self.sample_rate_hz

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        samples = self.checked(samples)
        half = self.n_fft // 2
        if samples.shape[1] <= half:
            raise UsageError(
                f"power_stft: expected more than {half} samples to reflect at the ends, got "
                f"{samples.shape[1]}; pad the clip"
            )
        kind = np.float64 if self.precision == "double" else np.float32
        padded = np.pad(samples.astype(kind), ((0, 0), (half, half)), mode="reflect")
        return np.stack([self._one(row) for row in padded])[:, None]

    def _one(self, row: NDArray[np.floating]) -> FloatArray:
        window = hann(self.n_fft).astype(row.dtype)
        frames = np.lib.stride_tricks.sliding_window_view(row, self.n_fft)[:: self.hop]
        step = max(1, _BLOCK_SAMPLES // self.n_fft)
        level = np.empty((self.n_fft // 2 + 1, len(frames)), np.float32)
        for first in range(0, len(frames), step):
            spectrum = scipy.fft.rfft(frames[first : first + step] * window, axis=1)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            level[:, first : first + step] = np.log(power + self.floor).T
        return level

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends._torch_packets import PowerStftModule

        return PowerStftModule(self)
