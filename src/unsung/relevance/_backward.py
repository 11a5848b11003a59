# SPDX-License-Identifier: MIT
"""What single operations pass back: one autograd function a rule (see `functions`).

Each forwards the plain value. Backwards it carries a changed gradient (AttnLRP) or relevance itself
(Chefer). Units: those of what flows back.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf

__all__ = [
    "CheferAdd",
    "CheferLinear",
    "CheferMean",
    "CheferProduct",
    "GammaLinear",
    "Same",
    "Slope",
    "run",
]


def run(function: type[torch.autograd.Function], *args: Any) -> Tensor:
    """Apply an autograd function; torch itself leaves this call untyped."""
    result: Tensor = function.apply(*args)  # type: ignore[no-untyped-call]
    return result


def safe_divide(a: Tensor, b: Tensor) -> Tensor:
    """Divide with the guard of the paper's code; 0 where b is 0."""
    return torch.where(b == 0, torch.zeros_like(a), a / torch.where(b == 0, 1.0, b + 1e-9))


class Slope(torch.autograd.Function):
    """Forwards y; backwards, the gradient times a given slope."""

    @staticmethod
    def forward(ctx: Any, _: Tensor, y: Tensor, slope: Any) -> Tensor:
        ctx.slope = slope
        return y.clone()

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> Any:
        return grad[0] * ctx.slope, None, None


class Same(torch.autograd.Function):
    """Forwards y; backwards, relevance unchanged."""

    @staticmethod
    def forward(ctx: Any, _: Tensor, y: Tensor) -> Tensor:  # noqa: ARG004
        return y.clone()

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> Any:  # noqa: ARG004
        return relevance[0], None


class GammaLinear(torch.autograd.Function):
    """Gamma rule as a gradient: relevance of the input is input times this gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, gamma: float) -> Tensor:
        y = nnf.linear(x, weight, bias)
        ctx.save_for_backward(x, weight, y, *(() if bias is None else (bias,)))
        ctx.gamma = gamma
        return y

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> Any:
        x, weight, y, *bias = ctx.saved_tensors
        up, down = weight.clamp_min(0) * ctx.gamma, weight.clamp_max(0) * ctx.gamma
        total = torch.zeros_like(x)
        for sign, like, unlike in (
            (1, weight + up, weight + down),
            (-1, weight + down, weight + up),
        ):
            shift = bias[0] + ctx.gamma * (sign * bias[0]).clamp_min(0) * sign if bias else None
            z = nnf.linear(x.clamp_min(0), like, shift) + nnf.linear(x.clamp_max(0), unlike)
            mine = (y >= 0) if sign > 0 else (y < 0)
            s = torch.where(mine, grad[0] * y / torch.where(z == 0, 1e-9, z), 0.0)
            total = total + torch.where(x >= 0, s @ like, s @ unlike)
        return total, None, None, None


class CheferLinear(torch.autograd.Function):
    """Alpha 1, beta 0, no bias, positive and negative pairs under one denominator."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return nnf.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        up, down = weight.clamp_min(0), weight.clamp_max(0)
        z = nnf.linear(x.clamp_min(0), up) + nnf.linear(x.clamp_max(0), down)
        s = safe_divide(relevance[0], z)
        return x.clamp_min(0) * (s @ up) + x.clamp_max(0) * (s @ down), None, None


class CheferProduct(torch.autograd.Function):
    """Shares of both factors of a matrix product, halved."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> Any:
        a, b = ctx.saved_tensors
        s = safe_divide(relevance[0], a @ b)
        return a * (s @ b.transpose(-2, -1)) / 2, b * (a.transpose(-2, -1) @ s) / 2


class CheferAdd(torch.autograd.Function):
    """Shares by value, then rescaled so that the branches divide the total by magnitude."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a + b

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> Any:
        a, b = ctx.saved_tensors
        s = safe_divide(relevance[0], a + b)
        left, right = a * s, b * s
        total, sums = relevance[0].sum(), (left.sum(), right.sum())
        whole = sums[0].abs() + sums[1].abs()
        left = left * safe_divide(safe_divide(sums[0].abs(), whole) * total, sums[0])
        right = right * safe_divide(safe_divide(sums[1].abs(), whole) * total, sums[1])
        return left.sum_to_size(a.shape), right.sum_to_size(b.shape)


class CheferMean(torch.autograd.Function):
    """Pooling: each row's share of the mean."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
        ctx.save_for_backward(x)
        axes = tuple(range(x.dim())) if dim is None else dim
        ctx.axes = axes
        return x.mean(axes, keepdim=keepdim)

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        mean = x.mean(ctx.axes, keepdim=True)
        count = x.numel() / mean.numel()
        s = safe_divide(relevance[0].reshape(mean.shape), mean)
        return x * s / count, None, None
