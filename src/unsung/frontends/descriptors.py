# SPDX-License-Identifier: MIT
"""Fifteen numbers of a clip: spectral centroid, mel entropy and MFCC 0 to 12, averaged over time.

Sources: G. Peeters, "A large set of audio features", CUIDADO report 2004 (centroid); Davis and
Mermelstein, 1980 (MFCC). Centroid in Hz, weighted by magnitude; entropy in nats of the mel bands'
shares of a frame's power; MFCC in dB turned by a cosine transform. Frames below -90 dB re full
scale do not count. Cheap and readable, and just as good at telling recording chains and genres
apart: never trust a detector on them that was not tested on other corpora.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.frontends._cepstra import cosine_matrix
from unsung.frontends._spectral import hann
from unsung.frontends.base import FrontEnd
from unsung.frontends.log_mel import LogMel, mel_filters
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["ACTIVE_POWER", "NAMES", "Descriptors"]

N_MFCC = 13
NAMES = ("centroid", "entropy", *(f"mfcc_{index}" for index in range(N_MFCC)))
"""Names of the channels, in order; also the columns of a table of descriptors."""
ACTIVE_POWER = 1e-9
"""Mean power per sample below which a frame is silence."""
FLOOR = 1e-10
TOP_DB = 80.0
TINY = 1e-30


@dataclass(frozen=True)
class Descriptors(FrontEnd):
    """Means over frames, one channel each (`NAMES`).

    Shape: ``[batch, time]`` → ``[batch, 15, 1, 1]``. Both engines count in double precision.

    Args:
        n_fft: length of the Hann window and the transform in samples.
        hop: samples between frames.
        n_mels: Slaney bands below entropy and MFCC.
    """

    sample_rate_hz: int = 16000
    n_fft: int = 2048
    hop: int = 512
    n_mels: int = 128

    @property
    def hop_s(self) -> float:
        """Seconds from one averaged frame to the next inside the picture's single column."""
        return self.hop / self.sample_rate_hz

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Middle of the band: a descriptor speaks of the whole spectrum."""
        return np.array([self.sample_rate_hz / 4])

    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Middle of the clip: the picture has one column."""
        return np.array([n_samples / self.sample_rate_hz / 2])

    def tables(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return bins in Hz ``[bin]``, mel bank ``[mel, bin]``, cosines ``[13, mel]``."""
        bins_hz = np.arange(self.n_fft // 2 + 1, dtype=np.float64) * (
            self.sample_rate_hz / self.n_fft
        )
        mel = LogMel(
            self.sample_rate_hz, self.n_fft, self.hop, self.n_mels, 0.0,
            self.sample_rate_hz / 2, "slaney", True,
        )  # fmt: skip
        cosines = cosine_matrix(N_MFCC, self.n_mels)
        return bins_hz, mel_filters(mel).astype(np.float64), cosines.astype(np.float64)

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        samples = self.checked(samples)
        half = self.n_fft // 2
        if samples.shape[1] <= half:
            raise UsageError(
                f"descriptors: expected more than {half} samples to reflect at the ends, got "
                f"{samples.shape[1]}; pad the clip"
            )
        padded = np.pad(samples.astype(np.float64), ((0, 0), (half, half)), mode="reflect")
        return np.stack([self._one(row) for row in padded])[..., None, None]

    def _one(self, row: NDArray[np.float64]) -> FloatArray:
        """Describe one clip. Shape: ``[time]`` → ``[15]``."""
        bins_hz, bank, cosines = self.tables()
        frames = np.lib.stride_tricks.sliding_window_view(row, self.n_fft)[:: self.hop]
        magnitude = np.abs(np.fft.rfft(frames * hann(self.n_fft).astype(np.float64)))
        active = np.square(frames).mean(axis=1) > ACTIVE_POWER
        if not active.any():
            return np.zeros(len(NAMES), np.float32)
        centroid = magnitude @ bins_hz / (magnitude.sum(axis=1) + TINY)
        mel = np.square(magnitude) @ bank.T  # [frame, mel]
        share = mel / (mel.sum(axis=1, keepdims=True) + TINY)
        entropy = -(share * np.log(share + TINY)).sum(axis=1)
        level = 10.0 * np.log10(np.maximum(mel, FLOOR))
        level = np.maximum(level, level.max() - TOP_DB)
        every = np.column_stack([centroid, entropy, level @ cosines.T])
        described: FloatArray = every[active].mean(axis=0).astype(np.float32)
        return described

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends._torch_descriptors import DescriptorsModule

        return DescriptorsModule(self)
