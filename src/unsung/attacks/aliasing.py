# SPDX-License-Identifier: MIT
"""Down and up again by straight lines, without any filter: treble folds into the audible range.

Source: audiomentations ``Aliasing`` as in wimu-sonics: linear interpolation onto round(n·sr'/sr)
points over [0, n] and back. Unit: Hz, the rate in between. When not to use: as resampling done
right; take ``resample_round_trip``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Aliasing"]


class Aliasing(Attack):
    """Linear interpolation to `strength` and back; at or above the clip's rate nothing changes."""

    unit: ClassVar[str] = "Hz"
    strengths: ClassVar[tuple[float, ...]] = (
        *(32000.0, 22050.0, 16000.0, 12000.0, 7750.0, 7500.0, 7000.0, 6000.0),
    )
    default: ClassVar[float] = 7500.0
    limits: ClassVar[tuple[float, float] | None] = (500.0, 384000.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        n = samples.shape[1]
        if strength >= sample_rate_hz:
            return samples
        dense = np.linspace(0, n, n)
        sparse = np.linspace(0, n, max(2, round(n * strength / sample_rate_hz)))
        rows = (np.interp(dense, sparse, np.interp(sparse, dense, row)) for row in samples)
        return np.stack(list(rows)).astype(np.float32)
