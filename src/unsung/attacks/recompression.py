# SPDX-License-Identifier: MIT
"""Encodes again and again, as a song that is passed on: each copy cuts its frames elsewhere.

Source: MP3 (LAME, constant bit rate); before every generation the sound is moved by a random part
of a frame, since players, editors and platforms never cut where the last encoder did. LAME turns
its input down by 0.4 dB, so level falls with every copy, as it does in the wild. Unit:
generations, a whole number. When not to use: for one encoding; take ``mp3``. Different codecs in a
row are a chain: ``mp3@128+aac@96+opus@64``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unsung.attacks._codec import coded
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["Recompression"]

_FRAME = 1152  # samples of an MPEG-1 layer III frame


class Recompression(Attack):
    """`strength` passes through MP3, rounded to a whole number.

    Args:
        kbps: bit rate of every pass.
    """

    unit: ClassVar[str] = "generations"
    strengths: ClassVar[tuple[float, ...]] = (1.0, 2.0, 4.0, 8.0)
    default: ClassVar[float] = 2.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 32.0)
    seeded: ClassVar[bool] = True

    continuous: ClassVar[bool] = False

    def __init__(self, kbps: float = 128.0) -> None:
        self.kbps = kbps

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        rng, out = np.random.default_rng(seed), samples
        for _ in range(round(strength)):
            shift = int(rng.integers(1, _FRAME))
            moved = np.pad(out, ((0, 0), (shift, 0)))
            out = coded(moved, sample_rate_hz, "mp3", self.kbps)[:, shift:]
        return out
