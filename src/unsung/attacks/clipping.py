# SPDX-License-Identifier: MIT
"""Hard overload: everything louder than a threshold is cut flat.

Source: the plain clipper of any overdriven converter. Unit: dB of the threshold below the clip's
own peak, so that quiet clips are hit as hard as loud ones. The level is not made up. When not to
use: to reach a loudness; take ``loudness_normalisation``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Clipping"]


class Clipping(Attack):
    """Clips `strength` dB below the peak of all channels."""

    unit: ClassVar[str] = "dB below peak"
    strengths: ClassVar[tuple[float, ...]] = (1.0, 3.0, 6.0, 12.0, 18.0, 24.0)
    default: ClassVar[float] = 6.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 60.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        limit = float(np.abs(samples).max()) * 10 ** (-strength / 20)
        return np.clip(samples, -limit, limit)
