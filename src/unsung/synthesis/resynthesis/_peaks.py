# SPDX-License-Identifier: MIT
"""Reads how far a comb of lines stands out of a sound's long-term spectrum.

The residual is the mean log power spectrum (Hann frames of 0.4 s, half overlapping) minus its
running median. A comb's number is the area under the ROC curve between bins at its teeth and all
other bins: the chance that a tooth stands higher (Mann and Whitney 1947); 0.5 means no comb.
Units: Hz, dB. When not to use: as a detector; it must be told where to look.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, stats

from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["comb_auc", "residual"]

_FRAME_S, _MEDIAN_HZ = 0.4, 60.0


def residual(samples: FloatArray, sample_rate_hz: int) -> tuple[FloatArray, FloatArray]:
    """Return frequencies and heights in dB. Shape: ``[time]`` → two of ``[bin]``.

    Raises:
        UsageError: less than one frame of sound.
    """
    size = fft.next_fast_len(round(_FRAME_S * sample_rate_hz), real=True)
    if len(samples) < size:
        raise UsageError(f"expected at least {size} samples, got {len(samples)}")
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    window = np.hanning(size).astype(np.float32)
    level = np.zeros(size // 2 + 1)
    for frame in frames:
        level += 10 * np.log10(np.abs(fft.rfft(frame * window)) ** 2 + 1e-12)
    level /= len(frames)
    hz = np.arange(len(level)) * sample_rate_hz / size
    width = 2 * round(_MEDIAN_HZ / 2 * size / sample_rate_hz) + 1
    height = level - ndimage.median_filter(level, width, mode="nearest")
    return hz.astype(np.float32), height.astype(np.float32)


def comb_auc(
    hz: FloatArray,
    height: FloatArray,
    spacing_hz: float,
    shift: float = 0.0,
    band_hz: tuple[float, float] = (500.0, 20000.0),
) -> float:
    """Return the chance that a bin at a tooth stands higher than one between teeth.

    Args:
        hz: frequencies of the bins.
        height: their heights.
        spacing_hz: of the teeth, which stand at its multiples.
        shift: moves the comb by this share of the spacing, for a control.
        band_hz: bins that count.

    Raises:
        UsageError: the spacing is below four bins, or no tooth lies in the band.
    """
    step = float(hz[1] - hz[0])
    inside = (hz >= band_hz[0]) & (hz <= band_hz[1])
    if spacing_hz < 4 * step:
        raise UsageError(f"expected a spacing of {4 * step:.1f} Hz or more, got {spacing_hz:.1f}")
    turn = hz[inside] / spacing_hz - shift
    away_hz: NDArray[np.floating] = np.abs(turn - np.round(turn)) * spacing_hz
    tooth, other = away_hz <= 0.5 * step, away_hz > 1.5 * step
    if not tooth.any():
        raise UsageError(f"expected teeth between {band_hz[0]:g} and {band_hz[1]:g} Hz, got none")
    values = height[inside]
    rank = stats.mannwhitneyu(values[tooth], values[other]).statistic
    return float(rank / (tooth.sum() * other.sum()))
