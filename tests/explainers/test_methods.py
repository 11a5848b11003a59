# SPDX-License-Identifier: MIT
"""Every method on detectors with a known answer: linear, constant, a tone; the model untouched."""

import copy

import numpy as np
import pytest
import torch
from tests.explainers.subjects import FRONT_END, Constant, Linear, ToneDetector, clip, subject

from unsung import registry
from unsung.errors import UnknownName, UsageError
from unsung.explainers.base import build

GRADIENT = {
    "integrated_gradients": {"steps": 8},
    "gradient_input": {},
    "smooth_grad": {"copies": 3},
    "shap_gradient": {"samples": 4},
}
GRID = {
    "occlusion": {"bands": 6, "segment_s": 0.25},
    "shap_partition": {"bands": 4, "segment_s": 0.5, "evaluations": 200},
    "shap_kernel": {"bands": 3, "segment_s": 0.5, "samples": 300},
    "lime": {"bands": 3, "segment_s": 0.5, "samples": 200, "ridge": 1e-9},
}
LAYERED = {"lrp": {"composite": "epsilon"}, "crp": {"composite": "epsilon", "channels": 2}}
NOT_OF_THE_MODEL = {"random": {}, "edge_detector": {}}
ALL = GRADIENT | GRID | LAYERED | {"attn_lrp": {}, "grad_cam": {}} | NOT_OF_THE_MODEL


def product(s):
    module = s.network().module
    return module.weights() * (s.planes[0].values - s.planes[0].mean)


def test_every_method_is_tested_here_or_with_its_own_kind():
    elsewhere = {"exact_linear", "attention_rollout", "chefer", "generic_attention"}
    assert set(registry.names("explainers")) == set(ALL) | elsewhere


@pytest.mark.parametrize("name", GRADIENT)
def test_gradients_of_a_linear_model_give_w_times_x(name):
    s = subject(Linear())
    found = build(name, GRADIENT[name])(s)
    want = product(s)
    assert found.relevance == pytest.approx(want, abs=1e-4)
    assert found.gap == pytest.approx(0.0, abs=1e-3)
    assert found.baseline == pytest.approx(s.logit - want.sum(), abs=1e-3)


@pytest.mark.parametrize("name", ["lrp", "attn_lrp"])
def test_propagation_through_a_linear_model_gives_w_times_x(name):
    s = subject(Linear())
    found = build(name, {"composite": "epsilon"} if name == "lrp" else {})(s)
    want = s.network().module.weights() * s.planes[0].values
    assert found.relevance == pytest.approx(want, abs=2e-4)
    assert found.gap == pytest.approx(1.0, abs=2e-2)  # the bias is nobody's


@pytest.mark.parametrize("name", GRID)
def test_grids_on_a_linear_model_give_the_sums_of_w_times_x(name):
    s = subject(Linear())
    found = build(name, GRID[name])(s)
    bands, segments = GRID[name]["bands"], round(0.992 / GRID[name]["segment_s"])
    want, got = product(s)[0], found.relevance[0]
    hz = s.planes[0].freqs_hz
    rows = np.minimum((hz - hz[0]) / (hz[-1] - hz[0]) * bands, bands - 1e-9).astype(int)
    when = s.planes[0].times_s
    columns = np.minimum(when / when[-1] * segments, segments - 1e-9).astype(int)
    for row in range(bands):
        for column in range(segments):
            cell = np.ix_(rows == row, columns == column)
            assert got[cell].sum() == pytest.approx(want[cell].sum(), abs=0.02), (row, column)
    assert found.gap == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("name", [*GRADIENT, *GRID, "attn_lrp"])
def test_a_constant_model_has_no_relevance(name):
    found = build(name, ALL[name])(subject(Constant()))
    assert np.abs(found.relevance).max() < 1e-6
    assert found.logit == pytest.approx(2.5) and found.baseline == pytest.approx(2.5)


@pytest.mark.parametrize("name", [*GRADIENT, *GRID, *LAYERED, "attn_lrp", "grad_cam"])
def test_a_tone_detectors_relevance_sits_at_the_tone(name):
    settings = dict(ALL[name])
    if name in ("integrated_gradients", "gradient_input", "smooth_grad", "shap_gradient", *GRID):
        settings["baseline"] = "silence"
    s = subject(ToneDetector())
    total = np.maximum(build(name, settings)(s).relevance.sum(0), 0)
    band = s.network().module.band
    hz = FRONT_END.freqs_hz
    width = 2 if name not in GRID else int(np.ceil(len(hz) / settings["bands"])) + 1
    near = slice(max(0, band - width), band + width + 1)
    if name != "grad_cam":  # its map has no frequency of its own after a pooled layer
        assert total[near].sum() > 0.75 * total.sum()
    late = total[:, len(s.times_s) // 2 :].sum()
    assert late > 0.7 * total.sum()


@pytest.mark.parametrize("name", ALL)
def test_the_model_is_left_as_it_was(name):
    module = ToneDetector()
    s = subject(module)
    module.train()  # also the mode and the flags must come back
    module.out.weight.requires_grad_(False)
    parameters = dict(module.named_parameters())
    before = copy.deepcopy(module.state_dict())
    state = torch.get_rng_state()
    kept = np.random.get_state()[1].copy()
    try:
        build(name, ALL[name])(s)
    except UsageError:
        module.eval()
        build(name, ALL[name])(s)
        module.train()
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
    assert all(parameters[k] is p for k, p in module.named_parameters())
    assert not module.out.weight.requires_grad and module.conv.weight.requires_grad
    assert all(p.grad is None for p in module.parameters())
    assert not any(m._forward_hooks for m in module.modules())
    assert torch.equal(state, torch.get_rng_state())
    assert (np.random.get_state()[1] == kept).all()


@pytest.mark.parametrize("name", [*GRADIENT, "lrp", "occlusion", "random"])
def test_the_human_target_turns_all_signs(name):
    s = subject(Linear())
    ai, human = build(name, ALL[name])(s), build(name, ALL[name])(s, "human")
    assert human.target == "human" and human.logit == -ai.logit
    assert (human.relevance == -ai.relevance).all()
    assert human.gap == pytest.approx(-ai.gap, abs=1e-5)


def test_integration_closes_the_gap_with_more_steps():
    class Curved(Linear):
        def forward(self, picture):
            return 5 * torch.tanh(super().forward(picture) / 20)

    s = subject(Curved())
    gaps = [
        abs(build("integrated_gradients", {"steps": n, "baseline": "silence"})(s).gap)
        for n in (1, 50)
    ]
    assert gaps[1] < 1e-3 and gaps[0] > 0.02


def test_integration_equals_a_slow_sum_over_the_path():
    s = subject(ToneDetector())
    found = build("integrated_gradients", {"steps": 5})(s).relevance
    points, weights = np.polynomial.legendre.leggauss(5)
    plane = s.planes[0]
    total = np.zeros_like(plane.values)
    for point, weight in zip(points, weights, strict=True):
        at = plane.mean + np.float32((point + 1) / 2) * (plane.values - plane.mean)
        leaf = torch.from_numpy(at[None]).requires_grad_()
        (slope,) = torch.autograd.grad(s.network()(leaf).sum(), leaf)
        total += weight / 2 * slope[0].numpy()
    assert found == pytest.approx(total * (plane.values - plane.mean), abs=1e-4)


def test_windows_are_explained_side_by_side():
    sound = clip(2.0)
    both = build("gradient_input")(subject(Linear(), sound))
    assert both.relevance.shape == (1, 24, 126) and both.times_s[63] == pytest.approx(1.0)
    assert both.gap == pytest.approx(0.0, abs=1e-3)


def test_the_maps_of_crp_add_up_to_lrp():
    s = subject(ToneDetector())
    whole = build("lrp", {"composite": "epsilon"})(s)
    parts = build("crp", {"composite": "epsilon", "channels": 1, "layer": "conv"})(s)
    assert parts.relevance.shape[0] == 2
    assert parts.relevance.sum(0) == pytest.approx(whole.relevance.sum(0), abs=1e-5)
    assert np.abs(parts.relevance[1]).max() < 1e-6  # the other channel is not used


def test_wrong_settings_are_told():
    s = subject(Linear())
    with pytest.raises(UnknownName, match="did you mean 'steps'"):
        build("integrated_gradients", {"step": 3})
    with pytest.raises(UnknownName, match="did you mean 'occlusion'"):
        build("oclusion")
    with pytest.raises(UnknownName, match="no target named 'robot'"):
        build("occlusion")(s, "robot")
    with pytest.raises(UnknownName, match="no baseline named 'zero'"):
        build("gradient_input", {"baseline": "zero"})(s)
    with pytest.raises(UsageError, match="--reference"):
        build("gradient_input", {"baseline": "human"})(s)
    with pytest.raises(UsageError, match="expected a linear detector"):
        build("exact_linear")(s)
    with pytest.raises(UsageError, match="a layer before the last"):
        build("crp")(s)
    with pytest.raises(UsageError, match="with convolutions"):
        build("grad_cam")(s)
    with pytest.raises(UsageError, match="token_layout"):
        build("chefer")(s)
    with pytest.raises(UnknownName, match="did you mean 'mix'"):
        build("crp", {"layer": "mixx"})(subject(ToneDetector()))
