# SPDX-License-Identifier: MIT
"""Token relevance from attention: rollout, the generic rule, and relevance propagation.

Sources: Abnar and Zuidema, "Quantifying attention flow in transformers", ACL 2020 (rollout);
Chefer, Gur and Wolf, CVPR 2021 (relevance) and ICCV 2021 (generic rule). Scores rank tokens; they
are no shares of the logit and have no unit. A model that pools by the mean (SpecTTTra) has no class
token: scores are the mean over all rows. A token of such a model stands for a strip of the picture
(all bands of a time, or all times of a band): the product of both is a display, not local evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from unsung.errors import UsageError
from unsung.relevance.functions import Operations, chefer_relevance

__all__ = [
    "Attention",
    "attend",
    "attention_rollout",
    "chefer_maps",
    "generic_attention",
    "token_scores",
    "watch_attention",
]


@dataclass
class Attention:
    """One walk through a transformer. Shapes: ``[batch, head, query, key]`` for each layer.

    Attributes:
        matrices: attention after the softmax, first layer first.
        gradients: of the target with respect to each matrix.
        relevance: of each matrix by relevance propagation; empty where it was not asked for.
        outputs: ``[batch, output]``.
    """

    matrices: list[Tensor] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)
    relevance: list[Tensor] = field(default_factory=list)
    outputs: Tensor | None = None


@contextmanager
def watch_attention() -> Iterator[list[Tensor]]:
    """Collect every square attention matrix that is computed inside, in order."""
    found: list[Tensor] = []
    with Operations(found.append):
        yield found


def attend(model: nn.Module, x: Tensor, target: int, relevance: bool = False) -> Attention:
    """Run a transformer and keep attention, its gradient and, if asked, its relevance.

    Shape: x ``[batch, ...]`` as the model takes it.

    Raises:
        UsageError: the model computes no attention, or its layers differ in their tokens.
    """
    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        with watch_attention() as matrices:
            outputs = model(leaf)
        sizes = sorted({m.shape[-1] for m in matrices})
        if len(sizes) != 1:
            raise UsageError(
                f"expected a transformer whose layers attend over the same tokens, got "
                f"{len(matrices)} attention layers over {sizes} tokens"
            )
        gradients = torch.autograd.grad(outputs[:, target].sum(), matrices)
        kept: list[Tensor] = []
        if relevance:
            with chefer_relevance(kept.append):
                again = model(leaf)
            one_hot = torch.zeros_like(again)
            one_hot[:, target] = 1.0
            kept = list(torch.autograd.grad(again, kept, one_hot))
    return Attention([m.detach() for m in matrices], list(gradients), kept, outputs.detach())


def attention_rollout(attention: Attention, normalise: bool = True) -> Tensor:
    """Multiply the layers' mean attention plus identity. Shape: ``[batch, token, token]``."""
    return _rolled([m.mean(1) for m in attention.matrices], normalise)


def generic_attention(attention: Attention) -> Tensor:
    """Chefer's rule of 2021b: R ← R + mean(relu(gradient · attention)) R, from the identity."""
    pairs = zip(attention.gradients, attention.matrices, strict=True)
    return _rolled([(g * m).relu().mean(1) for g, m in pairs], normalise=False)


def chefer_maps(attention: Attention, gradients: bool = True) -> Tensor:
    """Roll out relevance of attention, weighted by its gradient (or not: the paper's baseline).

    Shape: ``[batch, token, token]``; needs `attend` with ``relevance=True``.
    """
    if not attention.relevance:
        raise UsageError("chefer_maps: expected attend(..., relevance=True)")
    if not gradients:
        return _rolled([r.clamp_min(0).mean(1) for r in attention.relevance], normalise=False)
    pairs = zip(attention.gradients, attention.relevance, strict=True)
    return _rolled([(g * r).relu().mean(1) for g, r in pairs], normalise=False)


def token_scores(maps: Tensor, special: int) -> Tensor:
    """Read scores off a map: the mean over the rows that the logit is read from.

    Args:
        maps: ``[batch, token, token]``.
        special: class (and distillation) tokens in front, which are read and then left out; 0 for
            a model that averages all its tokens.

    Shape: → ``[batch, token − special]``.
    """
    rows = maps[:, :special] if special else maps
    return rows.mean(1)[:, special:]


def _rolled(layers: list[Tensor], normalise: bool) -> Tensor:
    n = layers[0].shape[-1]
    identity = torch.eye(n, dtype=layers[0].dtype, device=layers[0].device)
    total = identity.expand(len(layers[0]), n, n)
    for layer in layers:
        step = layer + identity
        if normalise:
            step = step / step.sum(-1, keepdim=True)
        total = step @ total  # later layers multiply from the left
    return total
