# SPDX-License-Identifier: MIT
"""Turns the last channel's polarity round, by way of leaving it out.

Source: channel arithmetic; one click in any editor. A listener hears the same song, the mean of the
channels loses what they have in common. Unit: share of the way; 0.5 leaves the channel silent, 1
inverts it. When not to use: on one channel, which stays as it is.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["InvertedChannel"]


class InvertedChannel(Attack):
    """(1 - 2 · strength) · x in the last channel."""

    unit: ClassVar[str] = "share"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.25, 0.5, 0.75, 1.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del sample_rate_hz, seed
        if samples.shape[0] == 1:
            return samples
        turned = np.array(samples, np.float32)
        turned[-1] *= np.float32(1 - 2 * strength)
        return turned
