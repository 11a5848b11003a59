# SPDX-License-Identifier: MIT
"""Filters that several attacks share: Butterworth passes and the cookbook's biquads.

Sources: Butterworth sections as in audiomentations (order = roll-off / 6 dB, started from the first
sample's steady state); shelves and peaks from R. Bristow-Johnson's Audio EQ Cookbook. Units: Hz,
dB.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from unsung.types import FloatArray

__all__ = [
    "NYQUIST_MARGIN",
    "butterworth",
    "filtered",
    "notch",
    "peaking",
    "second_order",
    "shelf",
    "slope_q",
]

NYQUIST_MARGIN = 0.9999
Sections = NDArray[np.float64]


def filtered(sections: Sections, samples: FloatArray) -> FloatArray:
    """Run second-order sections forward, starting without a click.

    Shape: sections ``[section, 6]``, samples ``[channel, time]`` → the same.
    """
    steady = signal.sosfilt_zi(sections)  # [section, 2]
    start = steady[:, None, :] * samples[None, :, :1]  # [section, channel, 2]
    out, _ = signal.sosfilt(sections, samples, axis=-1, zi=start)
    return np.asarray(out, dtype=np.float32)


def butterworth(
    kind: Literal["lowpass", "highpass", "bandstop"],
    edges_hz: float | tuple[float, float],
    rolloff_db_per_octave: int,
    sample_rate_hz: int,
) -> Sections:
    """Return Butterworth sections of order roll-off / 6."""
    order = max(1, round(rolloff_db_per_octave / 6))
    edges = np.asarray(edges_hz, dtype=np.float64)
    sections = signal.butter(order, edges, kind, fs=sample_rate_hz, output="sos")
    return np.asarray(sections, dtype=np.float64)


def peaking(centre_hz: float, gain_db: float, q: float, sample_rate_hz: int) -> Sections:
    """Return one section that lifts or cuts around a frequency."""
    cosine, alpha, a = _common(centre_hz, gain_db, q, sample_rate_hz)
    b = (1 + alpha * a, -2 * cosine, 1 - alpha * a)
    return _section(b, (1 + alpha / a, -2 * cosine, 1 - alpha / a))


def shelf(
    side: Literal["low", "high"], corner_hz: float, gain_db: float, q: float, sample_rate_hz: int
) -> Sections:
    """Return one section that lifts or cuts everything below or above a frequency."""
    cosine, alpha, a = _common(corner_hz, gain_db, q, sample_rate_hz)
    c = cosine if side == "low" else -cosine  # the high shelf is the low one mirrored
    slope = 2 * math.sqrt(a) * alpha
    b0, b2 = (a * ((a + 1) - (a - 1) * c + s * slope) for s in (1, -1))
    a0, a2 = ((a + 1) + (a - 1) * c + s * slope for s in (1, -1))
    b1, a1 = 2 * a * ((a - 1) - (a + 1) * c), -2 * ((a - 1) + (a + 1) * c)
    if side == "high":
        b1, a1 = -b1, -a1
    return _section((b0, b1, b2), (a0, a1, a2))


def notch(centre_hz: float, q: float, sample_rate_hz: int) -> Sections:
    """Return one section that removes a frequency; its -3 dB width is centre / q."""
    cosine, alpha, _ = _common(centre_hz, 0.0, q, sample_rate_hz)
    return _section((1.0, -2 * cosine, 1.0), (1 + alpha, -2 * cosine, 1 - alpha))


def second_order(
    side: Literal["low", "high"], corner_hz: float, q: float, sample_rate_hz: int
) -> Sections:
    """Return one section that passes the low or the high side, with a resonance of q."""
    cosine, alpha, _ = _common(corner_hz, 0.0, q, sample_rate_hz)
    sign = 1 if side == "low" else -1
    middle = sign * (1 - sign * cosine)
    half = (1 - sign * cosine) / 2
    return _section((half, middle, half), (1 + alpha, -2 * cosine, 1 - alpha))


def slope_q(gain_db: float, slope: float) -> float:
    """Return the q of a shelf with this slope; 1 is the steepest without a bump."""
    a = 10 ** (gain_db / 40)
    return 1 / math.sqrt((a + 1 / a) * (1 / slope - 1) + 2)


def _common(hz: float, gain_db: float, q: float, rate: int) -> tuple[float, float, float]:
    omega = 2 * math.pi * min(hz, NYQUIST_MARGIN * rate / 2) / rate
    return math.cos(omega), math.sin(omega) / (2 * q), 10 ** (gain_db / 40)


def _section(b: tuple[float, float, float], a: tuple[float, float, float]) -> Sections:
    return np.array([[*b, *a]], dtype=np.float64) / a[0]
