# SPDX-License-Identifier: MIT
"""What the adversarial attacks share: hearing with the model's ears, and keeping to a budget.

The adversary works on the mono sound at the model's rate; what it adds is resampled to the clip's
rate, scaled to the budget there and added to every channel. Unit: dB of signal over disturbance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unsung.audio.resample import resample
from unsung.types import FloatArray, fit_length

__all__ = ["disturbed", "norm", "on_sphere"]


def norm(samples: FloatArray) -> float:
    """Return the Euclidean length."""
    return float(np.linalg.norm(samples.astype(np.float64)))


def on_sphere(disturbance: FloatArray, radius: float) -> FloatArray:
    """Shorten a disturbance to the radius; a shorter one stays."""
    length = norm(disturbance)
    return disturbance * np.float32(radius / length) if length > radius else disturbance


def disturbed(
    samples: FloatArray,
    sample_rate_hz: int,
    model_rate_hz: int,
    snr_db: float,
    search: Callable[[FloatArray, float], FloatArray],
) -> FloatArray:
    """Return samples plus what `search(mono, radius)` found, never above the budget.

    Shape: samples ``[channel, time]``; `search` maps ``[time]`` at the model's rate to the same.
    """
    mono = samples.mean(axis=0, dtype=np.float32)
    heard = resample(mono, sample_rate_hz, model_rate_hz)
    if norm(heard) == 0:
        return samples
    found = search(heard, norm(heard) * 10 ** (-snr_db / 20))
    back = fit_length(resample(found[None], model_rate_hz, sample_rate_hz), samples.shape[1])
    back = np.repeat(back, samples.shape[0], axis=0)
    # float32 rounds once more when the sum is stored, hence a little less than the whole budget
    return samples + on_sphere(back, 0.9999 * norm(samples) * 10 ** (-snr_db / 20))
