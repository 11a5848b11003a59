# SPDX-License-Identifier: MIT
"""BigVGAN (v1 or v2) through the package `bigvgan`, from a checkpoint on this disk.

Lee et al., "BigVGAN: A Universal Neural Vocoder with Large-Scale Training", 2023.
`--weights bigvgan=FOLDER` with the published config.json and bigvgan_generator.pt, for instance a
copy of nvidia/bigvgan_v2_44khz_128band_512x. Rate and strides are read from the configuration.
When not to use: on a CPU with hours of music; it runs far below real time.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unsung.errors import MissingExtra
from unsung.synthesis.resynthesis._vocoder import (
    Vocoder,
    config_beside,
    hifigan_mel,
    load_tensors,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Bigvgan"]


class Bigvgan(Vocoder):
    """BigVGAN's generator behind HiFi-GAN's mel spectrogram."""

    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "Lee et al., BigVGAN, 2023"
    published: ClassVar[str] = "BigVGAN"
    patterns: ClassVar[tuple[str, ...]] = ("*.safetensors", "bigvgan_generator*", "g_*")
    sample_rate_hz = 44100
    strides: tuple[int, ...] = (8, 4, 2, 2, 2, 2)

    def _build(self, checkpoint: Path) -> Any:
        try:
            package = import_module("bigvgan.bigvgan")
            values = import_module("bigvgan.env").AttrDict
        except ModuleNotFoundError as error:
            raise MissingExtra(str(error.name), "vocoders", "BigVGAN") from error
        self._config = config_beside(checkpoint)
        self.sample_rate_hz = int(self._config["sampling_rate"])
        self.strides = tuple(int(rate) for rate in self._config["upsample_rates"])
        self.hop = int(self._config["hop_size"])
        network = package.BigVGAN(values(self._config), use_cuda_kernel=False)
        with redirect_stdout(io.StringIO()):  # the package prints that it does so
            network.remove_weight_norm()
        network.load_state_dict(load_tensors(checkpoint, "generator"))
        return network.eval()

    def _speak(self, sound: Tensor) -> Tensor:
        made: Tensor = self._network(hifigan_mel(sound, self._config))
        return made[:, 0]
