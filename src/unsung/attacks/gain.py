# SPDX-License-Identifier: MIT
"""Makes the clip louder or softer, without clipping.

Source: wimu-sonics, ±6, 12, 18 and 24 dB. Unit: dB. When not to use: to test overload; take
``clipping`` or ``tanh_distortion``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Gain"]


class Gain(Attack):
    """Multiplies by 10^(strength / 20); float samples may pass full scale."""

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (
        *(-3.0, 3.0, -6.0, 6.0, -12.0, 12.0, -18.0, 18.0, -24.0, 24.0),
    )
    default: ClassVar[float] = -6.0
    limits: ClassVar[tuple[float, float] | None] = (-90.0, 60.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        return samples * np.float32(10 ** (strength / 20))
