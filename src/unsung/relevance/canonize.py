# SPDX-License-Identifier: MIT
"""Merges batch norms into the layer before them for as long as a ``with`` lasts.

A batch norm in evaluation is a fixed affine map; merged, conv and norm are one linear layer, whose
relevance does not depend on how the two were split (Hui and Binder, "BatchNorm decomposition for
deep neural network interpretability", 2019). On exit every parameter is the very object it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn

from unsung.errors import UsageError
from unsung.relevance.rules import LAYERS, TRANSPOSED

__all__ = ["merged_batch_norms", "norm_pairs"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_BUFFERS = ("running_mean", "running_var")


@contextmanager
def merged_batch_norms(model: nn.Module, *example: Tensor) -> Iterator[list[tuple[str, str]]]:
    """Merge each batch norm into the layer that feeds it; give the names of the merged pairs.

    Args:
        model: in evaluation mode.
        example: an input; its run tells which layer feeds which norm. Without one, a norm belongs
            to the layer listed just before it, which holds for plain stacks of modules.

    Raises:
        UsageError: the model is in training mode, where a norm is not a fixed map.
    """
    if model.training:
        raise UsageError(
            "merged_batch_norms: expected a model in evaluation mode, got one in training; "
            "call model.eval() first"
        )
    modules = dict(model.named_modules())
    pairs = norm_pairs(model, *example)
    kept = [(modules[name], _state(modules[name])) for pair in pairs for name in pair]
    try:
        for layer, norm in pairs:
            _merge(modules[layer], modules[norm])
        yield pairs
    finally:
        for module, state in reversed(kept):
            _restore(module, state)


def norm_pairs(model: nn.Module, *example: Tensor) -> list[tuple[str, str]]:
    """Return ``(layer, norm)`` names: the norms that take a layer's output and nothing else."""
    leaves = [(n, m) for n, m in model.named_modules() if not list(m.children())]
    if not example:
        return [(a, b) for (a, x), (b, y) in pairwise(leaves) if isinstance(x, LAYERS) and _fits(y)]
    made: dict[int, tuple[str, Tensor]] = {}  # the tensors stay alive, so that ids stay unique
    uses: dict[str, list[str]] = {}
    handles = []
    for name, module in leaves:

        def note(
            module: nn.Module, args: tuple[object, ...], out: object, name: str = name
        ) -> None:
            source = made.get(id(args[0])) if args else None
            if source is not None:
                uses.setdefault(source[0], []).append(name)
            if isinstance(module, LAYERS) and isinstance(out, Tensor):
                made[id(out)] = (name, out)

        handles.append(module.register_forward_hook(note))
    try:
        with torch.no_grad():
            model(*example)
    finally:
        for handle in handles:
            handle.remove()
    modules = dict(leaves)
    # A layer that runs twice, or feeds something beside the norm, must keep its own output.
    return [(a, b[0]) for a, b in uses.items() if len(b) == 1 and _fits(modules[b[0]])]


def _fits(module: nn.Module) -> bool:
    return isinstance(module, _NORMS) and module.running_var is not None


def _merge(layer: nn.Module, norm: nn.Module) -> None:
    assert isinstance(layer, LAYERS) and isinstance(norm, _NORMS)
    assert norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        scale = (norm.running_var + norm.eps).rsqrt()
        if norm.weight is not None:
            scale = scale * norm.weight
        bias = -norm.running_mean if layer.bias is None else layer.bias - norm.running_mean
        bias = bias * scale
        if norm.bias is not None:
            bias = bias + norm.bias
        shape = [1] * layer.weight.dim()
        if isinstance(layer, TRANSPOSED):  # weight [in, out / groups, ...]
            per = layer.out_channels // layer.groups
            groups = layer.in_channels // layer.groups
            rows = scale.reshape(layer.groups, 1, per).expand(-1, groups, -1)
            factor = rows.reshape(layer.in_channels, per, *shape[2:])
        else:
            factor = scale.reshape(-1, *shape[1:])
        weight = layer.weight * factor
    layer.weight = nn.Parameter(weight, requires_grad=False)
    layer.bias = nn.Parameter(bias, requires_grad=False)
    norm.running_mean = torch.zeros_like(norm.running_mean)
    norm.running_var = torch.ones_like(norm.running_var)
    norm.weight, norm.bias, norm.eps = None, None, 0.0  # type: ignore[assignment]


def _state(module: nn.Module) -> dict[str, object]:
    names = ("weight", "bias", *_BUFFERS, "eps")
    return {name: getattr(module, name) for name in names if hasattr(module, name)}


def _restore(module: nn.Module, state: dict[str, object]) -> None:
    for name, value in state.items():
        setattr(module, name, value)
