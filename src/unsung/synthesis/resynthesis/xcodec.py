# SPDX-License-Identifier: MIT
"""X-Codec: 16 kHz mono at 0.5 to 4 kbps, codes that also carry meaning (HuBERT features).

Ye et al., "Codec Does Matter: Exploring the Semantic Shortcoming of Codec for Audio Language
Model", 2024; the codec of the song generator YuE is of this family. Through
`transformers.XcodecModel` (transformers 4.56 or later), model trained on general audio.
Units: Hz, kbit/s. When not to use: for sound above 8 kHz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from unsung.synthesis.resynthesis._hub import HubCodec

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Xcodec"]

_KBPS = {f"{kbps:g}kbps": kbps for kbps in (2, 0.5, 1, 1.5, 4)}


class Xcodec(HubCodec):
    """X-Codec as published on the hub."""

    settings: ClassVar[tuple[str, ...]] = tuple(_KBPS)
    licence: ClassVar[str] = "as the model card says"
    source: ClassVar[str] = "Ye et al., Codec Does Matter, 2024"
    model_class: ClassVar[str] = "XcodecModel"
    sample_rate_hz = 16000
    strides: tuple[int, ...] = (8, 5, 4, 2)

    @property
    def repository(self) -> str:
        """Return the hub's name of the published weights."""
        return "hf-audio/xcodec-hubert-general"

    def _adopt(self, config: Any) -> None:
        self.sample_rate_hz = int(config.sample_rate)
        ratios = config.acoustic_model_config.upsampling_ratios
        self.strides = tuple(int(s) for s in ratios)

    def _pass(self, model: Any, sound: Tensor) -> Tensor:
        codes = model.encode(sound, bandwidth=_KBPS[self.setting]).audio_codes
        made: Tensor = model.decode(codes).audio_values
        return made
