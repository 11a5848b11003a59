# SPDX-License-Identifier: MIT
"""Log-mel spectrogram in dB, HTK or Slaney scale.

Sources: HTK Book 3.4 (mel = 2595 log10(1 + f/700)); M. Slaney, Auditory Toolbox, 1998 (linear
below 1 kHz, logarithmic above, filters of equal area). Preset "sonics" is the published setting
of SpecTTTra (Rahman et al., ICLR 2025). Do not use it to look for traces of upsampling layers:
a mel band averages their narrow peaks away; `residual_spectrum` keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UnknownName, UsageError
from unsung.frontends._spectral import frame_count, hann, power_blocks
from unsung.frontends.base import FrontEnd
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["LogMel", "hz_to_mel", "mel_filters", "mel_to_hz"]

Scale = Literal["htk", "slaney"]


@dataclass(frozen=True)
class LogMel(FrontEnd):
    """Mel bands of the power spectrogram in dB.

    Shape: ``[batch, time]`` → ``[batch, 1, n_mels, frame]``, ``frame = time // hop + 1`` when
    centred.

    Args:
        n_fft: length of the Hann window and the transform in samples.
        hop: samples between frames.
        n_mels: number of bands.
        low_hz: lower edge of the first band.
        high_hz: upper edge of the last band.
        scale: "htk" or "slaney".
        equal_area: divide each filter by its width in Hz (Slaney's normalisation).
        floor: smallest power, so that silence has a finite level.
        top_db: levels are at least the clip's own maximum minus this; None switches it off. The
            maximum is taken per clip, so that a result does not depend on its batch mates.
        standardise: subtract the clip's mean and divide by its (unbiased) deviation + 1e-6.
        centre: reflect half a window at both ends, so that frame k is centred at k · hop.
    """

    sample_rate_hz: int = 16000
    n_fft: int = 2048
    hop: int = 512
    n_mels: int = 128
    low_hz: float = 20.0
    high_hz: float = 8000.0
    scale: Scale = "htk"
    equal_area: bool = False
    floor: float = 1e-10
    top_db: float | None = 80.0
    standardise: bool = False
    centre: bool = True

    def __post_init__(self) -> None:
        if self.scale not in ("htk", "slaney"):
            raise UnknownName("mel scale", self.scale, ("htk", "slaney"))
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2:
            raise UsageError(
                f"log_mel: expected 0 <= low_hz < high_hz <= {self.sample_rate_hz / 2:g}, got "
                f"{self.low_hz:g} and {self.high_hz:g}; choose a band inside the sample rate"
            )

    @classmethod
    def preset(cls, name: str) -> LogMel:
        """Return a published setting: "sonics" (SpecTTTra's input before resizing), "librosa"."""
        presets = {
            "sonics": cls(standardise=True),
            "librosa": cls(
                sample_rate_hz=22050, low_hz=0.0, high_hz=11025.0, scale="slaney", equal_area=True
            ),
        }
        if name not in presets:
            raise UnknownName("log_mel preset", name, presets)
        return presets[name]

    @property
    def hop_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.sample_rate_hz

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Centre of each band in Hz."""
        return _band_edges(self)[1:-1]

    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Centre of each frame in seconds."""
        half = self.n_fft // 2
        padded = n_samples + (2 * half if self.centre else 0)
        frames = np.arange(frame_count(padded, self.n_fft, self.hop))
        return (frames * self.hop + (0 if self.centre else half)) / self.sample_rate_hz

    def filters(self) -> FloatArray:
        """Return the mel filter bank. Shape: ``[n_mels, n_fft // 2 + 1]``."""
        return mel_filters(self)

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        samples = self.checked(samples)
        half = self.n_fft // 2
        if self.centre:
            if samples.shape[1] <= half:
                raise UsageError(
                    f"log_mel: expected more than {half} samples to reflect at the ends, got "
                    f"{samples.shape[1]}; pad the clip or set centre=False"
                )
            samples = np.pad(samples, ((0, 0), (half, half)), mode="reflect")
        return np.stack([self._one(row) for row in samples])[:, None]

    def _one(self, row: FloatArray) -> FloatArray:
        bank, window = self.filters().T, hann(self.n_fft)
        blocks = [p @ bank for _, p in power_blocks(row, window, self.hop, slice(None))]
        level = 10.0 * np.log10(np.maximum(np.concatenate(blocks), np.float32(self.floor)))
        if self.top_db is not None:
            level = np.maximum(level, level.max() - np.float32(self.top_db))
        if self.standardise:
            level = (level - level.mean()) / (level.std(ddof=1) + np.float32(1e-6))
        return np.ascontiguousarray(level.T, dtype=np.float32)

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends import _torch

        return _torch.LogMelModule(self)


def hz_to_mel(hz: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Convert Hz to mel on the chosen scale."""
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    return np.where(hz < 1000.0, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1.0) / 1000) / _LOG)


def mel_to_hz(mel: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Convert mel on the chosen scale to Hz."""
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((np.maximum(mel, 15) - 15) * _LOG / 27))


_LOG = np.log(6.4)
"""Slaney's scale: 27 mel for each factor of 6.4 above 1 kHz."""


def _band_edges(front_end: LogMel) -> NDArray[np.float64]:
    limits = hz_to_mel(np.array([front_end.low_hz, front_end.high_hz]), front_end.scale)
    return mel_to_hz(np.linspace(limits[0], limits[1], front_end.n_mels + 2), front_end.scale)


def mel_filters(front_end: LogMel) -> FloatArray:
    """Return triangular filters on the linear bins. Shape: ``[n_mels, n_fft // 2 + 1]``."""
    bins = np.linspace(0.0, front_end.sample_rate_hz / 2, front_end.n_fft // 2 + 1)
    edges = _band_edges(front_end)
    width = np.diff(edges)
    rising = (bins - edges[:-2, None]) / width[:-1, None]
    falling = (edges[2:, None] - bins) / width[1:, None]
    bank = np.maximum(0.0, np.minimum(rising, falling))
    if front_end.equal_area:
        bank *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return bank.astype(np.float32)
