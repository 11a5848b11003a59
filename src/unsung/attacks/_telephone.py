# SPDX-License-Identifier: MIT
"""What telephone codecs share: 8000 samples a second, one channel at a time, in step with the clip.

Source: ITU-T G.711 to G.729 and their mobile successors all sample at 8 kHz. Unit: Hz.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.audio.resample import resample
from unsung.types import FloatArray, fit_length

__all__ = ["TelephoneAttack"]

_SHORTEST = 64  # samples; less than a few at 8 kHz cannot pass a resampler
_PEAK = 0.99  # below full scale, where integer coders wrap or clip


class TelephoneAttack(Attack):
    """Brings each channel to 8 kHz, through `_coded`, and back."""

    rate_hz: ClassVar[int] = 8000

    @abstractmethod
    def _coded(self, narrow: FloatArray, strength: float) -> FloatArray:
        """Encode and decode one channel at 8 kHz. Shape: ``[time]`` → ``[about time]``."""

    def _call(self, samples: FloatArray, sample_rate_hz: int, strength: float) -> FloatArray:
        n = samples.shape[1]
        narrow = resample(fit_length(samples, max(n, _SHORTEST)), sample_rate_hz, self.rate_hz)
        gain = np.float32(max(1.0, float(np.abs(narrow).max()) / _PEAK))
        rows = [fit_length(self._coded(row / gain, strength)[None], len(row)) for row in narrow]
        coded = gain * np.concatenate(rows)
        return fit_length(resample(coded, self.rate_hz, sample_rate_hz), n)
