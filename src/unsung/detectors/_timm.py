# SPDX-License-Identifier: MIT
"""Image networks of the package timm on a mel spectrogram, for comparison with SpecTTTra.

Source of the setting: Rahman et al., ICLR 2025, who feed the standardised 128-band picture to
networks of timm. It needs torchvision, which must fit the installed torch.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.detectors._windowed import WindowedDetector
from unsung.errors import MissingExtra, UnsungError
from unsung.frontends.log_mel import LogMel

__all__ = ["TimmDetector"]


class TimmDetector(WindowedDetector):
    """A network of timm with one input channel and one output.

    Args:
        architecture: timm's name of the network.
        pretrained: fetch timm's published weights of the backbone.
        side: rows and columns that the picture is resized to.
        window_s: seconds heard at once.

    Raises:
        MissingExtra: timm is not installed.
        UnsungError: timm does not know the network or cannot get its weights.
    """

    side: int
    known: ClassVar[str]

    def __init__(
        self, architecture: str, pretrained: bool = False, side: int = 224, window_s: float = 5.0
    ) -> None:
        super().__init__((LogMel.preset("sonics"),), window_s)
        self.architecture, self.pretrained, self.side = architecture, pretrained, side
        self.backbone = _network(architecture, pretrained, self.known)

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the logit. Shape: ``[batch, 1, 128, frame]`` → ``[batch, 1]``."""
        size = (self.side, self.side)
        picture = nnf.interpolate(pictures[0], size=size, mode="bilinear", align_corners=False)
        logits: Tensor = self.backbone(picture)
        return logits


def _network(architecture: str, pretrained: bool, known: str) -> torch.nn.Module:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "vision", f"the network {architecture}") from error
    settings: dict[str, Any] = {"pretrained": pretrained, "in_chans": 1, "num_classes": 1}
    try:
        network: torch.nn.Module = timm.create_model(architecture, **settings)
    except (RuntimeError, ValueError, OSError) as error:
        said = " ".join(str(error).split())
        raise UnsungError(
            f"timm cannot make '{architecture}' ({said}); take a name of "
            f"timm.list_models('{known}*'), or leave out pretrained without a network"
        ) from error
    return network
