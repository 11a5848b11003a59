# SPDX-License-Identifier: MIT
"""Grad-CAM: the last convolution's channels, weighted by their mean gradient, over the picture.

Source: Selvaraju et al., ICCV 2017. No unit: values are stretched over the picture from the layer's
coarse grid and only rank places. Shows where a convolutional network looks, not how much it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from unsung.errors import UsageError
from unsung.explainers._layers import last_convolution
from unsung.explainers._subject import Subject
from unsung.explainers._torch import Windowed, frozen, tensors
from unsung.explainers.base import Explainer
from unsung.types import FloatArray

__all__ = ["GradCam"]


class GradCam(Explainer):
    """Gradient-weighted activations of a convolution.

    Args:
        layer: name of a convolution; "" takes the last.
        rectify: keep only what speaks for the target, as published.
    """

    needs: ClassVar[str] = "convolutions"
    complete: ClassVar[bool] = False

    def __init__(self, layer: str = "", rectify: bool = True) -> None:
        self.layer, self.rectify = layer, rectify

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        if len(subject.planes) != 1:
            raise UsageError("grad_cam: expected a detector with one picture; use lrp")
        network = subject.network()
        name = self.layer or last_convolution(network)
        found = [m for n, m in network.named_modules() if n == name or n.endswith("." + name)]
        if not found:
            raise UsageError(f"grad_cam: no layer named '{name}'; leave it out for the last one")
        kept: list[Tensor] = []

        def keep(_: torch.nn.Module, __: Any, output: Tensor) -> None:
            kept.append(output)

        handle = found[0].register_forward_hook(keep)
        leaf = tensors([subject.planes[0].values])[0].requires_grad_()
        try:
            with frozen(network), torch.enable_grad():
                (slope,) = torch.autograd.grad(network(leaf).sum(), kept)
        finally:
            handle.remove()
        activation = kept[0].detach()
        axes = tuple(range(2, activation.dim()))
        cam = (slope.mean(axes, keepdim=True) * activation).sum(1)
        cam = cam.clamp_min(0) if self.rectify else cam
        windows = network.windows if isinstance(network, Windowed) else 1
        return [_stretched(cam, subject.planes[0].values.shape, windows)], 0.0


def _stretched(cam: Tensor, shape: tuple[int, ...], windows: int) -> FloatArray:
    """Bring the layer's grid to the picture's: ``[window, row, column]`` → ``[1, freq, frame]``."""
    if cam.dim() != 3:
        raise UsageError("grad_cam: expected a convolution over frequency and time; use lrp")
    size = (shape[1], shape[2] // windows)
    wide = torch.nn.functional.interpolate(cam[:, None], size, mode="bilinear", align_corners=False)
    joined = wide[:, 0].movedim(0, 1).flatten(1)
    return np.asarray(joined[None].numpy(), np.float32)
