# SPDX-License-Identifier: MIT
"""Running means over frequency with repeated ends, and envelopes through minima."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unsung.types import FloatArray

__all__ = ["hull_knots", "hull_matrix", "padded_log", "running_means", "with_margins"]


def _margins(widths: tuple[int, ...]) -> tuple[int, int]:
    """Return how many bins the widest windows reach beyond both ends."""
    return max(w // 2 for w in widths), max(w - 1 - w // 2 for w in widths)


def with_margins(
    rows: FloatArray, widths: tuple[int, ...], function: np.ufunc = np.positive
) -> tuple[FloatArray, FloatArray]:
    """Return a function of rows with repeated ends, and the view of it without.

    Shape: ``[frame, freq]`` → ``[frame, left + freq + right]``, ``[frame, freq]``.
    """
    left, right = _margins(widths)
    length = rows.shape[1]
    padded = np.empty((len(rows), left + length + right), np.float32)
    middle = padded[:, left : left + length]
    function(rows, out=middle)
    padded[:, :left] = middle[:, :1]
    padded[:, left + length :] = middle[:, -1:]
    return padded, middle


def padded_log(power: FloatArray, widths: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm of power as `with_margins` does rows."""
    return with_margins(power, widths, np.log)


def running_means(padded: FloatArray, widths: tuple[int, ...]) -> Iterator[FloatArray]:
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
