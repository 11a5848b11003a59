# SPDX-License-Identifier: MIT
"""Mel-frequency cepstral coefficients: the cosine transform of a log-mel spectrogram in dB.

Source: Davis and Mermelstein, IEEE TASSP 1980; the default is librosa's setting (Slaney bands, dB
under the clip's maximum, 13 coefficients). Unit: dB, turned by an orthonormal cosine transform.
They describe timbre, and with it what the music is: a detector on them learns the corpus sooner
than the generator unless both hold the same music.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UnknownName, UsageError
from unsung.frontends._cepstra import SLOPES, Slope, cosine_matrix, with_slopes
from unsung.frontends.base import FrontEnd
from unsung.frontends.log_mel import LogMel, Scale
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["Mfcc"]


@dataclass(frozen=True)
class Mfcc(FrontEnd):
    """Cosine transform of mel bands in dB.

    Shape: ``[batch, time]`` → ``[batch, 1 + slope_orders, n_coefficients, frame]``,
    ``frame = time // hop + 1``.

    Args:
        n_coefficients: cosine terms kept, from 0 up.
        n_fft: see `LogMel`, as are hop, n_mels, low_hz, high_hz, scale, equal_area and top_db.
        slope_orders: 0, 1 or 2 further channels: slopes over time, slopes of slopes.
        slope: "difference" (c[t+1] − c[t−1]) or "regression" (five frames).
    """

    sample_rate_hz: int = 22050
    n_coefficients: int = 13
    n_fft: int = 2048
    hop: int = 512
    n_mels: int = 128
    low_hz: float = 0.0
    high_hz: float = 11025.0
    scale: Scale = "slaney"
    equal_area: bool = True
    top_db: float | None = 80.0
    slope_orders: int = 0
    slope: Slope = "regression"

    def __post_init__(self) -> None:
        if self.slope not in SLOPES:
            raise UnknownName("mfcc slope", self.slope, SLOPES)
        if not 1 <= self.n_coefficients <= self.n_mels:
            raise UsageError(
                f"mfcc: expected 1 to {self.n_mels} coefficients, got {self.n_coefficients}"
            )
        if self.slope_orders not in (0, 1, 2):
            raise UsageError(f"mfcc: expected slope_orders 0, 1 or 2, got {self.slope_orders}")
        self.mel  # noqa: B018  an impossible band is refused here, not at the first clip

    @property
    def mel(self) -> LogMel:
        """The spectrogram underneath."""
        shared = ("sample_rate_hz", "n_fft", "hop", "n_mels", "low_hz", "high_hz", "scale")
        values = {name: getattr(self, name) for name in (*shared, "equal_area", "top_db")}
        return LogMel(**values)

    @property
    def hop_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.sample_rate_hz

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Number of each coefficient: a cepstrum has no axis in Hz."""
        return np.arange(self.n_coefficients, dtype=np.float64)

    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Centre of each frame in seconds."""
        return self.mel.times_s(n_samples)

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        level = self.mel(samples)[:, 0]
        static = cosine_matrix(self.n_coefficients, self.n_mels) @ level
        return with_slopes(static, self.slope_orders, self.slope).astype(np.float32)

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends._torch_cepstra import MfccModule

        return MfccModule(self)
