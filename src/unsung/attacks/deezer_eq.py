# SPDX-License-Identifier: MIT
"""Deezer's equaliser test: six filters, each drawn with a chance of one in three.

Source: the robustness test of Afchar, Meseguer-Brocal and Hennequin, "AI-Generated Music Detection
and its Challenges" (ICASSP 2025): band reject, bass, treble, peak, high-pass and low-pass with the
ranges below, built as SoX does (Audio EQ Cookbook, shelves by slope). Unit: scale of the change; 1
is the published one. It scales gains in dB; filters without gain are mixed with the dry sound. As
published, about one seed in eleven draws no filter. When not to use: for a curve that always
changes something; take ``eq``.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from unsung.attacks._filters import (
    Sections,
    filtered,
    notch,
    peaking,
    second_order,
    shelf,
    slope_q,
)
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["DeezerEq"]

_CHANCE = 1 / 3


class DeezerEq(Attack):
    """Random filters of fixed kinds; the seed alone fixes which and where."""

    unit: ClassVar[str] = "x"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.25, 0.5, 0.75, 1.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        out, share = samples, np.float32(strength)
        for sections, has_gain in _drawn(strength, sample_rate_hz, np.random.default_rng(seed)):
            wet = filtered(sections, out)
            out = wet if has_gain else (1 - share) * out + share * wet
        return out


def _drawn(scale: float, rate: int, rng: np.random.Generator) -> list[tuple[Sections, bool]]:
    """Return the drawn filters and whether each has a gain that is scaled already."""
    reject = notch(rng.uniform(80, 8000), rng.uniform(2, 8), rate)
    bass = _shelf("low", 20 * scale, (60, 140), rate, rng)
    treble = _shelf("high", 20 * scale, (1000, 5000), rate, rng)
    peak = peaking(rng.uniform(80, 8000), scale * rng.uniform(-5, 5), rng.uniform(0.5, 4), rate)
    high = second_order("high", rng.uniform(20, 500), rng.uniform(0.5, 4), rate)
    low = second_order("low", rng.uniform(500, 8000), rng.uniform(0.5, 4), rate)
    every = [(reject, False), (bass, True), (treble, True)]
    every += [(peak, True), (high, False), (low, False)]
    return [item for item, pick in zip(every, rng.random(6) < _CHANCE, strict=True) if pick]


def _shelf(
    side: Literal["low", "high"],
    most_db: float,
    corner_hz: tuple[float, float],
    rate: int,
    rng: np.random.Generator,
) -> Sections:
    gain_db = most_db * rng.uniform(-1, 1)
    slope = rng.uniform(0.3, 1)
    return shelf(side, rng.uniform(*corner_hz), gain_db, slope_q(gain_db, slope), rate)
