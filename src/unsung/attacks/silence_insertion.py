# SPDX-License-Identifier: MIT
"""Cuts the clip open at a random place and puts digital silence in: gaps of edited uploads.

Source: plain editing; no sample is lost, the clip becomes longer. Unit: share of the length that is
inserted. When not to use: to hide sound; take ``time_mask``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["SilenceInsertion"]


class SilenceInsertion(Attack):
    """Inserts round(strength · length) zeros at one random place."""

    unit: ClassVar[str] = "share added"
    strengths: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.1, 0.25, 0.5)
    default: ClassVar[float] = 0.1
    limits: ClassVar[tuple[float, float] | None] = (0.0, 2.0)
    seeded: ClassVar[bool] = True

    def time_scale(self, strength: float) -> float:
        """Return 1 + the share that is added."""
        return 1.0 + self.check(strength)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz
        n = samples.shape[1]
        place = int(np.random.default_rng(seed).integers(0, n + 1))
        silence = np.zeros((samples.shape[0], round(n * strength)), dtype=np.float32)
        return np.concatenate([samples[:, :place], silence, samples[:, place:]], axis=1)
