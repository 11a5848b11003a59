# SPDX-License-Identifier: MIT
"""Graph attention, attention between two graphs, and pooling of nodes, as in AASIST.

Source: Jung et al., "AASIST: Audio anti-spoofing using integrated spectro-temporal graph attention
networks", ICASSP 2022. Names of the layers are those of the released weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["GraphAttention", "GraphPool", "PairAttention"]


def _vector(size: int) -> nn.Parameter:
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(size, 1)))


class GraphAttention(nn.Module):
    """Nodes ``[batch, node, inside]`` → ``[batch, node, outside]``.

    Args:
        inside: features of a node.
        outside: features of a node afterwards.
        temperature: divides the attention map; large = even attention.
    """

    def __init__(self, inside: int, outside: int, temperature: float) -> None:
        super().__init__()
        self.att_proj = nn.Linear(inside, outside)
        self.att_weight = _vector(outside)
        self.proj_with_att = nn.Linear(inside, outside)
        self.proj_without_att = nn.Linear(inside, outside)
        self.bn = nn.BatchNorm1d(outside)
        self.input_drop = nn.Dropout(0.2)
        self.act = nn.SELU()
        self.temperature = temperature

    def forward(self, nodes: Tensor) -> Tensor:
        """Let the nodes look at one another."""
        nodes = self.input_drop(nodes)
        products = nodes[:, :, None] * nodes[:, None]  # [batch, node, node, inside]
        weights = torch.tanh(self.att_proj(products)) @ self.att_weight / self.temperature
        attention = weights.softmax(dim=-2)[..., 0]
        mixed = self.proj_with_att(attention @ nodes) + self.proj_without_att(nodes)
        found: Tensor = self.act(_by_feature(self.bn, mixed))
        return found


class PairAttention(nn.Module):
    """Attention over two graphs of different meaning and a master node that hears all.

    Shape: ``[batch, n1, inside]``, ``[batch, n2, inside]``, master ``[batch, 1, inside]`` →
    ``[batch, n1, outside]``, ``[batch, n2, outside]``, ``[batch, 1, outside]``.
    """

    def __init__(self, inside: int, outside: int, temperature: float) -> None:
        super().__init__()
        self.proj_type1 = nn.Linear(inside, inside)
        self.proj_type2 = nn.Linear(inside, inside)
        self.att_proj = nn.Linear(inside, outside)
        self.att_projM = nn.Linear(inside, outside)
        self.att_weight11 = _vector(outside)
        self.att_weight22 = _vector(outside)
        self.att_weight12 = _vector(outside)
        self.att_weightM = _vector(outside)
        self.proj_with_att = nn.Linear(inside, outside)
        self.proj_without_att = nn.Linear(inside, outside)
        self.proj_with_attM = nn.Linear(inside, outside)
        self.proj_without_attM = nn.Linear(inside, outside)
        self.bn = nn.BatchNorm1d(outside)
        self.input_drop = nn.Dropout(0.2)
        self.act = nn.SELU()
        self.temperature = temperature

    def forward(
        self, first: Tensor, second: Tensor, master: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mix both graphs and update the master node (by default the mean of all nodes)."""
        count = first.shape[1]
        nodes = torch.cat([self.proj_type1(first), self.proj_type2(second)], dim=1)
        if master is None:
            master = nodes.mean(dim=1, keepdim=True)
        nodes = self.input_drop(nodes)
        attention = self._attention(nodes, count)
        weights = torch.tanh(self.att_projM(nodes * master)) @ self.att_weightM
        heard = (weights / self.temperature).softmax(dim=-2).transpose(1, 2) @ nodes
        master = self.proj_with_attM(heard) + self.proj_without_attM(master)
        mixed = self.proj_with_att(attention @ nodes) + self.proj_without_att(nodes)
        mixed = self.act(_by_feature(self.bn, mixed))
        return mixed[:, :count], mixed[:, count:], master

    def _attention(self, nodes: Tensor, count: int) -> Tensor:
        """Return ``[batch, node, node]``; which weight applies depends on the pair's graphs."""
        hidden = torch.tanh(self.att_proj(nodes[:, :, None] * nodes[:, None]))
        upper = torch.cat(
            [hidden[:, :count, :count] @ self.att_weight11,
             hidden[:, :count, count:] @ self.att_weight12], dim=2,
        )  # fmt: skip
        lower = torch.cat(
            [hidden[:, count:, :count] @ self.att_weight12,
             hidden[:, count:, count:] @ self.att_weight22], dim=2,
        )  # fmt: skip
        weights = torch.cat([upper, lower], dim=1) / self.temperature
        return weights.softmax(dim=-2)[..., 0]


class GraphPool(nn.Module):
    """Keep the nodes of highest score, in the order of their scores, scaled by them.

    Shape: ``[batch, node, feature]`` → ``[batch, max(1, int(node · share)), feature]``.
    """

    def __init__(self, share: float, features: int) -> None:
        super().__init__()
        self.share = share
        self.proj = nn.Linear(features, 1)
        self.drop = nn.Dropout(0.3)

    def forward(self, nodes: Tensor) -> Tensor:
        """Pool the nodes."""
        scores = torch.sigmoid(self.proj(self.drop(nodes)))
        keep = max(1, int(nodes.shape[1] * self.share))
        _, places = torch.topk(scores, keep, dim=1)
        return torch.gather(nodes * scores, 1, places.expand(-1, -1, nodes.shape[2]))


def _by_feature(norm: nn.BatchNorm1d, nodes: Tensor) -> Tensor:
    """Normalise every feature over batch and nodes."""
    found: Tensor = norm(nodes.flatten(0, 1))
    return found.reshape(nodes.shape)
