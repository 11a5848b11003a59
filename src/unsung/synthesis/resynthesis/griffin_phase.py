# SPDX-License-Identifier: MIT
"""Magnitudes kept, phase forgotten and found again by Griffin-Lim.

The control beside "GriffinMel" in Afchar et al., "AI-Generated Music Detection and its Challenges",
2025: nothing is lost but the phase. Transform of 2048 points (setting: its length), hop a quarter,
32 rounds from a random phase, at 44.1 kHz. Not neural, without strides. Units: Hz.
When not to use: as a neural decoder; a detector that calls it AI hears phase, not decoders.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.synthesis.resynthesis._phase import Stft, faded, griffin_lim
from unsung.synthesis.resynthesis.base import Resynthesis
from unsung.types import FloatArray

__all__ = ["GriffinPhase"]

_ROUNDS = 32


class GriffinPhase(Resynthesis):
    """Griffin-Lim on the original's own magnitudes; the seed draws the first phase."""

    settings: ClassVar[tuple[str, ...]] = ("2048", "1024", "4096")
    source: ClassVar[str] = "Afchar et al., AI-Generated Music Detection and its Challenges, 2025"

    def _run(self, samples: FloatArray) -> FloatArray:
        size = int(self.setting)
        stft, rng = Stft(size, size // 4, size), np.random.default_rng(self.seed)

        def piece(x: FloatArray) -> FloatArray:
            magnitude = np.abs(stft.forward(x))
            return griffin_lim(magnitude, stft, len(x), _ROUNDS, rng)

        return faded(samples[0], piece, 20 * self.sample_rate_hz, self.sample_rate_hz // 20)[None]
