# SPDX-License-Identifier: MIT
"""Ogg Vorbis and back: what streaming services and games deliver.

Source: Xiph.org Vorbis I specification; about 112 kbps is the reference encoder's default quality,
which wimu-sonics used. Unit: kbps for the whole stream, reached through the encoder's quality
scale, whose lowest step is about 64 kbps for 44.1 kHz stereo. When not to use: where an exact rate
matters (Vorbis rates always vary with the sound).
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._codec import CodecAttack
from unsung.types import FloatArray

__all__ = ["Vorbis"]


class Vorbis(CodecAttack):
    """Ogg Vorbis near a target bit rate.

    Args:
        nominal: whether the strength names the encoder's quality instead, by the rate it gives for
            44.1 kHz stereo (112: quality 3), whatever the clip's rate and channels.
    """

    codec: ClassVar[str] = "vorbis"
    strengths: ClassVar[tuple[float, ...]] = (256.0, 192.0, 160.0, 128.0, 112.0, 96.0, 64.0)
    default: ClassVar[float] = 112.0
    limits: ClassVar[tuple[float, float] | None] = (32.0, 400.0)

    def __init__(self, nominal: bool = False) -> None:
        self.nominal = nominal

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        if self.nominal:  # undo what the encoder's rate control does for other rates and channels
            strength *= samples.shape[0] / 2 * max(sample_rate_hz, 16000) / 44100
        return super()._apply(samples, sample_rate_hz, strength, seed)
