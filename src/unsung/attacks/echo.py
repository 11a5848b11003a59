# SPDX-License-Identifier: MIT
"""One reflection: the clip again, a little later and softer, which combs the spectrum.

Source: wimu-sonics' "reverb": h[0] = 1, h[d] = decay with decay 0.5 or 1 and d = 10 to 50 ms, tail
cut, peak normalised to full scale (``full_scale=1``). Without that the peak is brought to the
input's, so that only the colour changes. Unit: the reflection's amplitude. When not to use: for a
room; take ``room`` or ``reverb``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Echo"]


class Echo(Attack):
    """x[n] + strength · x[n - delay], at the input's peak.

    Args:
        delay_s: how much later the reflection comes; a whole number of samples.
        full_scale: whether the peak becomes 1, as published.
    """

    unit: ClassVar[str] = "amplitude"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.25, 0.5, 1.0)
    default: ClassVar[float] = 0.5
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def __init__(self, delay_s: float = 0.02, full_scale: bool = False) -> None:
        self.delay_s = delay_s
        self.full_scale = full_scale

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        delay = min(samples.shape[1], max(1, int(self.delay_s * sample_rate_hz + 1e-6)))
        out = samples.copy()
        out[:, delay:] += np.float32(strength) * samples[:, : samples.shape[1] - delay]
        before = np.float32(1) if self.full_scale else np.abs(samples).max()
        after = np.abs(out).max()
        return out * (before / after) if after > 0 else out
