# SPDX-License-Identifier: MIT
"""One reflection: the clip again, a little later and softer, which combs the spectrum.

Source: wimu-sonics' "reverb": h[0] = 1, h[d] = decay with decay 0.5 or 1 and d = 10 to 50 ms, tail
cut, peak normalised. The peak is brought to the input's peak rather than to full scale, so that
only the colour changes. Unit: the reflection's amplitude. When not to use: for a room; take
``reverb``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Echo"]


class Echo(Attack):
    """x[n] + strength · x[n - delay], at the input's peak."""

    unit: ClassVar[str] = "amplitude"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.25, 0.5, 1.0)
    default: ClassVar[float] = 0.5
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def __init__(self, delay_s: float = 0.02) -> None:
        self.delay_s = delay_s

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        delay = min(samples.shape[1], max(1, round(self.delay_s * sample_rate_hz)))
        out = samples.copy()
        out[:, delay:] += np.float32(strength) * samples[:, : samples.shape[1] - delay]
        before, after = np.abs(samples).max(), np.abs(out).max()
        return out * (before / after) if after > 0 else out
