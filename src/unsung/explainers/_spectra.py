# SPDX-License-Identifier: MIT
"""Sound to spectrum and back, to lift out or level what a mask marks.

A window of about a second resolves the lines that the default detector weighs. A quarter of it is
the hop, so that a Hann window overlaps to a constant and an untouched spectrum gives the sound
back. Hz, seconds, full scale ±1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from unsung.types import FloatArray

__all__ = ["Spectrum", "levelled", "reshaped"]

SURROUNDINGS_HZ = 26.0
"""Width of the mean that stands for "no line here": twice the default detector's widest."""

Spectrum = NDArray[np.complex64]


def reshaped(
    samples: FloatArray,
    sample_rate_hz: int,
    change: Callable[[Spectrum, NDArray[np.float64], NDArray[np.float64]], Spectrum],
    window_s: float = 1.0,
) -> FloatArray:
    """Change a sound's short-time spectrum and go back to sound of the same length.

    Args:
        samples: ``[channel, time]``.
        sample_rate_hz: of the samples.
        change: (spectrum ``[channel, freq, frame]``, Hz, seconds) → spectrum.
        window_s: about how long; the next power of two samples is taken.
    """
    length = samples.shape[1]
    size = min(
        2 ** round(math.log2(window_s * sample_rate_hz)), 2 ** int(math.log2(max(length, 16)))
    )
    hz, times, spectrum = scipy.signal.stft(
        samples, sample_rate_hz, nperseg=size, noverlap=size - size // 4
    )
    changed = change(spectrum.astype(np.complex64), hz, times)
    _, back = scipy.signal.istft(changed, sample_rate_hz, nperseg=size, noverlap=size - size // 4)
    return np.asarray(back[:, :length], np.float32)


def levelled(spectrum: Spectrum, hz: NDArray[np.float64], marked: NDArray[np.bool_]) -> Spectrum:
    """Level marked bins to the geometric mean of their surroundings; phases stay.

    Shape: spectrum ``[channel, freq, frame]``, marked ``[freq]``.
    """
    size = max(3, round(SURROUNDINGS_HZ / float(hz[1] - hz[0])) | 1)
    magnitude = np.abs(spectrum)
    log = np.log(np.maximum(magnitude, 1e-12))
    smooth = scipy.ndimage.uniform_filter1d(log, size, axis=1, mode="nearest")
    gain = np.exp(smooth - log)
    return np.where(marked[None, :, None], spectrum * gain, spectrum).astype(np.complex64)
