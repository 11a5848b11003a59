# SPDX-License-Identifier: MIT
"""Deterministic test signals: the same samples on every machine. Shape: ``[time]``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["chord", "click", "comb", "noise", "silence", "sweep", "tone"]


def tone(
    hz: float, duration_s: float = 1.0, sample_rate_hz: int = 44100, level: float = 0.5
) -> FloatArray:
    """A sine that starts at phase 0; ``level`` is its amplitude.

    >>> len(tone(440.0, 0.5, 16000))
    8000
    """
    return _float32(level * np.sin(2 * np.pi * hz * _times(duration_s, sample_rate_hz)))


def chord(
    hz: Sequence[float],
    duration_s: float = 1.0,
    sample_rate_hz: int = 44100,
    level: float = 0.5,
) -> FloatArray:
    """Sines added up; ``level`` is the sum of their equal amplitudes."""
    if not hz:
        raise UsageError("expected at least one frequency, got none")
    parts = [np.sin(2 * np.pi * f * _times(duration_s, sample_rate_hz)) for f in hz]
    return _float32(level * np.sum(parts, axis=0) / len(hz))


def sweep(
    from_hz: float,
    to_hz: float,
    duration_s: float = 1.0,
    sample_rate_hz: int = 44100,
    level: float = 0.5,
) -> FloatArray:
    """A sine whose frequency rises (or falls) linearly in time."""
    t = _times(duration_s, sample_rate_hz)
    slope = (to_hz - from_hz) / duration_s
    return _float32(level * np.sin(2 * np.pi * (from_hz * t + slope * t * t / 2)))


def noise(
    seed: int, duration_s: float = 1.0, sample_rate_hz: int = 44100, level: float = 0.1
) -> FloatArray:
    """White Gaussian noise; ``level`` is its root mean square."""
    count = len(_times(duration_s, sample_rate_hz))
    return _float32(level * np.random.default_rng(seed).standard_normal(count))


def click(
    at_s: float, duration_s: float = 1.0, sample_rate_hz: int = 44100, level: float = 1.0
) -> FloatArray:
    """One sample of ``level`` in silence."""
    out = silence(duration_s, sample_rate_hz)
    index = round(at_s * sample_rate_hz)
    if not 0 <= index < len(out):
        raise UsageError(f"expected a click between 0 and {duration_s:g} s, got {at_s:g} s")
    out[index] = level
    return out


def comb(
    spacing_hz: float,
    duration_s: float = 1.0,
    sample_rate_hz: int = 44100,
    level: float = 0.01,
    seed: int = 0,
) -> FloatArray:
    """Equal lines at all multiples of a frequency, each of amplitude ``level``.

    Phases are random (by ``seed``) so that no pulse forms: what a decoder's upsampling leaves.
    """
    if spacing_hz <= 0:
        raise UsageError(f"expected a spacing above 0 Hz, got {spacing_hz}")
    t = _times(duration_s, sample_rate_hz)
    count = int(np.ceil(sample_rate_hz / 2 / spacing_hz)) - 1
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, max(count, 0))
    out = np.zeros(len(t))
    for number, phase in enumerate(phases, start=1):
        out += np.sin(2 * np.pi * number * spacing_hz * t + phase)
    return _float32(level * out)


def silence(duration_s: float = 1.0, sample_rate_hz: int = 44100) -> FloatArray:
    """Zeros."""
    return np.zeros(len(_times(duration_s, sample_rate_hz)), np.float32)


def _times(duration_s: float, sample_rate_hz: int) -> NDArray[np.float64]:
    if duration_s <= 0 or sample_rate_hz <= 0:
        raise UsageError(
            f"expected a duration and a rate above 0, got {duration_s} s and {sample_rate_hz} Hz"
        )
    return np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz


def _float32(samples: NDArray[np.float64]) -> FloatArray:
    return samples.astype(np.float32)
