# SPDX-License-Identifier: MIT
"""Stored answers of the published implementation; AttnLRP by its definition; no class token."""

import numpy as np
import pytest
import torch
from tests.relevance.networks import picture, stored, tiny_vit
from torch import nn

from unsung.errors import UsageError
from unsung.relevance import attention_rollout, attn_lrp, chefer_maps, generic_attention
from unsung.relevance.transformers import attend, token_scores

ANSWERS = stored("chefer_vit_tiny.json")


@pytest.fixture(params=[False, True], ids=["written out", "fused"])
def walk(request):
    return attend(tiny_vit(fused=request.param), picture(), 2, relevance=True)


def scores(maps):
    return token_scores(maps, 1)[0].numpy()


def test_logits_and_attention_relevance_are_the_stored_ones(walk):
    assert walk.outputs[0].numpy() == pytest.approx(ANSWERS["logits"], abs=1e-5)
    sums = [float(r.sum()) for r in walk.relevance]
    assert sums == pytest.approx(ANSWERS["layer_relevance_sums"], abs=1e-5)
    for layer in (0, 1):
        row = walk.relevance[layer][0, 0, 0].numpy()
        assert row == pytest.approx(ANSWERS[f"layer{layer}_attn_cam_head0_row0"], abs=1e-5)
    gradient = walk.gradients[1][0, 0, 0].numpy()
    assert gradient == pytest.approx(ANSWERS["layer1_attn_grad_head0_row0"], abs=1e-5)


def test_maps_equal_the_published_implementation(walk):
    for key, maps in {
        "transformer_attribution": chefer_maps(walk),
        "lrp_rollout_no_grad": chefer_maps(walk, gradients=False),
        "attention_rollout_normalised": attention_rollout(walk),
        "generic_attention_2021b": generic_attention(walk),
    }.items():
        assert scores(maps) == pytest.approx(ANSWERS[key], abs=2e-6), key


def test_without_a_class_token_scores_are_the_mean_of_rows():
    model = tiny_vit(class_token=False)
    walk = attend(model, picture(), 2, relevance=True)
    for maps in (chefer_maps(walk), attention_rollout(walk), generic_attention(walk)):
        found = token_scores(maps, 0)[0]
        slow = [sum(float(maps[0, row, token]) for row in range(4)) / 4 for token in range(4)]
        assert found.numpy() == pytest.approx(slow, abs=1e-5)
    rows = attention_rollout(walk)[0].sum(-1)
    assert rows.numpy() == pytest.approx(np.ones(4), abs=1e-5)


def test_a_batch_is_explained_row_by_row():
    model, other = tiny_vit(class_token=False), picture().flip(-1)
    alone = attend(model, other, 2).gradients[0]
    both = attend(model, torch.cat([picture(), other]), 2).gradients[0][1:]
    assert both.numpy() == pytest.approx(alone.numpy(), abs=1e-5)


def gradient(model, x, gamma=0.0):
    leaf = x.clone().requires_grad_()
    with attn_lrp(gamma):
        out = model(leaf)[:, 2].sum()
    return torch.autograd.grad(out, leaf)[0]


class Head(nn.Module):
    """One head of attention on given queries, keys and values, summed up."""

    def forward(self, qkv):
        q, k, v = qkv.unbind(1)
        return ((q @ k.transpose(-2, -1)).softmax(-1) @ v).sum((1, 2))


def test_attn_lrp_halves_products():
    """The paper's rule: matrix products share evenly, softmax keeps its gradient."""
    torch.manual_seed(0)
    qkv = torch.randn(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    plain = torch.autograd.grad(Head()(qkv).sum(), qkv)[0]
    with attn_lrp():
        out = Head()(qkv).sum()
    ours = torch.autograd.grad(out, qkv)[0]
    factors = torch.tensor([0.25, 0.25, 0.5], dtype=torch.float64).reshape(1, 3, 1, 1)
    assert ours.numpy() == pytest.approx((plain * factors).numpy(), abs=1e-12)


def test_attn_lrp_conserves_in_a_network_without_biases():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 8, bias=False), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 3, bias=False)
    )
    x = torch.randn(1, 6)
    relevance = (x * gradient(model, x)).sum()
    assert float(relevance) == pytest.approx(model(x)[0, 2].item(), rel=1e-4)


def test_gamma_zero_is_epsilon_and_gamma_favours_the_outputs_sign():
    torch.manual_seed(0)
    layer, x = nn.Linear(6, 3), torch.randn(1, 6)
    assert gradient(layer, x).numpy() == pytest.approx(layer.weight[2:].detach().numpy(), abs=1e-5)
    weight, bias = layer.weight[2].detach(), layer.bias[2].detach()
    parts, y = x[0] * weight, layer(x)[0, 2].item()
    liked = parts + 0.5 * torch.where(parts * y > 0, parts, 0.0)
    own = bias + 0.5 * (bias if bias * y > 0 else 0.0)
    want = liked / (liked.sum() + own) * y
    got = x[0] * gradient(layer, x, gamma=0.5)[0]
    assert got.numpy() == pytest.approx(want.numpy(), abs=1e-5)


def test_nothing_stays_after_the_with():
    model = tiny_vit()
    before = model(picture()).detach()
    attend(model, picture(), 2, relevance=True)
    gradient(model, picture())
    assert torch.equal(model(picture()), before)
    assert all(p.grad is None for p in model.parameters())


def test_hidden_attention_and_no_attention_are_refused():
    fused = nn.MultiheadAttention(4, 1, batch_first=True)

    class Fused(nn.Module):
        def forward(self, x):
            return fused(x, x, x)[0][:, 0]

    with pytest.raises(UsageError, match="rewrite the layer"):
        attend(Fused(), torch.randn(1, 3, 4), 0)
    with pytest.raises(UsageError, match="0 attention layers"):
        attend(nn.Linear(4, 2), torch.randn(1, 4), 0)
