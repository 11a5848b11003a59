# SPDX-License-Identifier: MIT
"""HiFi-GAN (V1, V2, V3 or any of its configurations) from a checkpoint on this disk.

Kong, Kim, Bae, "HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech
Synthesis", 2020. `--weights hifigan=FOLDER` with the published config.json and generator (g_… or
generator…); the authors' files are at github.com/jik876/hifi-gan. Usually 22.05 kHz, strides
8×8×2×2. When not to use: for high-fidelity music with the speech models; they stop at 8 kHz.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unsung.synthesis.resynthesis._vocoder import (
    Vocoder,
    config_beside,
    hifigan_mel,
    load_tensors,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Hifigan"]


class Hifigan(Vocoder):
    """HiFi-GAN's generator behind HiFi-GAN's mel spectrogram."""

    licence: ClassVar[str] = "MIT (published checkpoints)"
    source: ClassVar[str] = "Kong, Kim, Bae, HiFi-GAN, 2020"
    published: ClassVar[str] = "HiFi-GAN"
    patterns: ClassVar[tuple[str, ...]] = ("*.safetensors", "generator*", "g_*")
    sample_rate_hz = 22050
    strides: tuple[int, ...] = (8, 8, 2, 2)

    def _build(self, checkpoint: Path) -> Any:
        from unsung.synthesis.resynthesis._vocoder_nets import HifiganGenerator

        self._config = config_beside(checkpoint)
        self.sample_rate_hz = int(self._config["sampling_rate"])
        self.strides = tuple(int(rate) for rate in self._config["upsample_rates"])
        self.hop = int(self._config["hop_size"])
        network = HifiganGenerator(self._config)
        network.load_state_dict(load_tensors(checkpoint, "generator"))
        return network.eval()

    def _speak(self, sound: Tensor) -> Tensor:
        made: Tensor = self._network(hifigan_mel(sound, self._config))
        return made
