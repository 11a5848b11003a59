# SPDX-License-Identifier: MIT
"""How one layer hands the relevance of its output to its input: one class a rule.

Sources: Bach et al., PLoS ONE 2015 (epsilon, alpha-beta, flat); Montavon et al., Pattern
Recognition 2017 (z-plus, w-square, z-box); Montavon et al., "Layer-wise relevance propagation: an
overview", 2019, and Andéol et al., 2021 (gamma, for outputs of both signs). Relevance carries the
unit of what is explained, here logits. A rule sees one layer and no neighbours: batch norms should
be merged first (`canonize`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from unsung.errors import UsageError

__all__ = [
    "LAYERS",
    "AlphaBeta",
    "Epsilon",
    "Fixed",
    "Flat",
    "Gamma",
    "Norm",
    "Pass",
    "Rule",
    "WSquare",
    "ZBox",
    "ZPlus",
    "stabilise",
]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
LAYERS = (nn.Linear, *CONVOLUTIONS, *TRANSPOSED)
"""Layers with a weight and a bias, to which all rules apply."""

_TRANSPOSED_CALLS: dict[type[nn.Module], Callable[..., Tensor]] = dict(
    zip(
        TRANSPOSED,
        (nnf.conv_transpose1d, nnf.conv_transpose2d, nnf.conv_transpose3d),
        strict=True,
    )
)


class Fixed(nn.Module):
    """A linear map that nobody learned, put before a network to look through: takes epsilon."""


def stabilise(z: Tensor, epsilon: float) -> Tensor:
    """Move values away from zero by epsilon, keeping their sign; zero counts as positive."""
    return z + epsilon * torch.where(z < 0, -1.0, 1.0).to(z.dtype)


class Rule(ABC):
    """Gives a layer's input its share of the output's relevance."""

    @abstractmethod
    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """Return the relevance of the input.

        Shape: x ``[batch, ...]`` as the layer takes it, relevance as it gives → like x.
        """


@dataclass(frozen=True)
class Epsilon(Rule):
    """Shares in proportion to x·w; epsilon damps where contributions cancel out."""

    epsilon: float = 1e-6

    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """See `Rule`."""
        if isinstance(layer, LAYERS):
            return _share([(x, layer.weight)], _bias(layer), layer, relevance, self.epsilon)
        z, pull = _pullback(layer.forward, x)
        return x * pull(relevance / stabilise(z, self.epsilon))


class Norm(Epsilon):
    """Epsilon for sums without weights: average pooling and `Sum`."""


@dataclass(frozen=True)
class ZPlus(Rule):
    """Shares among the contributions that raise the output, and those alone."""

    epsilon: float = 1e-6

    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """See `Rule`."""
        weight, bias = _parameters(layer, self)
        parts = [(x.clamp_min(0), weight.clamp_min(0)), (x.clamp_max(0), weight.clamp_max(0))]
        positive = None if bias is None else bias.clamp_min(0)
        return _share(parts, positive, layer, relevance, self.epsilon)


@dataclass(frozen=True)
class AlphaBeta(Rule):
    """Alpha times the raising contributions' shares less beta times the lowering ones'."""

    alpha: float = 2.0
    beta: float = 1.0
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        if self.alpha < 0 or self.beta < 0 or not math.isclose(self.alpha - self.beta, 1.0):
            raise UsageError(
                f"AlphaBeta: expected alpha − beta = 1, neither below 0, so that relevance is "
                f"conserved; got {self.alpha:g} and {self.beta:g}"
            )

    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """See `Rule`."""
        raising = ZPlus(self.epsilon)(layer, x, relevance)
        weight, bias = _parameters(layer, self)
        parts = [(x.clamp_min(0), weight.clamp_max(0)), (x.clamp_max(0), weight.clamp_min(0))]
        negative = None if bias is None else bias.clamp_max(0)
        lowering = _share(parts, negative, layer, relevance, self.epsilon)
        return self.alpha * raising - self.beta * lowering


@dataclass(frozen=True)
class Gamma(Rule):
    """Epsilon with the contributions of the output's own sign favoured by 1 + gamma."""

    gamma: float = 0.25
    epsilon: float = 1e-6

    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """See `Rule`."""
        weight, bias = _parameters(layer, self)
        z = _apply(layer, x, weight, bias)
        total = torch.zeros_like(x)
        for up in (True, False):
            like = weight + self.gamma * _half(weight, up)
            unlike = weight + self.gamma * _half(weight, not up)
            parts = [(x.clamp_min(0), like), (x.clamp_max(0), unlike)]
            shift = None if bias is None else bias + self.gamma * _half(bias, up)
            mine = relevance * ((z >= 0) if up else (z < 0))
            total = total + _share(parts, shift, layer, mine, self.epsilon)
        return total


@dataclass(frozen=True)
class Flat(Rule):
    """Spreads evenly over everything that the output sees, whatever its value."""

    epsilon: float = 1e-6

    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """See `Rule`."""
        weight, _ = _parameters(layer, self)
        parts = [(torch.ones_like(x), torch.ones_like(weight))]
        return _share(parts, None, layer, relevance, self.epsilon)


@dataclass(frozen=True)
class WSquare(Rule):
    """Shares in proportion to w², for inputs whose value says nothing."""

    epsilon: float = 1e-6

    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """See `Rule`."""
        weight, _ = _parameters(layer, self)
        parts = [(torch.ones_like(x), weight.square())]
        return _share(parts, None, layer, relevance, self.epsilon)


@dataclass(frozen=True)
class ZBox(Rule):
    """For an input bounded by a box: shares in proportion to x·w − low·w⁺ − high·w⁻."""

    low: float
    high: float
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise UsageError(f"ZBox: expected low < high, got {self.low:g} and {self.high:g}")

    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """See `Rule`."""
        weight, _ = _parameters(layer, self)
        parts = [
            (x, weight),
            (torch.full_like(x, self.low), -weight.clamp_min(0)),
            (torch.full_like(x, self.high), -weight.clamp_max(0)),
        ]
        # The published rule keeps the bias out of numerator and denominator alike.
        return _share(parts, None, layer, relevance, self.epsilon)


class Pass(Rule):
    """Hands relevance on unchanged: activations, and batch norms merged elsewhere."""

    def __call__(self, layer: nn.Module, x: Tensor, relevance: Tensor) -> Tensor:
        """See `Rule`."""
        if relevance.shape != x.shape:
            raise UsageError(
                f"Pass: expected a layer that keeps its shape, {type(layer).__name__} turns "
                f"{list(x.shape)} into {list(relevance.shape)}; give it another rule"
            )
        return relevance


def _share(
    parts: list[tuple[Tensor, Tensor]],
    bias: Tensor | None,
    layer: nn.Module,
    relevance: Tensor,
    epsilon: float,
) -> Tensor:
    """Share by the sum over parts of input·weight; the bias keeps what is its own."""
    pulls: list[tuple[Tensor, Callable[[Tensor], Tensor]]] = []
    z: Tensor | None = None
    for i, (x, weight) in enumerate(parts):
        shift = bias if i == 0 else None

        def call(v: Tensor, w: Tensor = weight, b: Tensor | None = shift) -> Tensor:
            return _apply(layer, v, w, b)

        part, pull = _pullback(call, x)
        z = part if z is None else z + part
        pulls.append((x, pull))
    assert z is not None
    s = relevance / stabilise(z, epsilon)
    return torch.stack([x * pull(s) for x, pull in pulls]).sum(0)


def _pullback(
    call: Callable[[Tensor], Tensor], x: Tensor
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return the output and the function that carries a cotangent back to the input."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        z = call(leaf)

    def pull(s: Tensor) -> Tensor:
        return torch.autograd.grad(z, leaf, s)[0]

    return z.detach(), pull


def _parameters(layer: nn.Module, rule: Rule) -> tuple[Tensor, Tensor | None]:
    if not isinstance(layer, LAYERS):
        raise UsageError(
            f"{type(rule).__name__}: expected a linear or convolution layer, got "
            f"{type(layer).__name__}; use Norm or Pass for layers without weights"
        )
    return layer.weight.detach(), _bias(layer)


def _bias(layer: nn.Module) -> Tensor | None:
    bias = getattr(layer, "bias", None)
    return bias.detach() if isinstance(bias, Tensor) else None


def _half(values: Tensor, positive: bool) -> Tensor:
    return values.clamp_min(0) if positive else values.clamp_max(0)


def _apply(layer: nn.Module, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Run a layer with other parameters, without its hooks."""
    weight = weight.detach()
    if isinstance(layer, nn.Linear):
        return nnf.linear(x, weight, bias)
    if isinstance(layer, CONVOLUTIONS):
        convolved: Tensor = layer._conv_forward(x, weight, bias)
        return convolved
    for kind, call in _TRANSPOSED_CALLS.items():
        if isinstance(layer, kind):
            steps: Any = (layer.stride, layer.padding, layer.output_padding)
            return call(x, weight, bias, *steps, layer.groups, layer.dilation)
    raise AssertionError(type(layer))
