# SPDX-License-Identifier: MIT
"""Lays one sound over another at a stated distance in level.

Unit: dB between the root mean squares of the whole clips; positive = the first is louder.
"""

from __future__ import annotations

import numpy as np

from unsung.audio.resample import resample
from unsung.types import Clip, FloatArray, fit_length

__all__ = ["fitted", "mixed", "rms"]


def rms(samples: FloatArray) -> float:
    """Return the root mean square over all channels."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def mixed(samples: FloatArray, other: FloatArray, snr_db: float) -> FloatArray:
    """Add `other` at `snr_db` below the samples; silence on either side adds nothing.

    Shape: ``[channel, time]``, or one channel of `other` for all.
    """
    level = rms(other)
    if level == 0:
        return samples
    gain = np.float32(rms(samples) / level * 10 ** (-snr_db / 20))
    return np.asarray(samples + gain * other, dtype=np.float32)


def fitted(partner: Clip, channels: int, length: int, sample_rate_hz: int) -> FloatArray:
    """Bring a second clip to rate, channels and length; a short one is repeated.

    Shape: → ``[channels, length]``; where the channel counts differ, its mean goes to all.
    """
    samples = resample(np.atleast_2d(partner.samples), partner.sample_rate_hz, sample_rate_hz)
    if samples.shape[0] != channels:
        mean = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        samples = np.repeat(mean, channels, axis=0)
    if samples.shape[1] == 0:
        return np.zeros((channels, length), dtype=np.float32)
    return fit_length(np.tile(samples, -(-length // samples.shape[1])), length)
