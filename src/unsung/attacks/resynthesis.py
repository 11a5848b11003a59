# SPDX-License-Identifier: MIT
"""The same music out of a neural decoder: a member of the decoder zoo, another one for each clip.

What a codec, a vocoder or a restoration tool does to a human recording, and a class of its own: the
composition and the performance stay human. Members differ in strides, kinds and rates
(`unsung.synthesis.resynthesis.zoo`; Afchar et al., ISMIR 2025, say why strides matter). Unit: share
of the copy in the mix; 1 is the copy alone. When not to use: as AI music; and for one system by
name, EnCodec or Lyra, take ``unsung synth resynthesise``.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from unsung.attacks.base import Attack
from unsung.errors import UsageError
from unsung.types import Clip, FloatArray

if TYPE_CHECKING:
    from unsung.synthesis.resynthesis.zoo import Zoo

__all__ = ["Resynthesis"]


class Resynthesis(Attack):
    """(1 - strength) · x + strength · decoder(x).

    Args:
        members: the member is drawn from so many, by the sound itself and the seed.
        member: this member for every clip; -1 draws.
    """

    unit: ClassVar[str] = "share"
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75, 1.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    seeded: ClassVar[bool] = True
    needs_package: ClassVar[str] = "torch"

    def __init__(self, members: int = 64, member: int = -1) -> None:
        if members < 1:
            raise UsageError(f"resynthesis: expected members of 1 or more, got {members}; try 64")
        self.members = members
        self.member = member

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        clip = Clip(samples, sample_rate_hz, track_id=_name(samples))
        setting = f"@{self.member}" if self.member >= 0 else str(self.members)
        copy = _zoo(setting, seed)(clip).samples
        share = np.float32(strength)
        return np.asarray((1 - share) * samples + share * copy, dtype=np.float32)


@lru_cache(maxsize=4)
def _zoo(setting: str, seed: int) -> Zoo:
    """Return the zoo; it keeps the members that it has built."""
    from unsung.synthesis.resynthesis.zoo import Zoo

    return Zoo(setting, seed=seed)


def _name(samples: FloatArray) -> str:
    """Return a name that the sound alone decides: tracks of a study meet different members."""
    return hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest()
