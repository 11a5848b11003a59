# SPDX-License-Identifier: MIT
"""What a channel stands for: the clips that it matters most for, and the channels below it.

Source: Achtibat et al., "From attribution maps to human-understandable explanations through concept
relevance propagation", Nature Machine Intelligence 2023 (relevance maximisation; activation
maximisation beside it). Relevance is in logits, shares have no unit. A channel's clips show what it
reacts to in the given clips and nothing more: name a concept only after hearing them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from unsung.errors import UsageError
from unsung.relevance.engine import Condition, Rules, attribute

__all__ = ["Atlas", "Reference", "channel_relevance", "hierarchy"]

By = Literal["relevance", "activation"]
Pool = Literal["sum", "max"]


@dataclass(frozen=True)
class Reference:
    """One clip that a channel was strongest in; ``place`` is the strongest cell of its map."""

    clip: int
    value: float
    place: tuple[int, ...]


@dataclass(frozen=True)
class Atlas:
    """For every channel of every layer, the clips that it stands for, strongest first."""

    references: dict[str, tuple[tuple[Reference, ...], ...]]
    by: By
    pool: Pool
    n_clips: int

    def of(self, layer: str, channel: int) -> tuple[Reference, ...]:
        """Return the clips of one channel."""
        if layer not in self.references or not 0 <= channel < len(self.references[layer]):
            known = {name: len(rows) for name, rows in self.references.items()}
            raise UsageError(f"expected a channel of {known}, got {channel} of '{layer}'")
        return self.references[layer][channel]

    @classmethod
    def build(
        cls,
        model: nn.Module,
        clips: Iterable[Tensor],
        layers: Sequence[str],
        rules: Rules,
        *,
        target: int = 0,
        by: By = "relevance",
        pool: Pool = "sum",
        keep: int = 40,
    ) -> Atlas:
        """Rank clips for every channel by its largest (max) or total (sum) relevance or activation.

        Args:
            model: in evaluation mode.
            clips: inputs one by one, ``[1, ...]`` each; all of one shape or not.
            layers: names of layers with channels.
            rules: a composite.
            target: the explained output.
            by: rank by relevance (what was used) or by activation (what was there).
            pool: over the places of a channel's map.
            keep: clips kept for each channel.
        """
        if by not in ("relevance", "activation") or pool not in ("sum", "max"):
            raise UsageError(
                f"expected by 'relevance' or 'activation' and pool 'sum' or 'max', got {by}, {pool}"
            )
        found: dict[str, list[list[Reference]]] = {}
        count = 0
        for number, clip in enumerate(clips):
            count += 1
            walk = attribute(model, clip, target, rules, record=layers)
            maps = walk.relevances if by == "relevance" else walk.activations
            for layer in layers:
                rows = _references(maps[layer][0], number, pool)
                kept = found.setdefault(layer, [[] for _ in rows])
                for mine, reference in zip(kept, rows, strict=True):
                    mine.append(reference)
                    mine.sort(key=lambda r: -r.value)
                    del mine[keep:]
        if not count:
            raise UsageError("expected at least one clip for the atlas, got none")
        table = {layer: tuple(tuple(r) for r in rows) for layer, rows in found.items()}
        return cls(table, by, pool, count)


def channel_relevance(relevance: Tensor, shares: bool = False) -> Tensor:
    """Sum a layer's relevance over its places; as shares, divide by the sum of magnitudes.

    Shape: ``[batch, channel, ...]`` → ``[batch, channel]``.
    """
    total = relevance.flatten(2).sum(2) if relevance.dim() > 2 else relevance
    return total / (total.abs().sum(1, keepdim=True) + 1e-10) if shares else total


def hierarchy(
    model: nn.Module,
    clips: Iterable[Tensor],
    upper: tuple[str, int],
    lower: str,
    rules: Rules,
    *,
    target: int = 0,
) -> Tensor:
    """Return what the channels of a lower layer give to one channel above, over some clips.

    The mean of the lower layer's shares when relevance passes the upper channel alone.

    Shape: clips ``[1, ...]`` each → ``[channel of lower]``.
    """
    total: Tensor | None = None
    count = 0
    condition: Condition = {upper[0]: [upper[1]]}
    for clip in clips:
        walk = attribute(
            model, clip, target, rules, conditions=[condition], record=[upper[0], lower]
        )
        if [*walk.relevances] != [upper[0], lower]:
            raise UsageError(
                f"expected '{lower}' below '{upper[0]}': no relevance passes from one to the other"
            )
        share = channel_relevance(walk.relevances[lower], shares=True)[0]
        total = share if total is None else total + share
        count += 1
    if total is None:
        raise UsageError("expected at least one clip, got none")
    return total / count


def _references(maps: Tensor, clip: int, pool: Pool) -> list[Reference]:
    """Return one entry for each channel. Shape: maps ``[channel, ...]``."""
    flat = maps.reshape(len(maps), -1)
    values = flat.sum(1) if pool == "sum" else flat.amax(1)
    places = [torch.unravel_index(i, maps.shape[1:]) for i in flat.argmax(1)]
    return [
        Reference(clip, float(value), tuple(int(p) for p in place))
        for value, place in zip(values, places, strict=True)
    ]
