# SPDX-License-Identifier: MIT
"""A song before a detector as sources that are switched on and off, whole or by segments of time.

Sources: audioLIME (Haunschmid, Manilow and Widmer, 2020) with any separator. The sources that are
left are mixed again and the sound is measured: no picture is changed, so any detector will do.
Where everything is switched off, white noise 70 dB below the song is what is left. A source's
relevance is painted where the source is loud; Hz and seconds of it are a display. Logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.explainers._grid import Grid
from unsung.explainers._subject import Plane, Subject
from unsung.types import Clip, FloatArray

__all__ = ["SourceGrid", "SourceSubject"]

NOTHING_DB, LEAST_DB = -70.0, -75.0
"""Level of the noise, relative to the song and to full scale: below -90 dB a scan hears nothing."""
FADE_S = 0.02
"""Of a segment's ends: a cut would click."""
WINDOW = 2048


class SourceSubject(Subject):
    """A clip as named sources.

    Args:
        clip: the song.
        sources: name → samples ``[channel, time]``; they add up to the clip.
        measure: a sound's logit.
        name: of the detector.
    """

    whole = True

    def __init__(
        self,
        clip: Clip,
        sources: Mapping[str, FloatArray],
        measure: Callable[[Clip], float],
        name: str,
    ) -> None:
        self.clip, self.names = clip, tuple(sources)
        self._parts = np.stack(list(sources.values()))  # [source, channel, time]
        self._measure = measure
        level = float(np.sqrt(np.square(clip.samples).mean())) * 10 ** (NOTHING_DB / 20)
        level = max(level, 10 ** (LEAST_DB / 20))
        noise = np.random.default_rng(0).standard_normal(clip.samples.shape)
        self._nothing = (level * noise).astype(np.float32)
        self.name = name
        self.planes = (self._plane(),)
        self.logit = self.mixed(np.ones((len(self.names), 1), bool))

    def scores(self, batch: Sequence[FloatArray]) -> NoReturn:  # noqa: ARG002 (the base's name)
        """Refuse: there is no picture whose cells could be changed."""
        raise UsageError(
            f"{self.name}: expected whole sources to switch, got pictures; with --sources use "
            "lime, shap_kernel, shap_partition or occlusion"
        )

    def grid(self, bands: int, segment_s: float, baseline: str) -> SourceGrid:
        """Return sources × segments; bands and baseline are those of pictures, and not used."""
        del bands, baseline
        return SourceGrid(self, segment_s)

    def mixed(self, kept: NDArray[np.bool_]) -> float:
        """Return the logit of what is left. Shape: ``[source, segment]``."""
        gains = np.repeat(kept.astype(np.float32), self._steps(kept.shape[1]), axis=1)
        size = max(1, round(FADE_S * self.clip.sample_rate_hz))
        if kept.shape[1] > 1:
            window = np.hanning(size + 2)[1:-1]
            gains = scipy.signal.fftconvolve(
                np.pad(gains, ((0, 0), (size, size)), mode="edge"),
                (window / window.sum())[None].astype(np.float32),
                mode="same",
            )[:, size:-size].astype(np.float32)
        samples = (gains[:, None] * self._parts).sum(0) + self._nothing
        return self._measure(replace(self.clip, samples=samples.astype(np.float32)))

    def _steps(self, segments: int) -> NDArray[np.int64]:
        edges = np.linspace(0, self._parts.shape[2], segments + 1).round().astype(np.int64)
        return np.diff(edges)

    def _plane(self) -> Plane:
        """Return each source's magnitude. Shape: ``[source, freq, frame]``."""
        hz, times, spectrum = scipy.signal.stft(
            self._parts.mean(1), self.clip.sample_rate_hz, nperseg=WINDOW, noverlap=WINDOW // 2
        )
        values = np.abs(spectrum).astype(np.float32)
        return Plane(
            values, hz, times + self.clip.start_s, np.zeros_like(values), np.zeros_like(values)
        )


class SourceGrid(Grid):
    """Sources × segments of equal length; a cell is a source within a segment."""

    def __init__(self, subject: SourceSubject, segment_s: float) -> None:
        if segment_s <= 0:
            raise UsageError(f"expected segments above 0 s, got {segment_s:g}")
        self.sources = subject
        self.bands = len(subject.names)
        self.segments = max(1, round(subject.clip.duration_s / segment_s))
        self._known: dict[bytes, float] = {}

    def scores(self, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """See `Grid`; the same set is measured once."""
        rows = np.asarray(kept, bool).reshape(len(kept), self.bands, self.segments)
        return np.array([self._score(row) for row in rows])

    def _score(self, kept: NDArray[np.bool_]) -> float:
        key = kept.tobytes()
        if key not in self._known:
            self._known[key] = self.sources.mixed(kept)
        return self._known[key]

    def spread(self, values: NDArray[np.floating]) -> Sequence[FloatArray]:
        """Paint each cell where its source is loud in its segment."""
        plane = self.sources.planes[0]
        power = np.square(plane.values, dtype=np.float64) + 1e-12
        edges = np.linspace(0, self.sources.clip.duration_s, self.segments + 1)
        when = plane.times_s - self.sources.clip.start_s
        segment = np.clip(np.searchsorted(edges, when, "right") - 1, 0, self.segments - 1)
        cells = np.asarray(values, np.float64).reshape(self.bands, self.segments)
        out = np.zeros_like(power)
        for index in range(self.segments):
            columns = segment == index
            part = power[:, :, columns]
            out[:, :, columns] = part * (cells[:, index] / part.sum((1, 2)))[:, None, None]
        return [out.astype(np.float32)]
