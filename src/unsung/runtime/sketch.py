# SPDX-License-Identifier: MIT
"""A small spectrogram for reports, whose memory stays bounded for any length."""

from __future__ import annotations

import numpy as np

from unsung.frontends._spectral import hann, power_blocks
from unsung.types import FloatArray

__all__ = ["SpectrogramSketch"]

_N_FFT = 1024
_ROWS = 256
_MAX_FRAMES = 1200
_FLOOR = np.float32(1e-11)


class SpectrogramSketch:
    """Collects dB columns; when there are too many, neighbours are averaged to half as many."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._step_s = 0.064
        self._columns: list[FloatArray] = []
        self._times: list[float] = []
        self._window = hann(_N_FFT) / np.sqrt(np.square(hann(_N_FFT)).sum(dtype=np.float32))

    def push(self, signal: FloatArray, start_s: float) -> None:
        """Add sound that begins at `start_s`. Shape: ``[time]``."""
        hop = max(1, round(self._step_s * self._rate))
        position = 0
        for _, power in power_blocks(signal, self._window, hop, slice(1, None)):
            # Two transform bins to a row: 256 rows are as many as a page shows.
            rows = power.reshape(len(power), _ROWS, -1).mean(axis=2)
            for column in 10 * np.log10(np.maximum(rows, _FLOOR)):
                self._columns.append(column)
                self._times.append(start_s + (position * hop + _N_FFT / 2) / self._rate)
                position += 1
        while len(self._columns) > 2 * _MAX_FRAMES:
            self._halve()

    def _halve(self) -> None:
        even = len(self._columns) // 2 * 2
        kept = self._columns[even:]
        pairs = zip(self._columns[0:even:2], self._columns[1:even:2], strict=True)
        self._columns = [np.float32(0.5) * (a + b) for a, b in pairs] + kept
        times = self._times
        halved = [(a + b) / 2 for a, b in zip(times[0:even:2], times[1:even:2], strict=True)]
        self._times = halved + times[even:]
        self._step_s *= 2

    def finish(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return ``(dB [freq, frame], Hz [freq], s [frame])``."""
        while len(self._columns) > _MAX_FRAMES:
            self._halve()
        freqs = (np.arange(_ROWS) + 0.5) * (self._rate / 2 / _ROWS)
        picture = np.array(self._columns, np.float32).T.reshape(_ROWS, -1)
        return picture, freqs.astype(np.float32), np.array(self._times, np.float32)
