# SPDX-License-Identifier: MIT
"""Linear-frequency cepstral coefficients, with slopes over time as further channels.

Presets: "asvspoof2021" (Baseline-LFCC-LCNN of the ASVspoof 2021 challenge, Wang and Yamagishi),
"asvspoof2021-gmm" (its LFCC-GMM baseline), "wavefake" (Frank and Schönherr, NeurIPS 2021) and
"gan-police" (Gasenzer and Wolter, TMLR 2024). Unit: logarithms of power turned by a cosine
transform. They describe the envelope of speech up to a few kHz; most music generators leave their
traces elsewhere, and 20 bands blur narrow lines away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UnknownName, UsageError
from unsung.frontends._cepstra import SLOPES, Slope, cosine_matrix, linear_filters, with_slopes
from unsung.frontends._spectral import frame_count, hann, power_blocks
from unsung.frontends.base import FrontEnd
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["Lfcc"]

_CHOICES = {
    "window": ("hann", "hamming"),
    "border": ("reflect", "constant"),
    "logarithm": ("ln", "log10"),
    "slope": tuple(SLOPES),
}


@dataclass(frozen=True)
class Lfcc(FrontEnd):
    """Cosine transform of log energies in linear bands.

    Shape: ``[batch, time]`` → ``[batch, 1 + slope_orders, n_coefficients, frame]``,
    ``frame = time // hop + 1``.

    Args:
        n_fft: length of the transform in samples.
        window_length: length of the window, centred in the transform.
        hop: samples between frames.
        n_filters: number of triangular bands between 0 Hz and `high_hz`.
        n_coefficients: cosine terms kept.
        high_hz: upper edge of the last band; bins from there on are dropped.
        pre_emphasis: share of the sample before that is taken away; 0 switches it off.
        window: "hann" or "hamming", periodic.
        border: what lies beyond both ends: "reflect" or "constant" (zeros).
        logarithm: "ln" or "log10".
        floor: added to a band's energy before the logarithm.
        energy_first: put the logarithm of the frame's energy in place of coefficient 0.
        slope_orders: 0, 1 or 2 further channels: slopes over time, slopes of slopes.
        slope: "difference" (c[t+1] − c[t−1]) or "regression" (five frames).
    """

    sample_rate_hz: int = 16000
    n_fft: int = 1024
    window_length: int = 320
    hop: int = 160
    n_filters: int = 20
    n_coefficients: int = 20
    high_hz: float = 4000.0
    pre_emphasis: float = 0.97
    window: Literal["hann", "hamming"] = "hamming"
    border: Literal["reflect", "constant"] = "constant"
    logarithm: Literal["ln", "log10"] = "log10"
    floor: float = float(np.finfo(np.float32).eps)
    energy_first: bool = True
    slope_orders: int = 2
    slope: Slope = "difference"

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise UnknownName(f"lfcc {name}", getattr(self, name), known)
        if not 0 < self.high_hz <= self.sample_rate_hz / 2:
            raise UsageError(
                f"lfcc: expected high_hz above 0 and up to {self.sample_rate_hz / 2:g}, got "
                f"{self.high_hz:g}"
            )
        if not 1 <= self.n_coefficients <= self.n_filters or self.window_length > self.n_fft:
            raise UsageError(
                "lfcc: expected n_coefficients <= n_filters and window_length <= n_fft, got "
                f"{self.n_coefficients} of {self.n_filters} and {self.window_length} of "
                f"{self.n_fft}"
            )
        if self.slope_orders not in (0, 1, 2):
            raise UsageError(f"lfcc: expected slope_orders 0, 1 or 2, got {self.slope_orders}")

    @classmethod
    def preset(cls, name: str) -> Lfcc:
        """Return a published setting; see the module for the names."""
        plain = cls(
            n_fft=512, window_length=512, hop=256, high_hz=8000.0, pre_emphasis=0.0,
            window="hann", border="reflect", logarithm="ln", floor=1e-6,
            energy_first=False, slope_orders=0, slope="regression",
        )  # fmt: skip
        presets = {
            "asvspoof2021": cls(),
            "asvspoof2021-gmm": cls(
                window_length=480, hop=240, n_filters=70, energy_first=False, floor=2.2204e-16
            ),
            "wavefake": replace(plain, slope_orders=2),
            "gan-police": replace(
                plain, sample_rate_hz=22050, n_fft=511, window_length=511, hop=220,
                high_hz=11025.0, floor=1e-12,
            ),
        }  # fmt: skip
        if name not in presets:
            raise UnknownName("lfcc preset", name, presets)
        return presets[name]

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
        frames = frame_count(n_samples + 2 * (self.n_fft // 2), self.n_fft, self.hop)
        return np.arange(frames) * self.hop / self.sample_rate_hz

    @cached_property
    def n_bins(self) -> int:
        """How many bins of the transform are used, from 0 Hz up."""
        every = self.n_fft // 2 + 1
        return every if self.high_hz == self.sample_rate_hz / 2 else int(
            self.high_hz / (self.sample_rate_hz / 2) * every
        )  # fmt: skip

    @cached_property
    def filters(self) -> FloatArray:
        """The bands; their bins are spread evenly from 0 to `high_hz`, as published."""
        bins_hz = np.linspace(0.0, self.high_hz, self.n_bins)
        return linear_filters(self.n_filters, 0.0, self.high_hz, bins_hz)

    @cached_property
    def padded_window(self) -> FloatArray:
        """The window in the middle of a transform. Shape: ``[n_fft]``."""
        window = hann(self.window_length)
        if self.window == "hamming":
            window = np.float32(0.08) + np.float32(0.92) * window
        left = (self.n_fft - self.window_length) // 2
        padded: FloatArray = np.pad(window, (left, self.n_fft - self.window_length - left))
        return padded

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        samples = self.checked(samples)
        half = self.n_fft // 2
        if samples.shape[1] <= half:
            raise UsageError(
                f"lfcc: expected more than {half} samples, got {samples.shape[1]}; pad the clip"
            )
        if self.pre_emphasis:
            before = np.pad(samples[:, :-1], ((0, 0), (1, 0)))
            samples = samples - np.float32(self.pre_emphasis) * before
        padded = np.pad(samples, ((0, 0), (half, half)), mode=self.border)
        static = np.stack([self._static(row) for row in padded])
        return with_slopes(static, self.slope_orders, self.slope).astype(np.float32)

    def _static(self, row: FloatArray) -> FloatArray:
        """Return the coefficients of one clip. Shape: ``[time]`` → ``[coefficient, frame]``."""
        blocks = power_blocks(row, self.padded_window, self.hop, slice(0, self.n_bins))
        power = np.concatenate([block for _, block in blocks]).T  # [bin, frame]
        log = np.log if self.logarithm == "ln" else np.log10
        level = log(self.filters @ power + np.float32(self.floor))
        static: FloatArray = cosine_matrix(self.n_coefficients, self.n_filters) @ level
        if self.energy_first:
            static[0] = log(power.sum(axis=0) / np.float32(self.n_fft) + np.float32(self.floor))
        return static

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends._torch_cepstra import LfccModule

        return LfccModule(self)
