# SPDX-License-Identifier: MIT
"""Mimi, the codec of Moshi: 24 kHz mono, 12.5 frames a second, 1 to 32 codebooks.

Défossez et al., "Moshi: a speech-text foundation model for real-time dialogue", 2024, through
`transformers.MimiModel`. Eight codebooks are 1.1 kbps. The decoder doubles the frame rate before
its convolutional stages, so lines may stand at multiples of 12.5 Hz. Units: Hz.
When not to use: for music of high fidelity; Mimi is a speech codec.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from unsung.synthesis.resynthesis._hub import HubCodec

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Mimi"]


class Mimi(HubCodec):
    """Mimi as published by Kyutai."""

    settings: ClassVar[tuple[str, ...]] = (
        "8cb",
        *(f"{count}cb" for count in range(1, 33) if count != 8),
    )
    licence: ClassVar[str] = "CC-BY-4.0"
    source: ClassVar[str] = "Défossez et al., Moshi, 2024"
    model_class: ClassVar[str] = "MimiModel"
    sample_rate_hz = 24000
    strides: tuple[int, ...] = (2, 8, 6, 5, 4)

    @property
    def repository(self) -> str:
        """Return the hub's name of the published weights."""
        return "kyutai/mimi"

    def _adopt(self, config: Any) -> None:
        super()._adopt(config)
        first = self._hop(config) // math.prod(self.strides)
        self.strides = (first, *self.strides) if first > 1 else self.strides

    def _hop(self, config: Any) -> int:
        rate: float = config.sampling_rate / config.frame_rate
        return round(rate)

    def _pass(self, model: Any, sound: Tensor) -> Tensor:
        count = int(self.setting.removesuffix("cb"))
        codes = model.encode(sound, num_quantizers=count).audio_codes
        made: Tensor = model.decode(codes).audio_values
        return made
