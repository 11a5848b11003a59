# SPDX-License-Identifier: MIT
"""Losses that pull views of one recording, or of one class, together and push others apart.

Sources: Chen et al., "A simple framework for contrastive learning" (SimCLR, NT-Xent), ICML 2020;
Khosla et al., "Supervised contrastive learning", NeurIPS 2020 (the outer form); Hadsell, Chopra
and LeCun, CVPR 2006 (pairs with a margin). Unit: nats, except for the margin loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unsung.errors import UsageError

__all__ = ["margin_loss", "self_supervised", "supervised"]


def self_supervised(first: Tensor, second: Tensor, temperature: float = 0.1) -> Tensor:
    """NT-Xent: each view must find the other view of its recording among all others.

    Shape: two views ``[item, feature]`` of length 1 → scalar.
    """
    items = torch.arange(len(first), device=first.device)
    return supervised(first, second, items, temperature)


def supervised(first: Tensor, second: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss: positives are all other views of the same label.

    Shape: two views ``[item, feature]`` of length 1, labels ``[item]`` → scalar.
    """
    if first.shape != second.shape or len(labels) != len(first):
        raise UsageError(
            "contrastive loss: expected two views of one shape and a label for each item, got "
            f"{list(first.shape)}, {list(second.shape)} and {len(labels)} labels"
        )
    if len(first) < 2:
        raise UsageError("contrastive loss: expected at least 2 items in a batch, got 1")
    views = torch.cat([first, second])
    names = torch.cat([labels, labels])
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    likeness = (views @ views.T / temperature).masked_fill(itself, -torch.inf)
    log_share = likeness - torch.logsumexp(likeness, dim=1, keepdim=True)
    positive = (names[:, None] == names) & ~itself
    # A fill, not a product: the diagonal is -inf and would make NaN of a zero.
    chosen = log_share.masked_fill(~positive, 0.0)
    return -(chosen.sum(1) / positive.sum(1)).mean()


def margin_loss(first: Tensor, second: Tensor, same: Tensor, margin: float = 1.0) -> Tensor:
    """Squared distance of pairs that belong together, squared lack of distance of others.

    Shape: ``[pair, feature]`` twice, same ``[pair]`` of truth values → scalar.
    """
    distance = (first - second).square().sum(1).add(1e-12).sqrt()
    apart = (margin - distance).clamp_min(0.0)
    return torch.where(same.bool(), distance.square(), apart.square()).mean()
