# SPDX-License-Identifier: MIT
"""ConvNeXt through timm on a mel spectrogram.

Paper: Z. Liu et al., "A ConvNet for the 2020s", CVPR 2022; as a baseline in Rahman et al., ICLR
2025. timm's weights: Apache-2.0 (ConvNeXt v1, ImageNet-1k). 28 million parameters (tiny). Needs the
package timm. Not for traces of upsampling layers: mel bands average their narrow peaks away.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.detectors._timm import TimmDetector

__all__ = ["ConvNeXt"]


class ConvNeXt(TimmDetector):
    """One logit from a ConvNeXt; arguments as in `TimmDetector`."""

    known: ClassVar[str] = "convnext"

    def __init__(
        self,
        architecture: str = "convnext_tiny",
        pretrained: bool = False,
        side: int = 224,
        window_s: float = 5.0,
    ) -> None:
        super().__init__(architecture, pretrained, side, window_s)
