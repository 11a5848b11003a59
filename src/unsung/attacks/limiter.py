# SPDX-License-Identifier: MIT
"""A look-ahead peak limiter: no sample passes the ceiling, and nothing is clipped.

Source: the usual design of minimum over a look-ahead window, then smoothing over the same window
(Giannoulis, Massberg, Reiss, JAES 2012, section on limiters); exponential release. All channels
share one gain. Unit: dB between the clip's own peak and the ceiling. When not to use: to make the
clip louder; chain ``gain`` behind it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Limiter"]


class Limiter(Attack):
    """Holds peaks at `strength` dB below the clip's own.

    Args:
        look_ahead_s: how early the gain starts to fall; 5 ms keeps bass undistorted.
        release_s: time in which the reduction in dB falls to a third.
    """

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (1.0, 3.0, 6.0, 9.0, 12.0, 18.0)
    default: ClassVar[float] = 6.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 60.0)

    def __init__(self, look_ahead_s: float = 0.005, release_s: float = 0.08) -> None:
        self.look_ahead_s = look_ahead_s
        self.release_s = release_s

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        peaks = np.abs(samples).max(axis=0).astype(np.float64)  # [time]
        if peaks.max() == 0 or strength == 0:
            return samples
        ceiling = peaks.max() * 10 ** (-strength / 20)
        over_db = 20 * np.log10(np.maximum(peaks / ceiling, 1.0))
        half = max(1, round(self.look_ahead_s * sample_rate_hz))
        held = ndimage.maximum_filter1d(over_db, 2 * half + 1, mode="nearest")
        held = _released(held, self.release_s * sample_rate_hz)
        # The mean over the look-ahead window never falls below what its centre needs.
        smooth = ndimage.uniform_filter1d(held, 2 * half + 1, mode="nearest")
        smooth = np.maximum(smooth, over_db)  # rounding of the running mean
        return np.asarray(samples * 10 ** (-smooth / 20), dtype=np.float32)


def _released(reduction_db: NDArray[np.float64], release: float) -> NDArray[np.float64]:
    """Return the largest past reduction, each fading exponentially. Shape: ``[time]``."""
    fall = np.arange(len(reduction_db)) / release
    raised = np.maximum.accumulate(np.log(np.maximum(reduction_db, 1e-12)) + fall)
    return np.asarray(np.exp(raised - fall))
