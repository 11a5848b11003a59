# SPDX-License-Identifier: MIT
"""Repeats the beginning of the clip to its full length: nothing new after the first seconds.

Source: our own probe of long-range structure, the counterpart of ``segment_shuffle``; joins are
cross-faded over 6 ms. Unit: seconds that are repeated; longer is milder. When not to use: on clips
shorter than that, which stay as they are, or with a silent beginning.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks._joins import FADE_S, fades
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Tile"]


class Tile(Attack):
    """x[n mod strength], with the joins blended."""

    unit: ClassVar[str] = "s"
    strengths: ClassVar[tuple[float, ...]] = (30.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.25)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.05, 600.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        n = samples.shape[1]
        loop = max(8, round(strength * sample_rate_hz))
        if loop >= n:
            return samples
        fade = min(round(FADE_S * sample_rate_hz), n - loop, loop)
        up, down = fades(fade)
        again = samples[:, :loop].copy()  # every repeat begins inside the end of the one before
        again[:, :fade] = again[:, :fade] * up + samples[:, loop : loop + fade] * down
        rest = np.tile(again, -(-(n - loop) // loop))[:, : n - loop]
        return np.concatenate([samples[:, :loop], rest], axis=1)
