# SPDX-License-Identifier: MIT
"""Scans with bundles whose detector judges each window by itself: networks on any front end.

Windows follow each other without overlap; a rest shorter than half a window joins the last one,
which then counts as two that overlap, so that nothing is padded. A track shorter than one window
is repeated, as in training. The track's logit is the mean over windows, weighted by the sound they
hold. Pictures come from the NumPy front ends, or from a graph beside the model where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unsung.audio.resample import StreamResampler
from unsung.errors import BundleError
from unsung.runtime.analyzer import Analysis, Analyzer
from unsung.types import Evidence, FloatArray

if TYPE_CHECKING:
    from unsung.runtime.bundle import Bundle

__all__ = ["WindowAnalyzer", "ai_logit", "window_outputs"]

SILENT_POWER = 1e-9
"""−90 dB re full scale, as in the averaged front ends."""

BLOCK = 1024
"""Samples whose power decides whether they count as sound, and frame of the spectrum measured."""

RANGE_DB = 85.0
"""Sound ends where the spectrum lies so far below its highest level (as in `runtime.evidence`)."""

FLOOR_DB = -114.0
"""4 dB above what 16-bit dither holds in one bin of `BLOCK` samples (a full-scale sine: 0 dB)."""


def window_outputs(bundle: Bundle, samples: FloatArray) -> NDArray[np.float32]:
    """Return all outputs of whole windows.

    Shape: ``[batch, time]`` at the bundle's rate, ``window_s`` long → ``[batch, output]``.
    """
    return bundle.outputs([picture(samples) for picture in bundle.pictures])


def ai_logit(outputs: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
    """Return one logit a row: the output ``ai``, or the log-odds of all others against ``human``.

    Shape: ``[batch, output]`` → ``[batch]``.

    Raises:
        BundleError: the outputs say nothing about AI.
    """
    values = np.asarray(outputs, np.float64)
    if "ai" in names:
        found: NDArray[np.float64] = values[:, list(names).index("ai")]
        return found
    if "human" not in names:
        raise BundleError(
            f"expected a detector with an output 'ai' or 'human', this one tells "
            f"{', '.join(list(names)[:4])}, ...; it has no verdict to scan for"
        )
    human = list(names).index("human")
    rest = np.logaddexp.reduce(np.delete(values, human, axis=1), axis=1)
    return np.asarray(rest - values[:, human])


class WindowAnalyzer(Analyzer):
    """Takes mono blocks of one track in order, as `Analyzer`; every window gets its own logit."""

    def __init__(self, bundle: Bundle, sample_rate_hz: int, picture: bool = False) -> None:
        # Not the parent's: there is nothing to average. A picture of residuals there is not either.
        del picture
        self._bundle = bundle
        self._rate = bundle.sample_rate_hz
        self._resampler = StreamResampler(sample_rate_hz, self._rate)
        self._size = round(bundle.window_s * self._rate)
        self._tail = 0
        self._buffer = np.empty(2 * self._size + BLOCK, np.float32)
        self._held = 0
        self._start_s = 0.0
        self._offsets = []
        self._weighted_logit = 0.0
        self._windows = []
        self._covered_s = 0.0
        self._power: NDArray[np.float64] = np.zeros(BLOCK // 2 + 1)
        self._blocks = 0
        ai_logit(np.zeros((1, len(bundle.info["outputs"])), np.float32), bundle.info["outputs"])

    def finish(self) -> Analysis:
        """Measure what is left and return the result."""
        self._drain()
        windows = tuple(self._windows)
        if not self._covered_s:
            reason = "no sound is louder than -90 dB re full scale"
            return Analysis(windows, None, 0.0, None, None, reason, None)
        logit = self._weighted_logit / self._covered_s
        edge_hz = self._edge_hz()
        return Analysis(
            windows,
            logit,
            round(self._covered_s, 3),
            Evidence(words=(_words(windows, self._bundle.window_s),)),
            None,
            self._why_not(edge_hz),
            None,
            edge_hz,
        )

    def _window(self, signal: FloatArray, length: int) -> None:
        """Judge the first `length` samples: one window, or two that overlap."""
        sound = signal[:length]
        active_s = self._listened(sound)
        if active_s > 0:
            if length < self._size:
                sound = np.resize(sound, self._size)
            starts = (0,) if length <= self._size else (0, length - self._size)
            for start in starts:
                # One at a time: eight-bit graphs round a batch by its loudest member.
                outputs = window_outputs(self._bundle, sound[None, start : start + self._size])
                logit = float(ai_logit(outputs, self._bundle.info["outputs"])[0])
                self._windows.append((round(self._start_s + start / self._rate, 3), logit))
                self._weighted_logit += logit * active_s / len(starts)
            self._covered_s += active_s
        self._start_s += length / self._rate

    def _listened(self, sound: FloatArray) -> float:
        """Add a stretch to the mean spectrum; return its seconds that are not silent."""
        size = min(BLOCK, len(sound))
        blocks = sound[: len(sound) // size * size].reshape(-1, size)
        loud = np.square(blocks, dtype=np.float64).mean(axis=1) > SILENT_POWER
        heard = blocks[loud] * np.hanning(size)
        spectra = np.asarray(scipy.fft.rfft(heard, BLOCK, axis=1))
        self._power += np.square(np.abs(spectra) * 4 / BLOCK).sum(axis=0)
        self._blocks += len(heard)
        return float(loud.mean()) * len(sound) / self._rate

    def _edge_hz(self) -> float:
        """Return the highest frequency at which the sound stands above the floor."""
        level = 10 * np.log10(self._power / max(1, self._blocks) + 1e-30)
        above = np.flatnonzero(level > max(FLOOR_DB, float(level.max()) - RANGE_DB))
        return float(above[-1] * self._rate / BLOCK) if len(above) else 0.0


def _words(windows: Sequence[tuple[float, float]], window_s: float) -> str:
    start_s, highest = max(windows, key=lambda item: item[1])
    positive = sum(logit > 0 for _, logit in windows)
    return (
        f"mean over {len(windows)} windows of {window_s:.4g} s, {positive} of them above 0; the "
        f"highest logit, {highest:+.2f}, is that from {start_s:.1f} s on"
    )
