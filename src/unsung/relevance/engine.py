# SPDX-License-Identifier: MIT
"""Runs a network forwards, then relevance backwards, and keeps what passes chosen layers.

While hooked, what autograd carries backwards is relevance: each layer with a rule takes that of its
output and gives that of its input. Conditions follow Achtibat et al., "From attribution maps to
human-understandable explanations through concept relevance propagation", 2023: at a named layer
the relevance of all other channels is set to zero. Relevance is in the unit of the output (logits).
Sums written as ``a + b`` pass all relevance to both sides; write them as `Sum` in the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from unsung.errors import UnknownName, UsageError
from unsung.relevance._backward import run
from unsung.relevance.rules import Epsilon, Rule

__all__ = ["Attribution", "Condition", "Rules", "Sum", "attribute"]

Condition = Mapping[str, Sequence[int]]
"""Layer name → channels whose relevance goes on; several layers must all be passed."""


class Rules(Protocol):
    """What chooses the rules of a model: a `composites.Composite`."""

    def rules(self, model: nn.Module) -> dict[str, Rule]:
        """Return rules by module name."""
        ...


class Sum(nn.Module):
    """Adds two tensors; a module, so that a rule can share relevance between them."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the sum. Shape: both ``[...]`` → the same."""
        return a + b


@dataclass(frozen=True)
class Attribution:
    """What one walk back gives.

    Shape: heatmap like the input, with a row for each condition; relevances and activations as the
    layers give them, with the same rows; outputs ``[row, output]``. Relevances stand in the order
    in which the walk passed them: last layer first.
    """

    heatmap: Tensor
    outputs: Tensor
    relevances: dict[str, Tensor]
    activations: dict[str, Tensor]


def attribute(
    model: nn.Module,
    x: Tensor,
    target: int,
    rules: Rules,
    *,
    conditions: Sequence[Condition] = ({},),
    record: Sequence[str] = (),
    start: tuple[str, int] | None = None,
    initial: Callable[[Tensor], Tensor] | None = None,
) -> Attribution:
    """Return the relevance of the input for one output, once for each condition.

    Args:
        model: in evaluation mode; left as it was.
        x: ``[batch, ...]``; more than one row needs exactly one condition.
        target: which output is explained; its relevance starts as its own value.
        rules: a composite.
        conditions: masks of channels, one row of the result each; the empty one masks nothing.
        record: layers whose relevance and activation to keep.
        start: ``(layer, channel)`` to explain instead of an output, from its activation.
        initial: relevance of the target from its values; its own value if None.

    Raises:
        UnknownName: no layer of that name.
        UsageError: no condition, or several with several rows of input.
    """
    if not conditions or (len(conditions) > 1 and len(x) > 1):
        raise UsageError(
            f"expected one condition, or one row of input with several, got {len(conditions)} "
            f"conditions and {len(x)} rows"
        )
    layers = {*record, *(name for c in conditions for name in c), *([start[0]] if start else [])}
    known = dict(model.named_modules())
    for name in layers:
        if name not in known:
            raise UnknownName("layer", name, known)
    rows = x if len(conditions) == 1 else x.expand(len(conditions), *x.shape[1:])
    leaf = rows.detach().clone().requires_grad_()
    relevances: dict[str, Tensor] = {}
    watched = _watched(model, sorted(layers), conditions, relevances)
    with hooked(model, rules.rules(model)), torch.enable_grad(), watched as seen:
        outputs = model(leaf)
        begin = outputs if start is None else seen[start[0]]
        channel = target if start is None else start[1]
        first = torch.zeros_like(begin)
        value = begin.detach()[:, channel]
        first[:, channel] = value if initial is None else initial(value)
        (heatmap,) = torch.autograd.grad(begin, leaf, first)
    kept = {name: value for name, value in relevances.items() if name in record}
    activations = {name: seen[name].detach() for name in record}
    return Attribution(heatmap.detach(), outputs.detach(), kept, activations)


@contextmanager
def hooked(model: nn.Module, rules: Mapping[str, Rule]) -> Iterator[None]:
    """Let relevance take the gradient's place in the named modules; all hooks go on exit."""
    modules = dict(model.named_modules())
    handles = []
    for name, rule in rules.items():
        hook = _sum_hook(rule) if isinstance(modules[name], Sum) else _rule_hook(rule)
        handles.append(modules[name].register_forward_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _rule_hook(rule: Rule) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return run(_Relevance, args[0], output.detach(), module, rule)

    return hook


def _sum_hook(rule: Rule) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    epsilon = rule.epsilon if isinstance(rule, Epsilon) else 1e-6

    def hook(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        both = torch.stack([part.expand(output.shape) for part in args])
        return run(_Relevance, both, output.detach(), _Total(), Epsilon(epsilon))

    return hook


class _Total(nn.Module):
    def forward(self, both: Tensor) -> Tensor:
        return both.sum(0)


class _Relevance(torch.autograd.Function):
    """Forwards a layer's output; backwards, its rule."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, output: Tensor, module: nn.Module, rule: Rule) -> Tensor:
        ctx.save_for_backward(x)
        ctx.layer = (module, rule)
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        module, rule = ctx.layer
        return rule(module, x.detach(), relevance[0]), None, None, None


@contextmanager
def _watched(
    model: nn.Module,
    layers: Sequence[str],
    conditions: Sequence[Condition],
    relevances: dict[str, Tensor],
) -> Iterator[dict[str, Tensor]]:
    """Keep outputs of layers, mask and keep their relevance on its way back."""
    modules = dict(model.named_modules())
    seen: dict[str, Tensor] = {}
    handles = []
    for name in layers:

        def watch(_: nn.Module, __: Any, output: Tensor, name: str = name) -> None:
            mask = _mask(output, name, conditions)

            def back(relevance: Tensor) -> Tensor:
                passed = relevance if mask is None else relevance * mask
                relevances[name] = passed.detach()
                return passed

            seen[name] = output
            output.register_hook(back)  # type: ignore[no-untyped-call]

        handles.append(modules[name].register_forward_hook(watch))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _mask(output: Tensor, name: str, conditions: Sequence[Condition]) -> Tensor | None:
    """Return 1 for the channels that pass. Shape: ``[row, channel, 1, ...]``."""
    if all(name not in condition for condition in conditions):
        return None
    channels = output.shape[1]
    mask = output.new_zeros(len(conditions), channels, *[1] * (output.dim() - 2))
    for row, condition in enumerate(conditions):
        chosen = condition.get(name, range(channels))
        bad = [c for c in chosen if not 0 <= c < channels]
        if bad:
            raise UsageError(
                f"expected channels of '{name}' from 0 to {channels - 1}, got {bad[0]}"
            )
        mask[row, list(chosen)] = 1.0
    return mask
