# SPDX-License-Identifier: MIT
"""How far a copy is from its original: SNR, log-spectral distance, shift in time.

Log-spectral distance: root mean square over bins and frames of the difference of log power spectra
(frames of 2048, half overlapping), bins more than 60 dB below the loudest counted as lying there,
only up to a given frequency, mean over frames (Gray and Markel 1976). Units: dB, samples.
When not to use: SNR says nothing where phase was made anew (Griffin-Lim, WORLD); read the distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from unsung.errors import UsageError
from unsung.types import Clip, FloatArray, Record

__all__ = ["Quality", "measure"]

_FRAME, _DEAF_DB, _MAX_LAG_S, _LAG_S = 2048, 60.0, 0.2, 10.0


@dataclass(frozen=True)
class Quality(Record):
    """Distances of a copy: `snr_db`, `distance_db` (log-spectral), `lag` in samples (late > 0)."""

    snr_db: float
    distance_db: float
    lag: int


def measure(original: Clip, copy: Clip, high_hz: float | None = None) -> Quality:
    """Compare a copy with its original.

    Args:
        original: any sound.
        copy: of the same rate and shape.
        high_hz: compare spectra up to here, the copy's own band; None takes all.

    Raises:
        UsageError: rate or shape differ.
    """
    if original.sample_rate_hz != copy.sample_rate_hz or original.samples.shape != (
        copy.samples.shape
    ):
        raise UsageError(
            f"expected two clips of one rate and shape, got {original.sample_rate_hz} Hz "
            f"{original.samples.shape} and {copy.sample_rate_hz} Hz {copy.samples.shape}"
        )
    x, y = original.mono(), copy.mono()
    added = float(np.square(y - x, dtype=np.float64).sum())
    energy = float(np.square(x, dtype=np.float64).sum())
    snr = 10 * np.log10(max(energy, 1e-20) / max(added, 1e-20))
    return Quality(
        snr_db=round(float(snr), 2),
        distance_db=round(_distance(x, y, original.sample_rate_hz, high_hz), 2),
        lag=_lag(x, y, original.sample_rate_hz),
    )


def _distance(x: FloatArray, y: FloatArray, rate_hz: int, high_hz: float | None) -> float:
    bins = _FRAME // 2 + 1
    if high_hz is not None:
        bins = max(1, min(bins, int(high_hz / rate_hz * _FRAME)))
    one, two = (_spectra(row)[:, :bins] for row in (x, y))
    floor = max(float(one.max()), 1e-20) * 10 ** (-_DEAF_DB / 10)
    difference = 10 * np.log10((two + floor) / (one + floor))
    return float(np.sqrt(np.square(difference).mean(axis=1)).mean())


def _spectra(x: FloatArray) -> FloatArray:
    x = np.pad(x, (0, max(0, _FRAME - len(x))))
    frames = np.lib.stride_tricks.sliding_window_view(x, _FRAME)[:: _FRAME // 2]
    frames = frames[:: max(1, len(frames) // 2000)]  # a long track is sampled, evenly
    spectra = np.abs(fft.rfft(frames * np.hanning(_FRAME).astype(np.float32), axis=1)) ** 2
    return np.asarray(spectra, dtype=np.float32)


def _lag(x: FloatArray, y: FloatArray, rate_hz: int) -> int:
    """Return the shift at which the middle ten seconds agree best, within 0.2 s."""
    middle, half = len(x) // 2, round(_LAG_S * rate_hz / 2)
    one, two = (row[max(0, middle - half) : middle + half] for row in (x, y))
    size = fft.next_fast_len(2 * len(one), real=True)
    match = fft.irfft(fft.rfft(two, size) * np.conj(fft.rfft(one, size)), size)
    reach = min(round(_MAX_LAG_S * rate_hz), len(one) - 1)
    around = np.concatenate([match[-reach:], match[: reach + 1]]) if reach else match[:1]
    return int(np.argmax(around)) - reach
