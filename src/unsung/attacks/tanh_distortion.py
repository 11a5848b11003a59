# SPDX-License-Identifier: MIT
"""Soft overload through a hyperbolic tangent, at the same loudness.

Source: audiomentations ``TanhDistortion`` as in wimu-sonics: gain 0.5 / (percentile(|x|, 100 -
99·d) + 1e-6), tanh, root mean square matched to the input. Unit: amount d from 0 to 1. When not to
use: to model a limiter; take ``dynamic_compression`` or ``clipping``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["TanhDistortion"]


class TanhDistortion(Attack):
    """tanh of the amplified clip, brought back to its root mean square."""

    unit: ClassVar[str] = "amount"
    strengths: ClassVar[tuple[float, ...]] = (0.01, 0.1, 0.3, 0.5, 0.7)
    default: ClassVar[float] = 0.3
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        level = float(np.percentile(np.abs(samples), 100 - 99 * strength))
        shaped = np.tanh(samples * np.float32(0.5 / (level + 1e-6)))
        before, after = (
            np.sqrt(np.mean(np.square(x, dtype=np.float64))) for x in (samples, shaped)
        )
        return np.asarray(shaped * (before / after if after > 0 else 1.0), dtype=np.float32)
