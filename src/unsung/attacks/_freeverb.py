# SPDX-License-Identifier: MIT
"""Impulse responses of Freeverb: eight damped combs in parallel, then four all-passes in a row.

Source: Freeverb's published structure (Schroeder and Moorer; Jezar 2000) with the mapping of
percentages that SoX's ``reverb`` documents and uses: feedback 0.3 to 0.98, damping 0.2 to 0.5,
delays times 0.1 + 0.9 · room scale, the second ear's delays off by 12 samples in turn. Units: %,
samples at 44.1 kHz.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from unsung.types import FloatArray

__all__ = ["GAIN", "comb_feedback", "impulse_response"]

GAIN = 0.015
"""Wet level at 0 dB: eight combs add up."""

_COMBS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
_ALLPASSES = (225, 341, 441, 556)
_SPREAD, _ALLPASS_GAIN = 12, 0.5
_LEAST, _MOST = 0.3, 0.98


def comb_feedback(reverberance: float) -> float:
    """Return the combs' feedback for a reverberance in %.

    >>> round(comb_feedback(0), 6), round(comb_feedback(100), 6)
    (0.3, 0.98)
    """
    a = -1 / math.log(1 - _LEAST)
    b = 100 / (math.log(1 - _MOST) * a + 1)
    return 1 - math.exp((reverberance - b) / (a * b))


def impulse_response(
    length: int,
    sample_rate_hz: int,
    *,
    reverberance: float,
    damping: float,
    room_scale: float,
    spread: float,
) -> FloatArray:
    """Return what one ear hears of a click, without the direct sound. Shape: ``[length]``.

    Args:
        length: samples.
        sample_rate_hz: delays are scaled to it.
        reverberance: % (0 to 100).
        damping: % of treble lost in each round.
        room_scale: % of the full delays.
        spread: 0 for the first ear, the stereo depth as a share for the second.
    """
    click = np.zeros(length)
    click[0] = 1.0
    out, rate = np.zeros(length), sample_rate_hz / 44100
    feedback, loss = comb_feedback(reverberance), damping / 100 * 0.3 + 0.2
    scale = room_scale / 100 * 0.9 + 0.1
    for index, delay in enumerate(_COMBS):
        samples = int(scale * rate * (delay + _SPREAD * _turn(spread, index)) + 0.5)
        out += _comb(click, max(1, samples), feedback, loss)
    for index, delay in reversed(list(enumerate(_ALLPASSES))):
        samples = int(rate * (delay + _SPREAD * _turn(spread, index)) + 0.5)
        out = _allpass(out, max(1, samples))
    return (GAIN * out).astype(np.float32)


def _turn(spread: float, index: int) -> float:
    return -spread if index % 2 else spread


def _comb(
    sound: NDArray[np.float64], delay: int, feedback: float, loss: float
) -> NDArray[np.float64]:
    """y[n] = v[n - d] with v = x + feedback · low-pass(y), one delay's length at a time."""
    out = np.zeros(len(sound) + delay)
    state = np.zeros(1)
    b, a = [1 - loss], [1.0, -loss]
    for start in range(0, len(sound), delay):
        heard = out[start : start + delay]
        dull, state = signal.lfilter(b, a, heard, zi=state)
        fresh = sound[start : start + delay]
        out[start + delay : start + delay + len(fresh)] = fresh + feedback * dull[: len(fresh)]
    return out[: len(sound)]


def _allpass(sound: NDArray[np.float64], delay: int) -> NDArray[np.float64]:
    """y[n] = v[n - d] - x[n] with v = x + 0.5 · v[n - d] (Freeverb's, not quite flat)."""
    line = np.zeros(len(sound) + delay)
    for start in range(0, len(sound), delay):
        fresh = sound[start : start + delay]
        late = line[start : start + len(fresh)]
        line[start + delay : start + delay + len(fresh)] = fresh + _ALLPASS_GAIN * late
    return line[: len(sound)] - sound
