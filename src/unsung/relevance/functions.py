# SPDX-License-Identifier: MIT
"""Rules for single operations: the sums and products of a transformer have no module to hook.

Inside the ``with``, torch calls go through a table of rules; the model's code stays as it is.
``attn_lrp``: Achtibat et al., "AttnLRP", ICML 2024, as changed gradients; relevance is then input
times gradient (logits). ``chefer_relevance``: Chefer, Gur and Wolf, "Transformer interpretability
beyond attention visualization", CVPR 2021; autograd then carries relevance itself, from 1 at the
target. Both are for evaluation mode. Fused operations other than scaled dot-product attention
(`multi_head_attention_forward`) hide their parts and are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf
from torch.overrides import TorchFunctionMode

from unsung.errors import UsageError
from unsung.relevance._backward import (
    CheferAdd,
    CheferLinear,
    CheferMean,
    CheferProduct,
    GammaLinear,
    Same,
    Slope,
    run,
)

__all__ = ["Operations", "attn_lrp", "chefer_relevance"]

LINEAR = (nnf.linear,)
CONVOLUTION = (nnf.conv1d, nnf.conv2d, nnf.conv3d, torch.conv1d, torch.conv2d, torch.conv3d)
PRODUCT = (torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, Tensor.bmm)
SOFTMAX = (nnf.softmax, torch.softmax, Tensor.softmax)
ACTIVATION = (nnf.gelu, nnf.silu, nnf.relu, torch.relu, Tensor.relu, torch.tanh, nnf.elu)
LAYER_NORM = (nnf.layer_norm, torch.layer_norm)
DROPOUT = (nnf.dropout, torch.dropout)
ADD = (torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.__iadd__, Tensor.add_)
TIMES = (torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__, Tensor.__imul__, Tensor.mul_)
DIVIDE = (torch.div, Tensor.div, Tensor.__truediv__, Tensor.__itruediv__, Tensor.div_)
MEAN = (torch.mean, Tensor.mean)
ATTENTION = (nnf.scaled_dot_product_attention,)
HIDDEN = (nnf.multi_head_attention_forward,)

Watch = Callable[[Tensor], None]


class Operations(TorchFunctionMode):
    """Plain forward; ``watch`` gets every attention matrix ``[batch, head, query, key]``."""

    def __init__(self, watch: Watch | None = None) -> None:
        super().__init__()
        self._watch = watch
        self._table: dict[Any, Callable[..., Tensor]] = {}
        self._on(SOFTMAX, self._softmax)
        self._on(ATTENTION, self._attention)

    def _on(self, calls: tuple[Any, ...], rule: Callable[..., Tensor]) -> None:
        for call in calls:
            self._table[call] = rule

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Look the call up in the table."""
        if func in HIDDEN:
            raise UsageError(
                "relevance: expected attention written as softmax(q·k)·v or as "
                "scaled_dot_product_attention, got torch's fused multi_head_attention_forward; "
                "its attention cannot be seen, rewrite the layer"
            )
        rule = self._table.get(func)
        if rule is None:
            return func(*args, **(kwargs or {}))
        return rule(*args, **(kwargs or {}))

    def _seen(self, attention: Tensor) -> Tensor:
        if self._watch and attention.dim() == 4 and attention.shape[-1] == attention.shape[-2]:
            self._watch(attention)
        return attention

    def _softmax(self, x: Tensor, dim: int = -1, **rest: Any) -> Tensor:
        rest.pop("_stacklevel", None)
        return self._seen(torch.softmax(x, dim, **rest))

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        return a @ b

    def _scaled(self, x: Tensor, factor: float) -> Tensor:
        return x * factor

    def _attention(  # noqa: PLR0917 (the signature of torch)
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """Scaled dot-product attention from its parts, each with its own rule."""
        if dropout_p or enable_gqa:
            raise UsageError("relevance: expected attention without dropout and grouped queries")
        scores = self._product(query, key.transpose(-2, -1))
        scores = self._scaled(scores, scale or 1 / math.sqrt(query.shape[-1]))
        if is_causal:
            n, m = scores.shape[-2:]
            attn_mask = torch.ones(n, m, dtype=torch.bool, device=scores.device).tril()
        if attn_mask is not None:
            low = torch.zeros_like(scores).masked_fill(~attn_mask, -math.inf)
            scores = scores + (low if attn_mask.dtype == torch.bool else attn_mask)
        return self._product(self._softmax(scores, -1), value)


class _AttnLrp(Operations):
    """Gradients such that input times gradient is AttnLRP's relevance."""

    def __init__(self, gamma: float, watch: Watch | None = None) -> None:
        super().__init__(watch)
        self._gamma = gamma
        self._on(PRODUCT, self._product)
        self._on(LAYER_NORM, self._layer_norm)
        for activation in ACTIVATION:
            self._table[activation] = self._activation(activation)
        for times in TIMES:
            self._table[times] = self._times(times)
        if gamma:
            self._on(LINEAR, self._linear)

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        # Both factors move: each gets half (uniform rule).
        return _halved(a) @ _halved(b)

    @staticmethod
    def _layer_norm(
        x: Tensor,
        normalized_shape: Any,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
        *_: Any,
    ) -> Tensor:
        axes = tuple(range(-len(normalized_shape), 0))
        centred = x - x.mean(axes, keepdim=True)
        spread = (centred.square().mean(axes, keepdim=True) + eps).sqrt().detach()
        y = centred / spread
        y = y if weight is None else y * weight
        return y if bias is None else y + bias

    @staticmethod
    def _activation(call: Any) -> Callable[..., Tensor]:
        def rule(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            y = call(x.detach(), *args, **kwargs)
            safe = torch.where(x == 0, torch.full_like(x, 1e-10), x).detach()
            return run(Slope, x, y, y / safe)

        return rule

    @staticmethod
    def _times(call: Any) -> Callable[..., Tensor]:
        def rule(a: Any, b: Any, **kwargs: Any) -> Tensor:
            both = _moves(a) and _moves(b)
            out: Tensor = call(_halved(a), _halved(b), **kwargs) if both else call(a, b, **kwargs)
            return out

        return rule

    def _linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return run(GammaLinear, x, weight, bias, self._gamma)


class _Chefer(Operations):
    """Relevance in the gradient's place, by the rules of the CVPR 2021 paper."""

    def __init__(self, watch: Watch | None = None) -> None:
        super().__init__(watch)
        self._on(LINEAR, lambda *args: run(CheferLinear, *args))
        self._on(PRODUCT, self._product)
        self._on(SOFTMAX, self._softmax)
        self._on(LAYER_NORM, _identity(nnf.layer_norm))
        self._on(DROPOUT, lambda x, *_, **__: x)
        for activation in ACTIVATION:
            self._table[activation] = _identity(activation)
        for calls, rule in ((ADD, self._add), (TIMES, self._times), (DIVIDE, self._divide)):
            self._on(calls, rule)
        self._on(MEAN, self._mean)

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        return run(CheferProduct, a, b)

    def _softmax(self, x: Tensor, dim: int = -1, **_: Any) -> Tensor:
        return self._seen(run(Same, x, torch.softmax(x.detach(), dim)))

    def _scaled(self, x: Tensor, factor: float) -> Tensor:
        return run(Same, x, x.detach() * factor)

    @staticmethod
    def _add(a: Any, b: Any, **_: Any) -> Tensor:
        moving = [v for v in (a, b) if _moves(v)]
        if len(moving) == 2:
            return run(CheferAdd, a, b)
        total: Tensor = _plain(a) + _plain(b)
        return run(Same, moving[0], total) if moving else total

    @staticmethod
    def _times(a: Any, b: Any, **_: Any) -> Tensor:
        moving = [v for v in (a, b) if _moves(v)]
        if len(moving) == 2:
            raise UsageError(
                "chefer: expected no product of two activations outside attention (gated layers); "
                "use attn_lrp"
            )
        product: Tensor = _plain(a) * _plain(b)
        return run(Same, moving[0], product) if moving else product

    @staticmethod
    def _divide(a: Tensor, b: Any, **_: Any) -> Tensor:
        return run(Same, a, _plain(a) / _plain(b))

    @staticmethod
    def _mean(x: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
        return run(CheferMean, x, dim, keepdim)


@contextmanager
def attn_lrp(gamma: float = 0.0, watch: Watch | None = None) -> Iterator[None]:
    """Inside, a backward pass gives gradients whose product with the input is AttnLRP's relevance.

    Args:
        gamma: favours the output's own sign in linear layers (0 = epsilon rule); vision
            transformers need it, the paper searched 0 to 1.
        watch: called with every attention matrix.
    """
    with _AttnLrp(gamma, watch):
        yield


@contextmanager
def chefer_relevance(watch: Watch | None = None) -> Iterator[None]:
    """Inside, a backward pass from a one-hot output carries Chefer's relevance."""
    with _Chefer(watch):
        yield


def _moves(value: Any) -> bool:
    """Say whether a value depends on the input: parameters take no relevance."""
    return (
        isinstance(value, Tensor)
        and value.requires_grad
        and not isinstance(value, torch.nn.Parameter)
    )


def _plain(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _identity(call: Any) -> Callable[..., Tensor]:
    def rule(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return run(Same, x, call(x.detach(), *args, **kwargs))

    return rule


def _halved(x: Tensor) -> Tensor:
    return run(Slope, x, x.detach(), 0.5)
