# SPDX-License-Identifier: MIT
"""What the codec attacks share: encode, decode, and put the sound back where it was.

Encoders differ in delay and padding; the result is trimmed or padded to the length of the input so
that clean and attacked clips stay comparable sample by sample. Units: kbps for the whole stream.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.audio.write import round_trip
from unsung.types import Clip, FloatArray, fit_length

__all__ = ["CodecAttack", "coded"]


class CodecAttack(Attack):
    """A lossy codec and back, at the bit rate that `strength` names."""

    codec: ClassVar[str]
    unit: ClassVar[str] = "kbps"

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        return coded(samples, sample_rate_hz, self.codec, strength)


def coded(samples: FloatArray, sample_rate_hz: int, codec: str, kbps: float) -> FloatArray:
    """Pass samples through a codec. Shape: ``[channel, time]``, both ways.

    Encoders clip above full scale: louder sound is turned down before and up again after.
    """
    gain = np.float32(max(1.0, float(np.abs(samples).max())))
    clip = round_trip(Clip(samples / gain, sample_rate_hz), codec, kbps)
    return fit_length(clip.samples * gain, samples.shape[1])
