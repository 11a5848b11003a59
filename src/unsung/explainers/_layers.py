# SPDX-License-Identifier: MIT
"""Shared by methods that look inside a network: one tensor in, named layers, planes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unsung.errors import UsageError
from unsung.explainers._subject import Subject
from unsung.explainers._torch import tensors
from unsung.relevance.rules import CONVOLUTIONS, LAYERS
from unsung.types import FloatArray

__all__ = [
    "Packed",
    "last_convolution",
    "layer_names",
    "packed",
    "refuse_broken",
    "shown_name",
    "unpacked",
]


class Packed(torch.nn.Module):
    """A network over planes as a network over one tensor. Shape: ``[batch, cell]`` → ``[b, 1]``."""

    def __init__(self, network: torch.nn.Module, shapes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.network = network
        self.shapes = [tuple(s) for s in shapes]

    def forward(self, cells: Tensor) -> Tensor:
        """Cut the tensor into planes and score them."""
        sizes = [int(np.prod(s)) for s in self.shapes]
        parts = torch.split(cells, sizes, 1)
        planes = [p.reshape(-1, *s) for p, s in zip(parts, self.shapes, strict=True)]
        logits: Tensor = self.network(*planes)
        return logits[:, None]


def packed(subject: Subject) -> tuple[Packed, Tensor]:
    """Return the network over one tensor and the clip as that tensor ``[1, cell]``."""
    module = Packed(subject.network(), [p.values.shape for p in subject.planes])
    module.train(False)
    cells = torch.cat([t.flatten(1) for t in tensors([p.values for p in subject.planes])], 1)
    return module, cells


def unpacked(subject: Subject, cells: Tensor) -> list[FloatArray]:
    """Cut relevance ``[1, cell]`` into planes."""
    sizes = [p.values.size for p in subject.planes]
    parts = torch.split(cells[0], sizes)
    pairs = zip(parts, subject.planes, strict=True)
    return [part.reshape(p.values.shape).float().numpy() for part, p in pairs]


def refuse_broken(method: str, heatmap: Tensor) -> Tensor:
    """Return relevance, or say that the rules do not fit the network.

    Raises:
        UsageError: it is not finite.
    """
    if not bool(torch.isfinite(heatmap).all()):
        raise UsageError(
            f"{method}: expected a network of layers one after the other, this one adds branches "
            "or attends outside modules and the relevance ran away; use attn_lrp or "
            "integrated_gradients"
        )
    return heatmap


def layer_names(module: torch.nn.Module) -> list[str]:
    """Return the names of layers with weights, in order."""
    return [name for name, layer in module.named_modules() if isinstance(layer, LAYERS)]


def shown_name(name: str) -> str:
    """Return a layer's name as the detector itself calls it."""
    return name.removeprefix("network.").removeprefix("module.")


def last_convolution(module: torch.nn.Module) -> str:
    """Return the name of the last convolution.

    Raises:
        UsageError: there is none.
    """
    found = [name for name, m in module.named_modules() if isinstance(m, CONVOLUTIONS)]
    if not found:
        raise UsageError(
            "grad_cam: expected a detector with convolutions, got none; use integrated_gradients"
        )
    last: str = found[-1]
    return last
