# SPDX-License-Identifier: MIT
"""Time-averaged dB spectrum minus its smooth envelope: what a decoder leaves behind.

Strided upsampling (transposed convolution, nearest or linear interpolation, sub-pixel) repeats the
spectrum at multiples of the layer's input rate and leaves small, fixed, narrow peaks there
(Afchar, Meseguer-Brocal and Hennequin, "A Fourier explanation of AI-music artifacts", ISMIR 2025).
Music moves, the peaks do not: averaging over time keeps them, subtracting the envelope isolates
them. Two ways to take the envelope away:

* ``local``: in every frame, the running mean over a few bins; what remains is clipped to a few dB
  before it is averaged, so that loud partials of the music weigh no more than faint steady lines.
  Two more statistics of the frames can stand beside that mean (`unsung.frontends._steadiness`).
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
from unsung.frontends._running import (
    hull_knots,
    padded_log,
    running_means,
    with_margins,
)
from unsung.frontends._spectral import hann, power_of, spectrum_blocks
from unsung.frontends._steadiness import PairSums, Rows, Sums, levelled
from unsung.frontends.base import FrontEnd
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["ResidualSpectrum", "Rows", "Statistic"]

DB = np.float32(10.0 / np.log(10.0))
"""dB for each neper of power: logarithms are natural inside, the fastest in float32."""

ACTIVE_POWER = np.float32(1e-9)
"""Mean power of a frame (-90 dB re full scale) below which it is silence and not averaged."""

SPREAD_FLOOR = np.float32(1e-3)
"""dB added to the deviation before dividing, so that an empty residual stays empty."""

Envelope = Literal["local", "minimum", "hull"]
Statistic = Literal["mean", "persistence", "coherence"]
Normalise = Literal["none", "peak", "deviation"]


_NO_FRAME = -2
"""A place that no frame is next to."""


@dataclass(frozen=True)
class _Block:
    """Frames that are not silent. Shape: places ``[frame]``, the rest ``[frame, freq]``.

    ``level`` and ``rests`` are natural logarithms, one residual a width; ``even`` is the spectrum
    with each bin at its level above its surroundings.
    """

    places: NDArray[np.int64]
    level: FloatArray
    rests: list[FloatArray]
    even: NDArray[np.complex64] | None


@dataclass(frozen=True)
class ResidualSpectrum(FrontEnd):
    """One averaged residual for each statistic and smoothing width.

    Shape: ``[batch, time]`` → ``[batch, len(statistics) · len(widths), freq, 1]``, all widths of
    the first statistic first.

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
        envelope_floor_db: lower envelopes: they are at least this.
        keep_silence: average silent frames too, as the published systems do.
        unit_window: scale the window to unit energy (dB re full scale a bin), else leave it.
        open_band: leave out bins exactly at the band's limits.
        centre: reflect half a window at both ends, as the published systems do.
        floor: smallest power of a bin.
        ceiling: largest power of a bin.
        statistics: local only: "mean" of the frames' residuals first; "persistence", the mean
            product of the residuals of neighbouring frames; "coherence", the magnitude of the mean
            cross-spectrum of neighbouring frames, less its running mean over each width.
        product_clip_db: persistence: the residuals are kept within ± this.
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
    statistics: tuple[Statistic, ...] = ("mean",)
    product_clip_db: float = 6.0
    keep_silence: bool = False

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

        known = ("mean", "persistence", "coherence")
        for name in self.statistics:
            if name not in known:
                raise UnknownName("statistic", name, known)
        if self.statistics[:1] != ("mean",) or (self.envelope != "local" and self.statistics[1:]):
            raise UsageError(
                "residual_spectrum: expected statistics that begin with 'mean', and nothing else "
                f"where the envelope is not local; got {list(self.statistics)}"
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
            envelope_floor_db=-45.0,
            unit_window=False,
            centre=True,
            keep_silence=True,
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
            keep_silence=True,
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

    @property
    def channels(self) -> int:
        """Channels of the picture."""
        return len(self.statistics) * len(self.widths)

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        rows = self.padded(self.checked(samples))
        return np.stack([self.finish(self.accumulate(row, self.hop)) for row in rows])[..., None]

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
    ) -> Sums:
        """Add up the frames of a signal without silence.

        Hours of sound need no more memory than one spectrum. When `levels` is given, the plain dB
        spectra are added to it in place.

        Shape: signal ``[time]``, levels ``[freq]``.
        """
        local = self.envelope == "local"
        shape = (len(self.widths) if local else 1, len(self.freqs_hz))
        sums = Sums(np.zeros(shape))
        products = [PairSums(np.zeros(shape[1])) for _ in self.widths if self._has("persistence")]
        cross = PairSums(np.zeros(shape[1], np.complex128)) if self._has("coherence") else None
        limit, wide = np.float32(self.clip_db) / DB, np.float32(self.product_clip_db) / DB
        last = _NO_FRAME
        for block in self._blocks(signal, hop):
            joined = (np.diff(block.places, prepend=last) == 1).astype(np.float32)
            last = int(block.places[-1])
            sums.frames += len(joined)
            sums.pairs += int(joined.sum())
            if levels is not None:
                levels += DB * block.level.sum(axis=0)
            if not local:
                sums.level[0] += block.level.sum(axis=0)
            for channel, rest in enumerate(block.rests):
                if products:
                    products[channel].add(np.clip(rest, -wide, wide), joined)
                np.clip(rest, -limit, limit, out=rest)
                sums.level[channel] += rest.sum(axis=0)
            if cross is not None and block.even is not None:
                cross.add(block.even, joined)
        sums.level *= DB  # levels are natural logarithms until here
        if products:
            sums.product = np.stack([p.total for p in products]).real * np.float64(DB) ** 2
        if cross is not None:
            sums.cross = cross.total.astype(np.complex128)
        return sums

    def rows(self, signal: FloatArray, hop: int) -> Rows:
        """Return what `accumulate` adds up, frame by frame; local envelopes only.

        Shape: signal ``[time]``.
        """
        blocks = list(self._blocks(signal, hop))
        width, freq = len(self.widths), len(self.freqs_hz)
        places = np.concatenate([np.zeros(0, np.int64), *(block.places for block in blocks)])
        rests = DB * np.concatenate(
            [np.zeros((0, width, freq), np.float32), *(np.stack(b.rests, 1) for b in blocks)]
        )
        pairs = np.flatnonzero(np.diff(places, prepend=_NO_FRAME) == 1)
        wide = np.clip(rests, -self.product_clip_db, self.product_clip_db)
        cross = None
        if self._has("coherence"):
            even = np.concatenate(
                [np.zeros((0, freq), np.complex64), *(b.even for b in blocks if b.even is not None)]
            )
            cross = even[pairs] * even[pairs - 1].conj()
        level = np.clip(rests, -self.clip_db, self.clip_db).astype(np.float32)
        return Rows(places, level, pairs, wide[pairs] * wide[pairs - 1], cross)

    def _has(self, statistic: Statistic) -> bool:
        return statistic in self.statistics

    def _blocks(self, signal: FloatArray, hop: int) -> Iterator[_Block]:
        """Yield blocks of frames that are not silent."""
        local = self.envelope == "local"
        for first, spectrum in spectrum_blocks(signal, self.window, hop):
            kept = spectrum[:, self.bins].copy() if self._has("coherence") else None
            power = power_of(spectrum, self.bins)
            active = power.mean(axis=1) > ACTIVE_POWER * self._gain
            if self.keep_silence:
                active[:] = True
            places = first + np.flatnonzero(active)
            if not len(places):
                continue
            loud = power if active.all() else power[active]
            np.clip(loud, np.float32(self.floor), np.float32(self.ceiling), out=loud)
            even = None
            if kept is not None:
                even = levelled(kept if active.all() else kept[active], loud, max(self.widths))
            padded, level = padded_log(loud, self.widths if local else (1,))
            rests = []
            for smooth in running_means(padded, self.widths) if local else ():
                rests.append(np.subtract(level, smooth, out=smooth))
            yield _Block(places, level, rests, even)

    @cached_property
    def _gain(self) -> np.float32:
        return np.float32(1.0 if self.unit_window else np.square(hann(self.n_fft)).sum())

    def finish(self, sums: Sums) -> FloatArray:
        """Turn sums over frames into the picture.

        Shape: → ``[channel, freq]``.
        """
        mean = sums.level / max(1, sums.frames)
        pairs = max(1, sums.pairs)
        if self.envelope == "local":
            parts = [mean.astype(np.float32)]
            for name in self.statistics[1:]:
                if name == "persistence" and sums.product is not None:
                    parts.append((sums.product / pairs).astype(np.float32))
                if name == "coherence" and sums.cross is not None:
                    steady = np.abs(sums.cross / pairs).astype(np.float32)
                    parts.append(self.above(steady[None])[0])
            residual = np.concatenate(parts)
        else:
            level = mean[0].astype(np.float32)
            lower = np.stack([self._lower(level, width) for width in self.widths])
            residual = np.clip(level - lower, 0, np.float32(self.clip_db))
        if self.normalise == "peak":
            residual = residual / (residual.max(axis=1, keepdims=True) + np.float32(1e-6))
        if self.normalise == "deviation":
            residual = residual / (residual.std(axis=1, keepdims=True) + SPREAD_FLOOR)
        return residual.astype(np.float32)

    def above(self, values: FloatArray) -> FloatArray:
        """Take off the running mean over each width.

        Shape: ``[row, freq]`` → ``[row, width, freq]``.
        """
        padded, middle = with_margins(values, self.widths)
        return np.stack([middle - mean for mean in running_means(padded, self.widths)], axis=1)

    def _lower(self, level: FloatArray, width: int) -> NDArray[np.floating]:
        if self.envelope == "minimum":
            lowest = scipy.ndimage.minimum_filter1d(level, width, mode="nearest")
            return np.maximum(lowest, np.float32(self.envelope_floor_db))
        from scipy.interpolate import interp1d  # a quarter of a second, and only the hull wants it

        knots = hull_knots(level, width)
        spline = interp1d(knots, level[knots], kind="quadratic")
        lower = np.asarray(spline(np.arange(len(level))), np.float64)
        return np.maximum(lower, self.envelope_floor_db)

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.frontends import _torch

        return _torch.ResidualSpectrumModule(self)
