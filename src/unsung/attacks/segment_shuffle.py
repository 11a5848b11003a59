# SPDX-License-Identifier: MIT
"""Cuts the clip into pieces and changes their order: what is learned of long-range structure.

Source: our own probe; every piece moves (a single cycle, by Sattolo's algorithm), the first cut
lies at random, joins are cross-faded over 6 ms. Unit: seconds of a piece; longer is milder. When
not to use: on clips shorter than a piece, which stay as they are.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks._joins import FADE_S, fades
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["SegmentShuffle"]

_FIRST = 0.25  # shortest first or last piece, as a share of the others


class SegmentShuffle(Attack):
    """Pieces of `strength` seconds in random order; the length stays."""

    unit: ClassVar[str] = "s"
    strengths: ClassVar[tuple[float, ...]] = (30.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.25)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.05, 600.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        n, rng = samples.shape[1], np.random.default_rng(seed)
        piece = max(8, round(strength * sample_rate_hz))
        cuts = np.arange(round(piece * rng.uniform(_FIRST, 1.0)), n - _FIRST * piece, piece)
        edges = np.concatenate([[0], cuts, [n]]).astype(int)
        if len(edges) < 3:
            return samples
        half = min(round(FADE_S * sample_rate_hz / 2), int(_FIRST * piece) // 2)
        # beyond its ends the sound goes on mirrored: zeros there would click inside a join
        padded = np.pad(samples, ((0, 0), (half, half)), mode="symmetric")
        out = np.zeros_like(padded)
        up, down = fades(2 * half)
        at = 0
        for index in _cycle(len(edges) - 1, rng):
            begin, end = edges[index], edges[index + 1] + 2 * half  # of the padded sound
            part = padded[:, begin:end].copy()
            part[:, : 2 * half] *= up
            part[:, part.shape[1] - 2 * half :] *= down
            out[:, at : at + part.shape[1]] += part
            at += part.shape[1] - 2 * half
        return out[:, half : half + n]


def _cycle(count: int, rng: np.random.Generator) -> list[int]:
    """Return an order in which nothing stays in its place."""
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        other = int(rng.integers(0, last))
        order[last], order[other] = order[other], order[last]
    return order
