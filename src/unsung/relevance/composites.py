# SPDX-License-Identifier: MIT
"""Which layer gets which rule: the published composites of rules for convolutional networks.

Sources: Kohlbrenner et al., "Towards best practice in explaining neural network decisions with
LRP", 2020; Montavon et al., 2019. Dense layers get epsilon, convolutions a rule that favours
positive contributions, the first layer one that smooths. Layers that are not named (max pooling,
flattening, dropout) keep their gradient, which for max pooling gives all to the winner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from unsung.errors import UnknownName
from unsung.relevance.engine import Sum
from unsung.relevance.rules import (
    LAYERS,
    AlphaBeta,
    Epsilon,
    Fixed,
    Flat,
    Gamma,
    Norm,
    Pass,
    Rule,
    ZBox,
    ZPlus,
)

__all__ = ["COMPOSITES", "Composite", "composite", "epsilon_gamma_box"]

ACTIVATIONS = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.ReLU6,
    nn.ELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.Softplus,
    nn.Hardswish,
)
NORMALISERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
AVERAGES = (
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
)


@dataclass(frozen=True)
class Composite:
    """A choice of rules: by kind of layer, and one for the first layer with weights.

    Attributes:
        convolution: rule of convolutions; None keeps their gradient.
        dense: rule of linear layers.
        first: rule of the first layer with weights, in the order of the model's modules.
        named: rules for layers by their names; these go before all others.
    """

    convolution: Rule | None
    dense: Rule | None
    first: Rule | None = None
    named: Mapping[str, Rule] | None = None

    def rules(self, model: nn.Module) -> dict[str, Rule]:
        """Return the rule of every module that gets one, by the module's name."""
        found: dict[str, Rule] = {}
        first = self.first
        for name, module in model.named_modules():
            rule = self._rule(module)
            if isinstance(module, LAYERS) and first is not None:
                rule, first = first, None
            if rule is not None:
                found[name] = rule
        for name in self.named or {}:
            if name not in dict(model.named_modules()):
                raise UnknownName("layer", name, dict(model.named_modules()))
        return found | dict(self.named or {})

    def _rule(self, module: nn.Module) -> Rule | None:
        if isinstance(module, (*ACTIVATIONS, *NORMALISERS)):
            return Pass()
        if isinstance(module, (*AVERAGES, Sum)):
            return Norm()
        if isinstance(module, Fixed):
            return Epsilon()
        if isinstance(module, nn.Linear):
            return self.dense
        return self.convolution if isinstance(module, LAYERS) else None


def epsilon_gamma_box(low: float, high: float, gamma: float = 0.25) -> Composite:
    """Return EpsilonGammaBox for an input between two values."""
    return Composite(Gamma(gamma), Epsilon(), ZBox(low, high))


COMPOSITES: dict[str, Callable[[], Composite]] = {
    "epsilon": lambda: Composite(Epsilon(), Epsilon()),
    "epsilon_plus": lambda: Composite(ZPlus(), Epsilon()),
    "epsilon_plus_flat": lambda: Composite(ZPlus(), Epsilon(), Flat()),
    "epsilon_alpha2_beta1": lambda: Composite(AlphaBeta(2, 1), Epsilon()),
    "epsilon_gamma_box": lambda: epsilon_gamma_box(-3.0, 3.0),
    "gradient_input": lambda: Composite(None, None),
}
"""Composites by name; epsilon_gamma_box for standardised pictures (± 3 deviations)."""


def composite(name: str) -> Composite:
    """Return a composite by its name.

    Raises:
        UnknownName: no composite of that name.
    """
    if name not in COMPOSITES:
        raise UnknownName("composite", name, COMPOSITES)
    return COMPOSITES[name]()
