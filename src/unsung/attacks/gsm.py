# SPDX-License-Identifier: MIT
"""A call over the first mobile networks: the full-rate speech codec of GSM, 13 kbit/s.

Source: ETSI GSM 06.10 (regular pulse excitation with long-term prediction), by libsndfile; 8000
samples a second, each channel on its own, in step with the input. Unit: share of the call in the
mix; 1 is the call alone. When not to use: for today's networks; take ``amr_nb``.
"""

from __future__ import annotations

import io
from typing import ClassVar

import numpy as np

from unsung.attacks._telephone import TelephoneAttack
from unsung.types import FloatArray

__all__ = ["Gsm"]


class Gsm(TelephoneAttack):
    """(1 - strength) · x + strength · call(x)."""

    unit: ClassVar[str] = "share"
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75, 0.9, 1.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        share = np.float32(strength)
        call = self._call(samples, sample_rate_hz, strength)
        return np.asarray((1 - share) * samples + share * call, dtype=np.float32)

    def _coded(self, narrow: FloatArray, strength: float) -> FloatArray:
        del strength
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, narrow, self.rate_hz, format="WAV", subtype="GSM610")
        file.seek(0)
        return np.asarray(soundfile.read(file, dtype="float32")[0], dtype=np.float32)
