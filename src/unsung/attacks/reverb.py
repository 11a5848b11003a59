# SPDX-License-Identifier: MIT
"""A room: direct sound plus noise that dies away exponentially, different in each channel.

Source: Polack's statistical room model (white noise times exp(-6.9·t / RT60), first-order treble
loss). The reverberant energy grows with RT60, as it does at a fixed place in a room, and is half
the direct energy at 1 s. The root mean square is brought back to the input's. Unit: seconds of
RT60, the time in which the tail falls by 60 dB. When not to use: for a measured room; convolve with
its response.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import signal

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Reverb"]

_PRE_DELAY_S = 0.005  # the first wall is about a metre further than the source


class Reverb(Attack):
    """Convolves with a seeded synthetic room response; the tail is cut at the clip's end."""

    unit: ClassVar[str] = "s"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
    default: ClassVar[float] = 0.4
    limits: ClassVar[tuple[float, float] | None] = (0.02, 10.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        channels, n = samples.shape
        tail = _tail(channels, sample_rate_hz, strength, np.random.default_rng(seed))
        wet = signal.oaconvolve(samples, tail[:, :n], axes=-1)[:, :n]
        out = samples + wet
        before, after = (np.sqrt(np.mean(np.square(x, dtype=np.float64))) for x in (samples, out))
        return np.asarray(out * (before / after if after > 0 else 1.0), dtype=np.float32)


def _tail(channels: int, rate: int, rt60_s: float, rng: np.random.Generator) -> FloatArray:
    n = max(2, round(rt60_s * rate))
    noise = rng.standard_normal((channels, n))
    noise = signal.lfilter([1.0], [1.0, -0.5], noise, axis=-1)
    noise *= 10 ** (-3 * np.arange(n) / n)  # 60 dB over the tail's length
    energy = np.square(noise).sum(axis=-1, keepdims=True)
    noise *= np.sqrt(0.5 * rt60_s / energy)
    before = np.zeros((channels, round(_PRE_DELAY_S * rate)))
    return np.concatenate([before, noise], axis=-1).astype(np.float32)
