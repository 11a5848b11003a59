# SPDX-License-Identifier: MIT
"""Losses with label smoothing, class weights and group DRO; every one is a mean over windows.

Group DRO: Sagawa et al., Distributionally Robust Neural Networks, ICLR 2020, algorithm 1: groups
with a larger loss gain weight, ``q_g ∝ q_g · exp(η · loss_g)``. With several processes the groups'
losses are those of the whole step, so that the gradient is the same as one process's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.errors import UsageError
from unsung.training.settings import Loss
from unsung.types import Track

__all__ = ["GroupDro", "group_numbers", "window_losses"]


def window_losses(logits: Tensor, targets: Tensor, settings: Loss) -> Tensor:
    """Return one loss a window. Shape: ``[batch, output]`` twice → ``[batch]``.

    Targets may be soft, as MixUp makes them. SONICS's smoothing is ``t · (1 − ε) + ε / 2``.
    """
    outputs = logits.shape[1]
    weights = _weights(settings.class_weights, outputs, logits)
    if settings.name == "bce+ce":
        first = dataclasses.replace(settings, name="bce", class_weights=())
        rest = dataclasses.replace(settings, name="ce", class_weights=())
        second = window_losses(logits[:, 1:], targets[:, 1:], rest)
        return window_losses(logits[:, :1], targets[:, :1], first) + settings.second * second
    logits, targets, smooth = logits.float(), targets.float(), settings.label_smoothing
    if settings.name == "ce":
        if outputs < 2:
            raise UsageError('loss.name: "ce" needs two outputs or more, got 1; use "bce"')
        targets = targets / targets.sum(1, keepdim=True).clamp_min(1e-9)
        # A window of none of the classes (a generator that is not listed) has no loss here.
        known = targets.sum(1, keepdim=True)
        soft = (targets * (1 - smooth) + smooth / outputs) * known.clamp_max(1)
        return -(soft * (1 if weights is None else weights) * nnf.log_softmax(logits, 1)).sum(1)
    soft = targets * (1 - smooth) + smooth / 2
    each = nnf.binary_cross_entropy_with_logits(logits, soft, reduction="none", pos_weight=weights)
    return each.mean(1)


def group_numbers(tracks: Sequence[Track], positive: Sequence[str], field: str) -> list[int]:
    """Return the group of each track: the field's values, AI and human apart."""
    names = [
        f"{track.label in positive}/{getattr(track, field) or track.generator or track.label}"
        for track in tracks
    ]
    known = {name: number for number, name in enumerate(sorted(set(names)))}
    return [known[name] for name in names]


class GroupDro:
    """Weights of groups that follow their losses; ``q`` is state and goes into checkpoints.

    Args:
        groups: number of groups.
        step: η.
        everywhere: sums a tensor over all processes in place, and their number.
    """

    def __init__(
        self,
        groups: int,
        step: float,
        everywhere: tuple[Callable[[Tensor], Tensor], int] = (lambda t: t, 1),
    ) -> None:
        self.q = torch.full((groups,), 1.0 / groups)
        self._step = step
        self._sum, self._world = everywhere

    def __call__(self, losses: Tensor, groups: Tensor) -> Tensor:
        """Return the weighted loss and move ``q``. Shape: ``[batch]``, ``[batch]`` → a number."""
        self.q = self.q.to(losses.device)
        size = len(self.q)
        sums = torch.zeros(size, device=losses.device).index_add(0, groups, losses)
        counts = torch.bincount(groups, minlength=size).to(losses.dtype)
        totals = self._sum(torch.stack([sums.detach(), counts]))
        means = totals[0] / totals[1].clamp_min(1)
        if torch.isfinite(means).all():
            q = self.q * torch.exp(self._step * means * (totals[1] > 0))
            self.q = q / q.sum()
        here = self.q * (totals[1] > 0)
        share = here / here.sum()
        # Gradients are averaged over processes, hence the factor.
        return self._world * (share * sums / totals[1].clamp_min(1)).sum()


def _weights(values: Sequence[float], outputs: int, like: Tensor) -> Tensor | None:
    if not values:
        return None
    if len(values) != outputs:
        raise UsageError(
            f"loss.class_weights: expected {outputs} numbers, one an output, got {len(values)}"
        )
    return torch.tensor(values, dtype=torch.float32, device=like.device)
