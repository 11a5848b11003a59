# SPDX-License-Identifier: MIT
"""A random seven-band equaliser: a different tone colour for each seed.

Source: audiomentations ``SevenBandParametricEQ`` as in wimu-sonics: low shelf, five peaks, high
shelf (Audio EQ Cookbook); gains uniform within ±strength, or all equal to it as published
(``same_gain=1``), centres uniform in mel within each band, Q uniform in 0.1-0.999 (shelves) and
0.5-5 (peaks). Unit: dB, the largest lift or cut of one band.
When not to use: for a known curve; chain filters instead.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from unsung.attacks._filters import Sections, filtered, peaking, shelf
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Eq"]

_BANDS_HZ = (
    *((42.0, 95.0), (91.0, 204.0), (196.0, 441.0), (421.0, 948.0)),
    *((909.0, 2045.0), (1957.0, 4404.0), (4216.0, 9486.0)),
)


class Eq(Attack):
    """Seven bands with random gain, centre and Q; the seed alone fixes the shape of the curve.

    Args:
        same_gain: whether every band is lifted by the strength itself.
    """

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (3.0, 6.0, 12.0, 18.0)
    default: ClassVar[float] = 6.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 40.0)
    seeded: ClassVar[bool] = True

    def __init__(self, same_gain: bool = False) -> None:
        self.same_gain = same_gain

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        rng = np.random.default_rng(seed)
        return filtered(_curve(strength, self.same_gain, sample_rate_hz, rng), samples)


def _curve(strength_db: float, same_gain: bool, rate: int, rng: np.random.Generator) -> Sections:
    sections = []
    for index, (low_hz, high_hz) in enumerate(_BANDS_HZ):
        share = rng.uniform(-1, 1)
        gain_db = strength_db if same_gain else strength_db * share
        low_mel, high_mel = 2595 * np.log10(1 + np.array([low_hz, high_hz]) / 700)
        centre_hz = 700 * (10 ** (rng.uniform(low_mel, high_mel) / 2595) - 1)
        if index in (0, len(_BANDS_HZ) - 1):
            side: Literal["low", "high"] = "low" if index == 0 else "high"
            sections.append(shelf(side, centre_hz, gain_db, rng.uniform(0.1, 0.999), rate))
        else:
            sections.append(peaking(centre_hz, gain_db, rng.uniform(0.5, 5.0), rate))
    return np.concatenate(sections)
