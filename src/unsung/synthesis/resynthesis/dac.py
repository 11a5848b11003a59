# SPDX-License-Identifier: MIT
"""Descript Audio Codec at 16, 24 and 44.1 kHz, with any number of its codebooks.

Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN", 2023, through
`transformers.DacModel`; mono, channels are passed one by one. Settings name the model and the
codebooks kept: 44khz-9cb is all of them (7.7 kbps), 44khz-2cb what a language model predicts first.
Units: Hz. When not to use: for a fair judgement of DAC's sound at few codebooks; it is not trained
for the fewest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unsung.synthesis.resynthesis._hub import HubCodec

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Dac"]

_MODELS = {"44khz": (44100, (8, 8, 4, 2), 9), "24khz": (24000, (8, 5, 4, 2), 32)}
_MODELS["16khz"] = (16000, (8, 5, 4, 2), 12)
"""Model → rate, the decoder's strides, codebooks."""


class Dac(HubCodec):
    """DAC as published by Descript."""

    settings: ClassVar[tuple[str, ...]] = tuple(
        f"{model}-{count}cb"
        for model, (_, _, books) in _MODELS.items()
        for count in (books, *range(1, books))
    )
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "Kumar et al., Improved RVQGAN, 2023"
    model_class: ClassVar[str] = "DacModel"

    def __init__(
        self,
        setting: str = "",
        *,
        weights: Path | None = None,
        seed: int = 0,
        revision: str = "main",
    ) -> None:
        super().__init__(setting, weights=weights, seed=seed, revision=revision)
        model, count = self.setting.split("-")
        self.sample_rate_hz, self.strides, _ = _MODELS[model]
        self._count = int(count.removesuffix("cb"))

    @property
    def repository(self) -> str:
        """Return the hub's name of the published weights for this setting."""
        return f"descript/dac_{self.setting.split('-')[0]}"

    def _pass(self, model: Any, sound: Tensor) -> Tensor:
        latent = model.encode(sound, n_quantizers=self._count).quantized_representation
        made: Tensor = model.decode(latent).audio_values
        return made[:, None]
