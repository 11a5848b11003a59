# SPDX-License-Identifier: MIT
"""Cuts sound into fixed windows, and chooses where windows start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["WindowBuffer", "spread_starts", "window_starts"]

_ROUNDING_S = 1e-9


def window_starts(duration_s: float, window_s: float, hop_s: float) -> NDArray[np.float64]:
    """Return the start of each whole window; a shorter sound gives one start at 0.

    >>> window_starts(10.0, 4.0, 2.0).tolist()
    [0.0, 2.0, 4.0, 6.0]
    """
    _positive(window_s=window_s, hop_s=hop_s)
    count = max(1, int(np.floor((duration_s - window_s + _ROUNDING_S) / hop_s)) + 1)
    return np.arange(count, dtype=np.float64) * hop_s


def spread_starts(duration_s: float, count: int, window_s: float) -> NDArray[np.float64]:
    """Return starts of up to ``count`` evenly spaced, not overlapping windows.

    Each lies in the middle of its share of the sound, so that fades are avoided.

    >>> spread_starts(100.0, 2, 10.0).tolist()
    [20.0, 70.0]
    """
    _positive(window_s=window_s, count=count)
    fitting = max(1, min(count, int((duration_s + _ROUNDING_S) / window_s)))
    share_s = duration_s / fitting
    starts = (np.arange(fitting, dtype=np.float64) + 0.5) * share_s - window_s / 2
    return np.maximum(starts, 0.0)


class WindowBuffer:
    """Cuts a stream of blocks into windows of one length.

    Args:
        window: samples in a window.
        hop: samples from one start to the next; larger than the window leaves gaps.
        pad: zero-pad what is left at the end to a last window; else it is dropped. A sound
            shorter than one window follows the same rule.

    Shape: blocks ``[time]`` → windows ``[window]``, each a fresh array.
    """

    def __init__(self, window: int, hop: int | None = None, pad: bool = True) -> None:
        hop = window if hop is None else hop
        _positive(window=window, hop=hop)
        self.window, self.hop, self.pad = window, hop, pad
        self._held: list[FloatArray] = []
        self._length = 0
        self._skip = 0  # samples of a gap that have not come yet
        self._fresh = 0  # samples that no window has covered yet

    def push(self, block: FloatArray) -> Iterator[FloatArray]:
        """Yield the windows that this block completes (take all before the next push)."""
        gap = min(self._skip, block.shape[0])
        self._skip -= gap
        if gap < block.shape[0]:
            self._held.append(block[gap:])
            self._length += block.shape[0] - gap
            self._fresh += block.shape[0] - gap
        if self._length < self.window:
            return
        joined = np.concatenate(self._held) if len(self._held) > 1 else self._held[0]
        start = 0
        while start + self.window <= joined.shape[0]:
            yield joined[start : start + self.window].copy()
            start += self.hop
        self._skip = max(0, start - joined.shape[0])
        rest = joined[start:].copy()
        self._held, self._length = [rest], rest.shape[0]
        self._fresh = max(0, min(rest.shape[0], rest.shape[0] - (self.window - self.hop)))

    def flush(self) -> Iterator[FloatArray]:
        """Yield the padded last window, when padding is on and sound is left uncovered."""
        if self.pad and self._fresh:
            window = np.zeros(self.window, np.float32)
            window[: self._length] = np.concatenate(self._held)
            yield window
        self._held, self._length, self._fresh, self._skip = [], 0, 0, 0


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise UsageError(f"expected {name} above 0, got {value}")
