# SPDX-License-Identifier: MIT
"""Short-time spectra in blocks of float32, shared by the NumPy engines.

Blocks keep the working set inside the processor's cache: several times faster than one large
transform, and the memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unsung.types import FloatArray

__all__ = ["frame_count", "hann", "power_blocks", "power_of", "spectrum_blocks"]

_BLOCK_SAMPLES = 1 << 18
"""Samples transformed at a time (1 MiB of float32)."""


def hann(length: int) -> FloatArray:
    """Return the periodic Hann window. Shape: ``[length]``."""
    phase = 2.0 * np.pi * np.arange(length) / length
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


def frame_count(n_samples: int, n_fft: int, hop: int) -> int:
    """Return how many whole frames a signal holds (at least one: short signals are padded)."""
    return max(0, n_samples - n_fft) // hop + 1


def spectrum_blocks(
    signal: FloatArray, window: FloatArray, hop: int
) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    """Yield ``(first frame, spectrum)`` for consecutive blocks of frames, without padding.

    Shape: signal ``[time]``, window ``[n_fft]``; spectrum ``[frame, n_fft // 2 + 1]``.
    """
    n_fft = len(window)
    if len(signal) < n_fft:
        signal = np.pad(signal, (0, n_fft - len(signal)))
    frames = np.lib.stride_tricks.sliding_window_view(signal, n_fft)[::hop]
    step = max(1, _BLOCK_SAMPLES // n_fft)
    for first in range(0, len(frames), step):
        yield first, scipy.fft.rfft(frames[first : first + step] * window, axis=1)


def power_blocks(
    signal: FloatArray, window: FloatArray, hop: int, bins: slice
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield ``(first frame, power)`` of some bins, as `spectrum_blocks` does.

    Shape: power ``[frame, freq]``.
    """
    for first, spectrum in spectrum_blocks(signal, window, hop):
        yield first, power_of(spectrum, bins)


def power_of(spectrum: NDArray[np.complex64], bins: slice) -> NDArray[np.float32]:
    """Return the squared magnitude of some bins; the spectrum is used up.

    Shape: ``[frame, n_fft // 2 + 1]`` → ``[frame, freq]``.
    """
    # Squares in place over (re, im, re, im, ...): one contiguous pass and one addition.
    squares = spectrum.view(np.float32)
    np.square(squares, out=squares)
    power: NDArray[np.float32] = squares[:, 0::2][:, bins] + squares[:, 1::2][:, bins]
    return power
