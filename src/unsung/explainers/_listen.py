# SPDX-License-Identifier: MIT
"""An explanation as sound: the relevant part alone, the song without it, the part amplified.

The map of what speaks for the target becomes a mask between 0 and 1 on the song's short-time
spectrum. All three sounds are kept at a safe loudness: root mean square at most -20 dB, peaks at
most -3 dB of full scale. The mask resolves about a hertz and a quarter of a second; relevance of a
single frame of a detector with longer frames is heard that much smeared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.explainers._spectra import Spectrum, levelled, reshaped
from unsung.types import Clip, Explanation, FloatArray

__all__ = ["Listening", "listen", "relevance_mask", "safe"]

RMS_DB, PEAK_DB = -20.0, -3.0
QUIETEST_DB = -60.0
"""Sound below this is not lifted to the safe loudness: it would be noise of rounding."""

AMPLIFY_DB = 18.0
SHARE = 0.05
"""The mask is full for the twentieth of the cells that speak loudest for the target."""


@dataclass(frozen=True)
class Listening:
    """Three sounds of the clip's length and rate; ``gain_db`` was given to the part alone."""

    relevant: Clip
    without: Clip
    amplified: Clip
    gain_db: float


def listen(explanation: Explanation, clip: Clip, share: float = SHARE) -> Listening:
    """Render an explanation of a clip as sound.

    Args:
        explanation: on axes that lie within the clip.
        clip: the explained sound, at any rate.
        share: of the map's cells for which the mask is full, 0 to 1.

    Raises:
        UsageError: the share lies outside 0 to 1.
    """
    mask = relevance_mask(explanation, share)

    def on(hz: NDArray[np.float64], times: NDArray[np.float64]) -> FloatArray:
        return _placed(mask, explanation, hz, times + clip.start_s)

    def alone(s: Spectrum, hz: NDArray[np.float64], times: NDArray[np.float64]) -> Spectrum:
        return (s * on(hz, times)).astype(np.complex64)

    def without(s: Spectrum, hz: NDArray[np.float64], times: NDArray[np.float64]) -> Spectrum:
        # Levelled, not cut out: a hole in the spectrum would be a trace of its own.
        part = on(hz, times)
        return (s * (1 - part) + part * levelled(s, hz, np.ones(len(hz), bool))).astype(
            np.complex64
        )

    def louder(s: Spectrum, hz: NDArray[np.float64], times: NDArray[np.float64]) -> Spectrum:
        gain = 10 ** (AMPLIFY_DB / 20) - 1
        return (s * (1 + gain * on(hz, times))).astype(np.complex64)

    rate, sound = clip.sample_rate_hz, clip.samples
    relevant, gain_db = safe(reshaped(sound, rate, alone), lift=True)
    rest, _ = safe(reshaped(sound, rate, without))
    more, _ = safe(reshaped(sound, rate, louder))
    sounds = [Clip(s, rate, clip.start_s, clip.track_id) for s in (relevant, rest, more)]
    return Listening(sounds[0], sounds[1], sounds[2], gain_db)


def relevance_mask(explanation: Explanation, share: float = SHARE) -> FloatArray:
    """Return 0 to 1 by how much a place speaks for the target. Shape: ``[freq, frame]``."""
    if not 0 < share < 1:
        raise UsageError(f"expected a share between 0 and 1, got {share:g}; {SHARE} is usual")
    total = explanation.relevance.sum(axis=0)
    positive = np.maximum(total, np.float32(0))
    if not positive.any():
        return np.asarray(positive, np.float32)
    full = float(np.quantile(positive, 1 - share)) or float(positive.max())
    return np.asarray(np.minimum(positive / full, 1.0), np.float32)


def safe(samples: FloatArray, lift: bool = False) -> tuple[FloatArray, float]:
    """Bring sound to a loudness that hurts nobody; return it with the gain in dB.

    Args:
        samples: ``[channel, time]``.
        lift: also raise quiet sound to that loudness, unless it is as good as silent.
    """
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
    peak = float(np.abs(samples).max()) if samples.size else 0.0
    if rms < 10 ** (QUIETEST_DB / 20) / 10:
        return samples, 0.0
    gain = min(10 ** (RMS_DB / 20) / rms, 10 ** (PEAK_DB / 20) / peak)
    if not lift:
        gain = min(gain, 1.0)
    return (samples * np.float32(gain)).astype(np.float32), float(20 * np.log10(gain))


def _placed(
    mask: FloatArray, explanation: Explanation, hz: NDArray[np.float64], times: NDArray[np.float64]
) -> FloatArray:
    """Put the mask on a spectrum's axes: zero outside its own band, ends held in time.

    Where the spectrum is coarser than the mask, the largest value of each bin counts.
    """
    freqs, own = explanation.freqs_hz.astype(np.float64), explanation.times_s.astype(np.float64)
    step = float(hz[1] - hz[0]) if len(hz) > 1 else 1.0
    fine = float(np.median(np.diff(freqs))) if len(freqs) > 1 else step
    if fine < step:
        mask = scipy.ndimage.maximum_filter1d(mask, max(1, round(step / fine)), axis=0)
    frames = np.clip(np.searchsorted((own[1:] + own[:-1]) / 2, times), 0, len(own) - 1)
    low, high = freqs[0] - fine / 2, freqs[-1] + fine / 2
    rows = np.clip(np.searchsorted((freqs[1:] + freqs[:-1]) / 2, hz), 0, len(freqs) - 1)
    placed = mask[rows][:, frames] * ((hz >= low) & (hz <= high))[:, None]
    return np.asarray(placed, np.float32)
