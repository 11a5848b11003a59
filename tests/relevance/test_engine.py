# SPDX-License-Identifier: MIT
"""Stored answers of the published implementation; conditions, concepts, and a model left alone."""

import copy

import numpy as np
import pytest
import torch
from tests.relevance.networks import picture, stored, tiny_cnn
from torch import nn

from unsung.errors import UnknownName, UsageError
from unsung.relevance import (
    Atlas,
    Sum,
    attribute,
    channel_relevance,
    composite,
    hierarchy,
    merged_batch_norms,
)
from unsung.relevance.canonize import norm_pairs
from unsung.relevance.composites import Composite
from unsung.relevance.rules import Epsilon, Norm

ANSWERS = stored("crp_tiny_cnn.json")
NAMES = ["epsilon_plus_flat", "epsilon_plus", "epsilon_alpha2_beta1"]


@pytest.fixture
def model():
    return tiny_cnn()


def test_the_logits_are_the_stored_ones(model):
    assert model(picture()).detach().numpy()[0] == pytest.approx(ANSWERS["logits"], abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_relevance_equals_the_published_implementation(model, name):
    answer = ANSWERS[name]
    conditions = [{}, {"conv2": [0]}, {"conv2": [1]}]
    with merged_batch_norms(model, picture()):
        walk = attribute(
            model, picture(), 0, composite(name), conditions=conditions, record=["conv2"]
        )
    maps = walk.heatmap[:, 0].numpy()
    shares = channel_relevance(walk.relevances["conv2"], shares=True)[0].numpy()
    assert maps[0] == pytest.approx(np.array(answer["heatmap"]), abs=1e-4)
    assert maps[0].sum() == pytest.approx(answer["heatmap_sum"], abs=1e-4)
    assert shares == pytest.approx(answer["conv2_channel_relevance_absnorm"], abs=1e-5)
    for row in (1, 2):
        assert maps[row].sum() == pytest.approx(
            answer[f"conditional_conv2_{row - 1}_sum"], abs=1e-4
        )
        assert maps[row, 0] == pytest.approx(answer[f"conditional_conv2_{row - 1}_row0"], abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_conditions_on_all_channels_add_up(model, name):
    conditions = [{}, *({"conv2": [c]} for c in range(6))]
    with merged_batch_norms(model, picture()):
        maps = attribute(model, picture(), 0, composite(name), conditions=conditions).heatmap
    assert maps[1:].sum(0).numpy() == pytest.approx(maps[0].numpy(), abs=1e-5)


def test_two_layers_intersect(model):
    both = {"conv1": [0], "conv2": [1]}
    rules = composite("epsilon_plus")
    walk = attribute(model, picture(), 0, rules, conditions=[both], record=["conv1", "conv2"])
    assert not walk.relevances["conv1"][0, 1:].any() and walk.relevances["conv1"][0, 0].any()
    assert not walk.relevances["conv2"][0, [0, 2, 3, 4, 5]].any()


def test_starting_at_a_channel_explains_its_activation(model):
    rules = composite("epsilon")
    with merged_batch_norms(model):
        for layer in (model.conv1, model.conv2):
            layer.bias = nn.Parameter(torch.zeros_like(layer.bias))
        walk = attribute(model, picture(), 0, rules, start=("conv2", 2), record=["conv2"])
    want = float(walk.activations["conv2"][0, 2].sum())
    assert float(walk.heatmap.sum()) == pytest.approx(want, rel=1e-3)


def test_merging_changes_no_output_and_restores_the_very_parameters(model):
    before = {name: (p, p.clone()) for name, p in model.named_parameters()}
    state = copy.deepcopy(model.state_dict())
    with merged_batch_norms(model, picture()) as pairs:
        assert pairs == [("conv1", "bn1"), ("conv2", "bn2")]
        x = torch.randn(1, 4, 4, 4)
        assert torch.equal(model.bn1(x), x)
        assert model(picture()).detach().numpy()[0] == pytest.approx(ANSWERS["logits"], abs=1e-5)
    for name, parameter in model.named_parameters():
        assert parameter is before[name][0] and torch.equal(parameter, before[name][1])
    assert all(torch.equal(state[k], v) for k, v in model.state_dict().items())
    assert model.bn1.eps == 1e-5


def test_merging_restores_after_an_error(model):
    weight = model.conv1.weight
    with pytest.raises(RuntimeError, match="stop"), merged_batch_norms(model):
        raise RuntimeError("stop")
    assert model.conv1.weight is weight


@pytest.mark.parametrize(
    "layer", [nn.ConvTranspose1d(4, 6, 3, groups=2, bias=False), nn.Linear(4, 6)]
)
def test_other_layers_merge_too(layer):
    model = nn.Sequential(layer, nn.BatchNorm1d(6)).eval()
    with torch.no_grad():
        model[1].running_mean.normal_()
        model[1].running_var.uniform_(0.5, 2)
    x = torch.randn(3, 4, 5) if isinstance(layer, nn.ConvTranspose1d) else torch.randn(3, 4)
    want = model(x).detach()
    with merged_batch_norms(model):
        assert model[0](x).detach().numpy() == pytest.approx(want.numpy(), abs=1e-5)
    assert layer.bias is None or isinstance(layer, nn.Linear)


def test_only_a_run_tells_which_layer_feeds_a_norm():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.norm = nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2)

        def forward(self, x):
            return self.b(x) + self.norm(self.a(x))

    model = Crossed().eval()
    assert norm_pairs(model) == [("b", "norm")]
    assert norm_pairs(model, torch.zeros(1, 2)) == [("a", "norm")]


def test_a_model_in_training_is_refused():
    with pytest.raises(UsageError, match="evaluation mode"), merged_batch_norms(nn.Linear(1, 1)):
        pass


def test_a_sum_module_shares_between_its_branches():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.add, self.head = (
                nn.Linear(3, 3, bias=False),
                Sum(),
                nn.Linear(3, 1, bias=False),
            )

        def forward(self, x):
            return self.head(self.add(x, self.a(x)))

    model, x = Residual().double(), torch.rand(1, 3, dtype=torch.float64)
    rules = Composite(Epsilon(1e-12), Epsilon(1e-12), named={"add": Norm(1e-12)})
    walk = attribute(model, x, 0, rules)
    assert float(walk.heatmap.sum()) == pytest.approx(float(walk.outputs), rel=1e-6)


def test_no_hook_and_no_gradient_stays(model):
    attribute(model, picture(), 0, composite("epsilon_plus"), record=["conv1"])
    assert not any(m._forward_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())
    with pytest.raises(UnknownName, match="did you mean 'conv2'"):
        attribute(model, picture(), 0, composite("epsilon_plus"), record=["conv22"])
    assert not any(m._forward_hooks for m in model.modules())


def test_bad_conditions_are_told(model):
    rules = composite("epsilon")
    with pytest.raises(UsageError, match="from 0 to 5, got 6"):
        attribute(model, picture(), 0, rules, conditions=[{"conv2": [6]}])
    with pytest.raises(UsageError, match="2 conditions and 2 rows"):
        attribute(model, picture().expand(2, -1, -1, -1), 0, rules, conditions=[{}, {}])
    with pytest.raises(UnknownName, match="did you mean 'epsilon_plus'"):
        composite("epsilon_pluss")


def test_the_atlas_finds_the_clip_that_a_channel_was_made_for():
    model = nn.Sequential(
        nn.Conv2d(1, 2, (4, 1), bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8, 1)
    )
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].weight[0, 0, 0] = 1.0  # channel 0 hears the lowest band, channel 1 the highest
        model[0].weight[1, 0, 3] = 1.0
        model[3].weight.fill_(1.0)
    clips = [torch.zeros(1, 1, 4, 4) for _ in range(3)]
    clips[1][0, 0, 0, 2] = 1.0
    clips[2][0, 0, 3, 1] = 1.0
    for by in ("relevance", "activation"):
        atlas = Atlas.build(model, clips, ["0"], composite("epsilon"), by=by, keep=2)
        assert [atlas.of("0", c)[0].clip for c in (0, 1)] == [1, 2]
        assert atlas.of("0", 0)[0].place == (0, 2) and len(atlas.of("0", 0)) == 2
    with pytest.raises(UsageError, match="got 2 of '0'"):
        atlas.of("0", 2)
    with pytest.raises(UsageError, match="at least one clip"):
        Atlas.build(model, [], ["0"], composite("epsilon"))


def test_the_hierarchy_names_the_channels_below(model):
    rules = composite("epsilon")
    with merged_batch_norms(model):
        model.conv2.weight = nn.Parameter(torch.zeros_like(model.conv2.weight))
        with torch.no_grad():
            model.conv2.weight[3, 2] = 1.0  # channel 3 sees channel 2 and nothing else
        shares = hierarchy(model, [picture(), picture() * 0.5], ("conv2", 3), "conv1", rules)
    assert shares[2].abs() == pytest.approx(1.0, abs=1e-3)
    assert shares[[0, 1, 3]].abs().max() == 0
    with pytest.raises(UsageError, match="no relevance passes"):
        hierarchy(model, [picture()], ("conv1", 0), "fc", rules)
