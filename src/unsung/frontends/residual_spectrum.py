# SPDX-License-Identifier: MIT
"""Time-averaged dB spectrum minus its smooth envelope: what a decoder leaves behind.

Strided upsampling (transposed convolution, nearest or linear interpolation, sub-pixel) repeats the
spectrum at multiples of the layer's input rate and leaves small, fixed, narrow peaks there
(Afchar, Meseguer-Brocal and Hennequin, "A Fourier explanation of AI-music artifacts", ISMIR 2025).
Music moves, the peaks do not: averaging over time keeps them, subtracting the envelope isolates
them. Two ways to take the envelope away:

* ``local``: in every frame, the running mean over a few bins; what remains is clipped to a few dB
  before it is averaged, so that loud partials of the music weigh no more than faint steady lines.
* ``minimum`` and ``hull``: the published way, the running lower envelope of the averaged spectrum.

Units: dB before normalisation. Not for sound that was sped up or pitched (the peaks move), nor for
generators without upsampling layers. Peak-based detection of upsampling artefacts is subject to
patent applications by others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from unsung.errors import UnknownName, UsageError
from unsung.frontends._spectral import hann, power_blocks
from unsung.frontends.base import FrontEnd
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["ResidualSpectrum", "hull_knots", "hull_matrix"]

DB = np.float32(10.0 / np.log(10.0))
"""dB for each neper of power: logarithms are natural inside, the fastest in float32."""

ACTIVE_POWER = np.float32(1e-9)
"""Mean power of a frame (-90 dB re full scale) below which it is silence and not averaged."""

SPREAD_FLOOR = np.float32(1e-3)
"""dB added to the deviation before dividing, so that an empty residual stays empty."""

Envelope = Literal["local", "minimum", "hull"]
Normalise = Literal["none", "peak", "deviation"]


@dataclass(frozen=True)
class ResidualSpectrum(FrontEnd):
    """One averaged residual for each smoothing width.

    Shape: ``[batch, time]`` → ``[batch, len(widths), freq, 1]``.

    Args:
        n_fft: Hann window and transform in samples; 16384 at 16 kHz is 0.98 Hz a bin.
        hop: samples between frames.
        low_hz: lowest bin used.
        high_hz: highest bin used.
        envelope: "local", "minimum" or "hull" (see the module).
        widths: bins that the envelope spans, one channel each.
        clip_db: local: residual of a frame is kept within ± this; lower envelopes: of the
            average, within 0 and this.
        normalise: "deviation" divides each channel by its deviation over frequency (a verdict that
            does not depend on how long was averaged), "peak" by its maximum, "none" keeps dB.
        envelope_floor_db: hull only: the envelope is at least this.
        unit_window: scale the window to unit energy (dB re full scale a bin), else leave it.
        open_band: leave out bins exactly at the band's limits.
        centre: reflect half a window at both ends, as the published systems do.
        floor: smallest power of a bin.
        ceiling: largest power of a bin.
    """

    sample_rate_hz: int = 16000
    n_fft: int = 16384
    hop: int = 8192
    low_hz: float = 250.0
    high_hz: float = 8000.0
    envelope: Envelope = "local"
    widths: tuple[int, ...] = (5, 13)
    clip_db: float = 2.0
    normalise: Normalise = "deviation"
    envelope_floor_db: float = -1e9
    unit_window: bool = True
    open_band: bool = False
    centre: bool = False
    floor: float = 1e-10
    ceiling: float = 1e6

    def __post_init__(self) -> None:
        if self.envelope not in ("local", "minimum", "hull"):
            raise UnknownName("envelope", self.envelope, ("local", "minimum", "hull"))
        if self.normalise not in ("none", "peak", "deviation"):
            raise UnknownName("normalisation", self.normalise, ("none", "peak", "deviation"))
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2:
            raise UsageError(
                f"residual_spectrum: expected 0 <= low_hz < high_hz <= "
                f"{self.sample_rate_hz / 2:g}, got {self.low_hz:g} and {self.high_hz:g}"
            )
        if not self.widths or min(self.widths) < 2 or max(self.widths) >= len(self.freqs_hz):
            raise UsageError(
                f"residual_spectrum: expected widths from 2 to {len(self.freqs_hz) - 1} bins, "
                f"got {list(self.widths)}"
            )

    @classmethod
    def preset(cls, name: str) -> ResidualSpectrum:
        """Return a published setting: "lofcz" (MIT project) or "ismir25" (Afchar et al.)."""
        lofcz = cls(
            n_fft=8192,
            hop=4096,
            low_hz=1000.0,
            envelope="minimum",
            widths=(10,),
            clip_db=5.0,
            normalise="peak",
            unit_window=False,
            centre=True,
        )
        ismir25 = cls(
            sample_rate_hz=44100,
            low_hz=5000.0,
            high_hz=16000.0,
            envelope="hull",
            widths=(10,),
            clip_db=5.0,
            normalise="peak",
            envelope_floor_db=-45.0,
            unit_window=False,
            open_band=True,
            centre=True,
        )
        presets = {"lofcz": lofcz, "ismir25": ismir25}
        if name not in presets:
            raise UnknownName("residual_spectrum preset", name, presets)
        return presets[name]

    @cached_property
    def bins(self) -> slice:
        """The bins of the transform that lie in the band."""
        every = np.arange(self.n_fft // 2 + 1) * (self.sample_rate_hz / self.n_fft)
        if self.open_band:
            inside = (every > self.low_hz) & (every < self.high_hz)
        else:
            inside = (every >= self.low_hz - 1e-9) & (every <= self.high_hz + 1e-9)
        found = np.flatnonzero(inside)
        return slice(int(found[0]), int(found[-1]) + 1)

    @cached_property
    def window(self) -> FloatArray:
        """Hann window; with unit_window, white noise of variance v has power v in every bin."""
        window = hann(self.n_fft)
        if self.unit_window:
            window = window / np.sqrt(np.square(window).sum(dtype=np.float32))
        return window.astype(np.float32)

    @property
    def hop_s(self) -> float:
        """Seconds from one averaged frame to the next inside the picture's single column."""
        return self.hop / self.sample_rate_hz

    @cached_property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Centre of each bin in Hz."""
        bins = self.bins
        return np.arange(bins.start, bins.stop) * (self.sample_rate_hz / self.n_fft)

    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Return the middle of the clip: the picture has one column."""
        return np.array([n_samples / self.sample_rate_hz / 2])

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        rows = []
        for row in self.padded(self.checked(samples)):
            total, count = self.accumulate(row, self.hop)
            rows.append(self.finish(total / max(count, 1)))
        return np.stack(rows)[..., None]

    def padded(self, samples: FloatArray) -> FloatArray:
        """Reflect half a window at both ends when the setting is centred."""
        half = self.n_fft // 2
        if not self.centre:
            return samples
        if samples.shape[-1] <= half:
            raise UsageError(
                f"residual_spectrum: expected more than {half} samples to reflect at the ends, "
                f"got {samples.shape[-1]}; pad the clip or set centre=False"
            )
        return np.pad(samples, ((0, 0), (half, half)), mode="reflect")

    def accumulate(
        self, signal: FloatArray, hop: int, levels: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], int]:
        """Sum the frames of a signal without silence; returns the sum and the frame count.

        Sums of pieces add up, so that hours of sound need no more memory than one spectrum. When
        `levels` is given, the plain dB spectra are added to it in place.

        Shape: signal ``[time]``, levels ``[freq]`` → sum ``[len(widths) or 1, freq]``.
        """
        local = self.envelope == "local"
        total = np.zeros((len(self.widths) if local else 1, len(self.freqs_hz)))
        widths = self.widths if local else (1,)
        limit = np.float32(self.clip_db) / DB  # levels are natural logarithms until the end
        count = 0
        for _, power in power_blocks(signal, self.window, hop, self.bins):
            active = power.mean(axis=1) > ACTIVE_POWER * self._gain
            loud = power if active.all() else power[active]
            if not len(loud):
                continue
            np.clip(loud, np.float32(self.floor), np.float32(self.ceiling), out=loud)
            padded, level = _padded_log(loud, widths)
            count += len(level)
            if levels is not None:
                levels += DB * level.sum(axis=0)
            if not local:
                total[0] += level.sum(axis=0)
                continue
            for channel, smooth in enumerate(_running_means(padded, widths)):
                rest = np.subtract(level, smooth, out=smooth)
                np.clip(rest, -limit, limit, out=rest)
                total[channel] += rest.sum(axis=0)
        total *= DB
        return total, count

    @cached_property
    def _gain(self) -> np.float32:
        return np.float32(1.0 if self.unit_window else np.square(hann(self.n_fft)).sum())

    def finish(self, mean: NDArray[np.floating]) -> FloatArray:
        """Turn the mean over frames into the residual.

        Shape: ``[len(widths) or 1, freq]`` → ``[len(widths), freq]``.
        """
        if self.envelope == "local":
            residual = mean.astype(np.float32)
        else:
            level = mean[0].astype(np.float32)
            lower = np.stack([self._lower(level, width) for width in self.widths])
            residual = np.clip(level - lower, 0, np.float32(self.clip_db))
        if self.normalise == "peak":
            residual = residual / (residual.max(axis=1, keepdims=True) + np.float32(1e-6))
        if self.normalise == "deviation":
            residual = residual / (residual.std(axis=1, keepdims=True) + SPREAD_FLOOR)
        return residual.astype(np.float32)

    def _lower(self, level: FloatArray, width: int) -> NDArray[np.floating]:
        if self.envelope == "minimum":
            return scipy.ndimage.minimum_filter1d(level, width, mode="nearest")
        from scipy.interpolate import interp1d  # a quarter of a second, and only the hull wants it

        knots = hull_knots(level, width)
        spline = interp1d(knots, level[knots], kind="quadratic")
        lower = np.asarray(spline(np.arange(len(level))), np.float64)
        return np.maximum(lower, self.envelope_floor_db)

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends import _torch

        return _torch.ResidualSpectrumModule(self)


def _margins(widths: tuple[int, ...]) -> tuple[int, int]:
    """Return how many bins the widest windows reach beyond both ends."""
    return max(w // 2 for w in widths), max(w - 1 - w // 2 for w in widths)


def _padded_log(power: FloatArray, widths: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm with repeated ends, and the view of it without them.

    Shape: ``[frame, freq]`` → ``[frame, left + freq + right]``, ``[frame, freq]``.
    """
    left, right = _margins(widths)
    length = power.shape[1]
    padded = np.empty((len(power), left + length + right), np.float32)
    level = padded[:, left : left + length]
    np.log(power, out=level)
    padded[:, :left] = level[:, :1]
    padded[:, left + length :] = level[:, -1:]
    return padded, level


def _running_means(padded: FloatArray, widths: tuple[int, ...]) -> Iterator[FloatArray]:
    """Yield the mean over each width of bins around each bin.

    Sums of 1, 2, 4, ... neighbours are built by doubling and shared by all widths: a few passes
    of plain additions, which the processor vectorises, where a running sum goes one by one.

    Shape: ``[frame, left + freq + right]`` → ``[frame, freq]`` for each width.
    """
    left, right = _margins(widths)
    length = padded.shape[1] - left - right
    powers = [padded]
    while 2 ** len(powers) <= max(widths):
        last, span = powers[-1], 2 ** (len(powers) - 1)
        powers.append(last[:, :-span] + last[:, span:])
    for width in widths:
        start = left - width // 2
        parts = []
        for bit, power in enumerate(powers):
            if width >> bit & 1:
                parts.append(power[:, start : start + length])
                start += 2**bit
        total = np.multiply(parts[0], 1) if len(parts) == 1 else parts[0] + parts[1]
        for part in parts[2:]:
            np.add(total, part, out=total)
        yield np.multiply(total, np.float32(1.0 / width), out=total)


def hull_knots(level: FloatArray, width: int) -> NDArray[np.int64]:
    """Return the positions of every sliding window's minimum, and both ends, without repeats.

    Shape: ``[freq]`` → ``[knot]``.
    """
    windows = np.lib.stride_tricks.sliding_window_view(level, width)
    found = np.arange(len(windows)) + windows.argmin(axis=1)
    return np.unique(np.concatenate([[0], found, [len(level) - 1]]))


def hull_matrix(knots: NDArray[np.int64], length: int) -> NDArray[np.float64]:
    """Return the matrix that interpolates values at the knots, quadratically, to every bin.

    Shape: ``[knot]`` → ``[length, knot]``.
    """
    from scipy.interpolate import interp1d

    spline = interp1d(knots, np.eye(len(knots)), axis=0, kind="quadratic")
    return np.asarray(spline(np.arange(length)), np.float64)
