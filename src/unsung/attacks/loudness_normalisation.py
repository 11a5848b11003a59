# SPDX-License-Identifier: MIT
"""Brings the clip to a loudness, as streaming services and broadcasters do.

Source: integrated loudness of ITU-R BS.1770 (-14 LUFS: common streaming target; -23: EBU R 128).
Unit: LUFS. Nothing is limited: float samples may pass full scale. When not to use: on silence,
which stays as it is.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from unsung.attacks._loudness import integrated_lufs
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["LoudnessNormalisation"]


class LoudnessNormalisation(Attack):
    """One gain that makes the integrated loudness equal to `strength`."""

    unit: ClassVar[str] = "LUFS"
    strengths: ClassVar[tuple[float, ...]] = (-14.0, -16.0, -18.0, -23.0, -30.0)
    default: ClassVar[float] = -14.0
    limits: ClassVar[tuple[float, float] | None] = (-70.0, 0.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        loudness = integrated_lufs(samples, sample_rate_hz)
        if math.isinf(loudness):
            return samples
        return samples * np.float32(10 ** ((strength - loudness) / 20))
