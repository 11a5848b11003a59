# SPDX-License-Identifier: MIT
"""The pre-norm transformer of SpecTTTra and its ViT, with the published names of its weights.

Source: Rahman et al., "SONICS: Synthetic or not", ICLR 2025. Queries, keys and values come from one
projection without bias; no layer scale, no stochastic depth, no final norm.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as nnf

__all__ = ["Attention", "Position", "Transformer"]

WIDTH, HEADS, LAYERS = 384, 6, 12
HIDDEN = int(WIDTH * 2.67)
"""Published size: 1025 hidden values."""
DROP = 0.1
"""Published dropout of positions and of attention; projections have none."""


class Attention(torch.nn.Module):
    """Self-attention through torch's fused kernel. Shape: ``[batch, token, width]`` both ways."""

    def __init__(self, width: int = WIDTH, heads: int = HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = torch.nn.Linear(width, 3 * width, bias=False)
        self.proj = torch.nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return ``softmax(q kᵀ / √size) v`` for each head, projected."""
        batch, count, width = tokens.shape
        split = self.qkv(tokens).reshape(batch, count, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)  # each [batch, head, token, size]
        drop = DROP if self.training else 0.0
        mixed = nnf.scaled_dot_product_attention(q, k, v, dropout_p=drop)
        joined: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        return joined


class _Mlp(torch.nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = torch.nn.Linear(width, hidden)
        self.fc2 = torch.nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        mixed: Tensor = self.fc2(nnf.gelu(self.fc1(tokens)))
        return mixed


class _Block(torch.nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.norm2 = torch.nn.LayerNorm(width)
        self.mlp = _Mlp(width, hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        mixed: Tensor = tokens + self.mlp(self.norm2(tokens))
        return mixed


class Transformer(torch.nn.Module):
    """Twelve blocks. Shape: ``[batch, token, 384]`` both ways."""

    def __init__(
        self, width: int = WIDTH, heads: int = HEADS, layers: int = LAYERS, hidden: int = HIDDEN
    ) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(_Block(width, heads, hidden) for _ in range(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """Pass the tokens through all blocks."""
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


class Position(torch.nn.Module):
    """Learned position added to each token. Shape: ``[batch, token, width]`` both ways."""

    def __init__(self, count: int, width: int = WIDTH) -> None:
        super().__init__()
        self.pe = torch.nn.Parameter(0.02 * torch.randn(1, count, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Add the positions."""
        return tokens + self.pe
