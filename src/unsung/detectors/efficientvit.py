# SPDX-License-Identifier: MIT
"""EfficientViT through timm on a mel spectrogram.

Paper: H. Cai et al., "EfficientViT: multi-scale linear attention", ICCV 2023; as a baseline in
Rahman et al., ICLR 2025. timm's weights: Apache-2.0 (ImageNet-1k). 9 million parameters (b1). Needs
the package timm. Not for traces of upsampling layers: mel bands average their narrow peaks away.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.detectors._timm import TimmDetector

__all__ = ["EfficientViT"]


class EfficientViT(TimmDetector):
    """One logit from an EfficientViT; arguments as in `TimmDetector`."""

    known: ClassVar[str] = "efficientvit"

    def __init__(
        self,
        architecture: str = "efficientvit_b1",
        pretrained: bool = False,
        side: int = 224,
        window_s: float = 5.0,
    ) -> None:
        super().__init__(architecture, pretrained, side, window_s)
