# SPDX-License-Identifier: MIT
"""Lays a second clip over the first: a human recording with generated parts, or the reverse.

Source: the real/fake mixes of Deezer's response test, and stems combined by hand. The second clip
is resampled, repeated and cut to fit. Unit: dB by which the clip exceeds its partner; 0 is half and
half. When not to use: for pieces one after another.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._mixing import fitted, mixed
from unsung.attacks.base import Attack, needed_partner
from unsung.types import Clip, FloatArray

__all__ = ["Mix"]


class Mix(Attack):
    """x + partner, `strength` dB below.

    Args:
        partner: the second clip, at any rate and length.
    """

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (30.0, 20.0, 15.0, 10.0, 5.0, 0.0, -5.0, -10.0)
    default: ClassVar[float] = 10.0
    limits: ClassVar[tuple[float, float] | None] = (-60.0, 80.0)
    needs_partner: ClassVar[bool] = True

    def __init__(self, partner: Clip | None = None) -> None:
        self.partner = partner

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        partner = needed_partner(self, self.partner)
        channels, n = samples.shape
        return mixed(samples, fitted(partner, channels, n, sample_rate_hz), strength)
