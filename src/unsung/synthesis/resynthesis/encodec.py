# SPDX-License-Identifier: MIT
"""EnCodec: 24 kHz mono at 1.5 to 24 kbps, 48 kHz stereo at 3 to 24 kbps.

Défossez et al., "High Fidelity Neural Audio Compression", 2022, through
`transformers.EncodecModel`. The 48 kHz model works on normalised pieces of 1 s that overlap by
10 ms. Mono is sent through the 48 kHz model as two equal channels. Units: Hz, kbit/s.
When not to use: commercially; the published weights forbid it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unsung.synthesis.resynthesis._hub import HubCodec

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Encodec"]

_KBPS = {
    f"{rate}khz-{kbps:g}kbps": kbps
    for rate, bands in ((24, (6.0, 1.5, 3.0, 12.0, 24.0)), (48, (3.0, 6.0, 12.0, 24.0)))
    for kbps in bands
}


class Encodec(HubCodec):
    """EnCodec as published by its authors."""

    settings: ClassVar[tuple[str, ...]] = tuple(_KBPS)
    licence: ClassVar[str] = "CC-BY-NC-4.0"
    source: ClassVar[str] = "Défossez et al., High Fidelity Neural Audio Compression, 2022"
    model_class: ClassVar[str] = "EncodecModel"
    strides: tuple[int, ...] = (8, 5, 4, 2)

    def __init__(
        self,
        setting: str = "",
        *,
        weights: Path | None = None,
        seed: int = 0,
        revision: str = "main",
    ) -> None:
        super().__init__(setting, weights=weights, seed=seed, revision=revision)
        wide = self.setting.startswith("48")
        self.sample_rate_hz, self.channels = (48000, 2) if wide else (24000, 1)

    @property
    def repository(self) -> str:
        """Return the hub's name of the published weights for this setting."""
        return f"facebook/encodec_{self.setting.split('-')[0]}"

    def _adopt(self, config: Any) -> None:
        super()._adopt(config)
        self.channels = int(config.audio_channels)

    def _hop(self, config: Any) -> int:
        return int(config.chunk_stride or config.hop_length)

    def _pass(self, model: Any, sound: Tensor) -> Tensor:
        codes = model.encode(sound, bandwidth=_KBPS[self.setting])
        padding = codes.last_frame_pad_length
        made: Tensor = model.decode(
            codes.audio_codes, codes.audio_scales, last_frame_pad_length=padding
        ).audio_values
        return made
