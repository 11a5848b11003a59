# SPDX-License-Identifier: MIT
"""Measures one track from a stream of blocks; memory does not grow with its length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unsung.audio.resample import StreamResampler
from unsung.runtime.attribution import UNKNOWN
from unsung.runtime.evidence import (
    COPIED,
    SHIFTED,
    Spectra,
    bandwidth_hz,
    contributions_on,
    evidence,
)
from unsung.runtime.sketch import SpectrogramSketch
from unsung.types import Evidence, FloatArray, Picture, Record

if TYPE_CHECKING:
    from unsung.runtime.bundle import Bundle

__all__ = ["Analysis", "Analyzer", "Moments"]

LEAST_WINDOWS = 1.5
"""With fewer effective windows there is no variation to speak of."""


class Moments:
    """Mean and deviation of every bin over a track's windows, each weighing the sound it holds.

    A decoder's lines stand in every window, a song's notes come and go: how a bin varies over the
    track tells one from the other. Updated window by window (West, "Updating mean and variance
    estimates", CACM 1979), so that memory does not grow. Shape: values ``[channel, freq]``.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._weight = self._squares = 0.0
        self._mean = np.zeros(shape)
        self._rest = np.zeros(shape)

    def add(self, values: FloatArray, weight: float) -> None:
        """Add one window."""
        self._weight += weight
        self._squares += weight * weight
        away = values - self._mean
        self._mean += away * (weight / self._weight)
        self._rest += weight * away * (values - self._mean)

    @property
    def mean(self) -> FloatArray:
        """The weighted mean; zeros before the first window."""
        return self._mean.astype(np.float32)

    def deviation(self) -> FloatArray | None:
        """Return the deviation over windows, None of a single one.

        Unbiased for normal values whatever the number of windows: Bessel's correction, and the
        root's own by the usual approximation of c4. With unequal windows their effective number.
        """
        if not self._squares:
            return None
        n = self._weight**2 / self._squares
        if n < LEAST_WINDOWS:
            return None
        root = np.sqrt(self._rest / self._weight * (n / (n - 1)))
        return np.asarray(root * ((4 * n - 3) / (4 * n - 4)), np.float32)


@dataclass(frozen=True)
class Analysis(Record):
    """What was measured of one track; ``reason`` says why it cannot carry a verdict.

    ``family`` is what an AI track would be named, "unknown" included, and None without templates;
    ``residual`` is the mean residual on the reference front end's axis, in which a comb is looked
    for (shape ``[freq]``), ``variation`` what the bins' deviations over the windows added to the
    logit.
    """

    windows: tuple[tuple[float, float], ...]
    logit: float | None
    covered_s: float
    evidence: Evidence | None
    family: str | None
    reason: str
    picture: Picture | None
    bandwidth_hz: float | None = None
    residual: FloatArray | None = None
    variation: float = 0.0


class Analyzer:
    """Takes mono blocks of one track in order; `finish` gives the measurements.

    Sound is resampled to the bundle's rate and cut into windows; each window's averaged spectra
    give a logit. The track's linear logit is their mean, weighted by the sound they hold, and what
    the bundle makes of how every bin varies over the windows. Where the bundle searches for shifted
    lines, the search runs once a track, over the mean of the windows' pictures, and joins it.
    """

    def __init__(self, bundle: Bundle, sample_rate_hz: int, picture: bool = False) -> None:
        self._bundle = bundle
        self._rate = bundle.sample_rate_hz
        self._resampler = StreamResampler(sample_rate_hz, self._rate)
        self._size = round(bundle.window_s * self._rate)
        self._tail = max(front_end.n_fft for front_end in bundle.front_ends)
        self._buffer = np.empty(2 * (self._size + self._tail), np.float32)
        self._held = 0
        self._start_s = 0.0
        self._offsets = [0] * len(bundle.front_ends)
        self._moments = [Moments((f.channels, len(f.freqs_hz))) for f in bundle.front_ends]
        self._weighted_logit = 0.0
        self._windows: list[tuple[float, float]] = []
        self._reference = int(bundle.info["reference"])
        self._levels = np.zeros(len(bundle.front_ends[self._reference].freqs_hz))
        self._frames = 0
        self._covered_s = 0.0
        self._sketch = SpectrogramSketch(self._rate) if picture else None

    def push(self, block: FloatArray) -> None:
        """Add the next samples. Shape: ``[time]`` at the rate given at construction."""
        self._take(self._resampler.push(block))

    def jump(self, start_s: float) -> None:
        """Go on at another time of the track: nothing is measured across the gap."""
        self._drain()
        self._start_s = start_s

    def finish(self) -> Analysis:
        """Measure what is left and return the result."""
        self._drain()
        bundle = self._bundle
        if not self._covered_s:
            reason = "no frame is louder than -90 dB re full scale"
            return Analysis(tuple(self._windows), None, 0.0, None, None, reason, None)
        pictures = [moments.mean for moments in self._moments]
        deviations = self._deviations()
        varied = 0.0
        if bundle.variation is not None and deviations is not None:
            varied = bundle.variation.logit(deviations)
        linear = self._weighted_logit / self._covered_s + varied
        logit, added, found = self._joined(linear, pictures)
        levels = self._levels / self._frames
        spectra = Spectra.measure(bundle, levels)
        edge = bandwidth_hz(spectra)
        picture = None
        if self._sketch is not None:
            spectrogram, freqs, times = self._sketch.finish()
            picture = Picture(
                spectrogram,
                freqs,
                times,
                spectra.freqs_hz.astype(np.float32),
                spectra.residual_db,
                spectra.mean_db,
                spectra.envelope_db,
                contributions_on(bundle, pictures, self._reference, deviations),
            )
        return Analysis(
            tuple(self._windows),
            logit,
            round(self._covered_s, 3),
            evidence(
                bundle, (pictures, deviations), spectra, linear=linear, added=added, shift=found
            ),
            self._family(pictures, found),
            self._why_not(edge),
            picture,
            edge,
            pictures[self._reference][len(bundle.front_ends[self._reference].widths) - 1],
            varied,
        )

    def _deviations(self) -> list[FloatArray] | None:
        found = [moments.deviation() for moments in self._moments]
        return None if any(d is None for d in found) else [d for d in found if d is not None]

    def _joined(
        self, linear: float, pictures: list[FloatArray]
    ) -> tuple[float, dict[str, float], float | None]:
        """Return the logit, what each further score added to the linear one, and the shift."""
        bundle = self._bundle
        if bundle.shift is None or not np.isfinite(linear):
            return linear, {}, None
        search, join = bundle.shift
        if self._covered_s < join.from_s:
            return linear, {}, None
        score, shift = search.best(pictures)
        logit = float(join(linear, score))
        added = {SHIFTED: logit - linear}
        if bundle.copies is not None:
            before, logit = logit, float(join(linear, score, bundle.copies.logit(pictures)))
            added[COPIED] = logit - before
        return logit, added, shift if join.favours_shift(linear, score) else None

    def _family(self, pictures: list[FloatArray], shift: float | None) -> str | None:
        """Name the family that the pictures resemble; lines out of place fit no template."""
        attribution = self._bundle.attribution
        if attribution is None:
            return None
        return UNKNOWN if shift is not None else attribution.name(pictures)

    def _why_not(self, edge_hz: float) -> str:
        limits = self._bundle.info["limits"]
        if self._covered_s < limits["min_active_s"]:
            return (
                f"only {self._covered_s:.1f} s of sound above silence; "
                f"{limits['min_active_s']:g} s are needed"
            )
        if edge_hz < limits["min_bandwidth_hz"]:
            return (
                f"the sound ends at {edge_hz / 1000:.1f} kHz; the evidence lies up to 8 kHz and "
                f"at least {limits['min_bandwidth_hz'] / 1000:g} kHz are needed"
            )
        return ""

    def _take(self, samples: FloatArray) -> None:
        # Half a window stays behind, so that the last one is never short.
        enough = self._size + self._size // 2 + self._tail
        while len(samples):
            piece = samples[: len(self._buffer) - self._held]
            samples = samples[len(piece) :]
            self._buffer[self._held : self._held + len(piece)] = piece
            self._held += len(piece)
            if self._held >= enough:
                self._window(self._buffer[: self._held], self._size)
                self._drop(self._size)

    def _drop(self, length: int) -> None:
        """Forget the first samples of the buffer."""
        rest = self._held - length
        self._buffer[:rest] = self._buffer[length : self._held].copy()
        self._held = rest

    def _drain(self) -> None:
        """Measure the rest of the sound before a gap or the end, and start afresh."""
        self._take(self._resampler.flush())
        while self._held:
            # A rest shorter than half a window joins the last whole one.
            length = self._size if self._held >= 1.5 * self._size else self._held
            self._window(self._buffer[: self._held], length)
            self._drop(length)
        self._offsets = [0] * len(self._offsets)

    def _window(self, signal: FloatArray, length: int) -> None:
        """Measure the frames that start within the first `length` samples of the signal."""
        pictures, active = [], 0.0
        for index, front_end in enumerate(self._bundle.front_ends):
            reference = index == self._reference
            piece, starts = self._frames_of(index, signal, length)
            sums = front_end.accumulate(piece, front_end.hop, self._levels if reference else None)
            pictures.append(front_end.finish(sums))
            if reference:
                active = sums.frames / starts * min(length, len(signal)) / self._rate
                self._frames += sums.frames
        if active > 0:
            self._judge(pictures, active)
        if self._sketch is not None:
            self._sketch.push(signal[:length], self._start_s)
        self._start_s += length / self._rate

    def _judge(self, pictures: list[FloatArray], active: float) -> None:
        """Score one window and add it to the track; `active` is how much sound it holds in s."""
        logit = float(self._bundle.logits([p[None, ..., None] for p in pictures])[0])
        self._windows.append((round(self._start_s, 3), logit))
        self._weighted_logit += logit * active
        self._covered_s += active
        for moments, picture in zip(self._moments, pictures, strict=True):
            moments.add(picture, active)

    def _frames_of(self, index: int, signal: FloatArray, length: int) -> tuple[FloatArray, int]:
        """Return the samples of a front end's next frames and how many frames they hold.

        Frames go on across windows at the front end's own hop; sound shorter than one frame is
        one frame, which the front end pads.
        """
        front_end = self._bundle.front_ends[index]
        first = self._offsets[index]
        starts = range(first, min(length, len(signal) - front_end.n_fft + 1), front_end.hop)
        if not starts:
            self._offsets[index] = 0
            return signal[:length], 1
        self._offsets[index] = starts[-1] + front_end.hop - length
        return signal[first : starts[-1] + front_end.n_fft], len(starts)
