# SPDX-License-Identifier: MIT
"""Every rule against loops over single weights; convolutions against their dense matrix."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from unsung.errors import UsageError
from unsung.relevance.rules import (
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    Norm,
    Pass,
    Rule,
    WSquare,
    ZBox,
    ZPlus,
)

EPSILON = 1e-6


def stable(z: float) -> float:
    return z + (EPSILON if z >= 0 else -EPSILON)


def plus(v: float) -> float:
    return max(v, 0.0)


def minus(v: float) -> float:
    return min(v, 0.0)


def terms(
    rule: Rule, x: np.ndarray, w: np.ndarray, b: float
) -> list[tuple[float, list[float], float]]:
    """One output's (factor, contribution of each input, contribution of the bias)."""
    raising = [plus(xi * wi) for xi, wi in zip(x, w, strict=True)]
    lowering = [minus(xi * wi) for xi, wi in zip(x, w, strict=True)]
    plain = [xi * wi for xi, wi in zip(x, w, strict=True)]
    if isinstance(rule, AlphaBeta):
        return [(rule.alpha, raising, plus(b)), (-rule.beta, lowering, minus(b))]
    if isinstance(rule, ZPlus):
        return [(1, raising, plus(b))]
    if isinstance(rule, Gamma):
        up = sum(plain) + b >= 0
        liked, of_bias = (raising, plus(b)) if up else (lowering, minus(b))
        pairs = zip(plain, liked, strict=True)
        return [(1, [p + rule.gamma * q for p, q in pairs], b + rule.gamma * of_bias)]
    if isinstance(rule, Flat):
        return [(1, [1.0] * len(x), 0)]
    if isinstance(rule, WSquare):
        return [(1, [wi * wi for wi in w], 0)]
    if isinstance(rule, ZBox):
        box = [
            xi * wi - rule.low * plus(wi) - rule.high * minus(wi)
            for xi, wi in zip(x, w, strict=True)
        ]
        return [(1, box, 0)]
    return [(1, plain, b)]


def slow(rule: Rule, w: np.ndarray, b: np.ndarray, x: np.ndarray, r: np.ndarray) -> np.ndarray:
    out = np.zeros_like(x)
    for row, j in itertools.product(range(len(x)), range(len(w))):
        for factor, parts, own in terms(rule, x[row], w[j], b[j]):
            for i, part in enumerate(parts):
                out[row, i] += factor * part / stable(sum(parts) + own) * r[row, j]
    return out


RULES = [Epsilon(), ZPlus(), AlphaBeta(2, 1), AlphaBeta(1, 0), Gamma(0.25), Flat(), WSquare()]
RULES.append(ZBox(-3.0, 3.0))


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("biased", [True, False])
def test_a_rule_equals_its_slow_twin(rule, biased):
    rng = np.random.default_rng(1)
    layer = nn.Linear(5, 4, bias=biased).double()
    x, r = rng.normal(size=(3, 5)), rng.normal(size=(3, 4))
    got = rule(layer, torch.from_numpy(x), torch.from_numpy(r)).numpy()
    bias = layer.bias.detach().numpy() if biased else np.zeros(4)
    assert got == pytest.approx(slow(rule, layer.weight.detach().numpy(), bias, x, r), abs=1e-9)


LAYERS = [
    nn.Conv2d(2, 3, 2, stride=2, padding=1),
    nn.Conv1d(2, 4, 3, groups=2, padding=1),
    nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1, groups=2),
]


@pytest.mark.parametrize("rule", [Epsilon(), ZPlus(), AlphaBeta(2, 1), Gamma(0.5)], ids=str)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_convolution_is_its_dense_matrix(rule, layer):
    layer = layer.double()
    shape = (layer.in_channels, *[4] * (layer.weight.dim() - 2))
    size = int(np.prod(shape))
    rng = np.random.default_rng(2)
    x = torch.from_numpy(rng.normal(size=(1, *shape)))
    with torch.no_grad():
        bias = layer(torch.zeros(1, *shape, dtype=torch.float64))[0]
        columns = layer(torch.eye(size, dtype=torch.float64).reshape(size, *shape)) - bias
    r = torch.from_numpy(rng.normal(size=(1, *bias.shape)))
    matrix = columns.reshape(size, -1).T.numpy()
    want = slow(
        rule, matrix, bias.reshape(-1).numpy(), x.reshape(1, -1).numpy(), r.reshape(1, -1).numpy()
    )
    assert rule(layer, x, r).reshape(1, -1).numpy() == pytest.approx(want, abs=1e-9)


def test_average_pooling_shares_by_value():
    x = torch.tensor([[[1.0, 3.0]]])
    shares = Norm()(nn.AvgPool1d(2), x, torch.tensor([[[8.0]]]))
    assert shares.numpy() == pytest.approx(np.array([[[2.0, 6.0]]]), rel=1e-5)


def test_no_relevance_is_lost_without_bias():
    layer = nn.Linear(6, 3, bias=False).double()
    x, r = torch.rand(2, 6, dtype=torch.float64) + 0.1, torch.rand(2, 3, dtype=torch.float64)
    for rule in RULES:
        if isinstance(rule, ZPlus | AlphaBeta):
            continue  # an output without a raising input has nobody to give to
        assert float(rule(layer, x, r).sum()) == pytest.approx(float(r.sum()), rel=1e-3), rule


def test_wrong_use_is_told():
    with pytest.raises(UsageError, match="alpha − beta = 1"):
        AlphaBeta(2, 2)
    with pytest.raises(UsageError, match="low < high"):
        ZBox(1, -1)
    with pytest.raises(UsageError, match="expected a linear or convolution layer, got ReLU"):
        ZPlus()(nn.ReLU(), torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(UsageError, match="give it another rule"):
        Pass()(nn.Flatten(), torch.zeros(1, 2), torch.zeros(1, 3))
