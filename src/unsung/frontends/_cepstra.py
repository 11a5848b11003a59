# SPDX-License-Identifier: MIT
"""What cepstral front ends share: cosine transform, slopes over time, linear filters.

Sources: ASVspoof 2021 LFCC baseline (slopes as plain differences), HTK Book 3.4 (slopes by
regression over five frames).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unsung.types import FloatArray

__all__ = ["SLOPES", "Slope", "cosine_matrix", "linear_filters", "with_slopes"]

Slope = Literal["difference", "regression"]

SLOPES: dict[Slope, tuple[float, ...]] = {
    "difference": (-1.0, 0.0, 1.0),
    "regression": (-0.2, -0.1, 0.0, 0.1, 0.2),
}
"""Weights of the neighbouring frames: c[t+1] − c[t−1], or the least-squares slope of five."""


def cosine_matrix(n_coefficients: int, n_bands: int) -> FloatArray:
    """Return the orthonormal DCT-II. Shape: ``[n_coefficients, n_bands]``."""
    phase = np.pi / n_bands * np.outer(np.arange(n_coefficients), np.arange(n_bands) + 0.5)
    matrix = np.sqrt(2.0 / n_bands) * np.cos(phase)
    matrix[0] /= np.sqrt(2.0)
    rounded: FloatArray = matrix.astype(np.float32)
    return rounded


def linear_filters(
    n_bands: int, low_hz: float, high_hz: float, bins_hz: NDArray[np.float64]
) -> FloatArray:
    """Return triangles of equal width in Hz, peak 1. Shape: ``[n_bands, len(bins_hz)]``."""
    edges = np.linspace(low_hz, high_hz, n_bands + 2)
    rising = (bins_hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins_hz) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def with_slopes(static: FloatArray, orders: int, slope: Slope) -> FloatArray:
    """Add slopes over time and slopes of slopes as channels; the ends repeat.

    Shape: ``[batch, coefficient, frame]`` → ``[batch, 1 + orders, coefficient, frame]``.
    """
    weights = SLOPES[slope]
    reach, n_frames = len(weights) // 2, static.shape[-1]
    channels = [static]
    for _ in range(orders):
        padded = np.pad(channels[-1], ((0, 0), (0, 0), (reach, reach)), mode="edge")
        total = np.zeros_like(static)
        for place, weight in enumerate(weights):
            total += np.float32(weight) * padded[..., place : place + n_frames]
        channels.append(total)
    return np.stack(channels, axis=1)
