# SPDX-License-Identifier: MIT
"""Vocos (mel, 24 kHz) from a checkpoint on this disk: a network behind an inverse Fourier head.

Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders", 2023.
`--weights vocos=FOLDER` with pytorch_model.bin of charactr/vocos-mel-24khz, or any checkpoint with
its names. One stage only, the hop of 256: lines at multiples of 93.75 Hz, if any.
When not to use: for EnCodec tokens; this is the mel model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unsung.synthesis.resynthesis._vocoder import Vocoder, load_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Vocos"]


class Vocos(Vocoder):
    """Vocos' backbone and head; the mel matrix and windows come from the checkpoint."""

    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "Siuzdak, Vocos, 2023"
    published: ClassVar[str] = "Vocos (mel)"
    patterns: ClassVar[tuple[str, ...]] = ("*.safetensors", "pytorch_model.bin", "*.bin", "*.pt")
    sample_rate_hz = 24000
    strides: tuple[int, ...] = (256,)

    def _build(self, checkpoint: Path) -> Any:
        from unsung.synthesis.resynthesis._vocoder_nets import VocosNetwork

        network = VocosNetwork(load_tensors(checkpoint))
        self.hop, self.strides = network.hop, (network.hop,)
        return network.eval()

    def _speak(self, sound: Tensor) -> Tensor:
        made: Tensor = self._network(sound)
        return made
