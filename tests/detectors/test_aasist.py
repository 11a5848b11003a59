# SPDX-License-Identifier: MIT
"""AASIST: names, shapes and logits of the released weights, polarity, slow attention twins."""

import json
from pathlib import Path

import numpy as np
import pytest

from unsung.errors import BundleError, UnknownName, UsageError

torch = pytest.importorskip("torch")

from unsung.detectors._graph_attention import GraphAttention, GraphPool, PairAttention
from unsung.detectors._sinc import SincBank
from unsung.detectors.aasist import AASIST, LENGTH

from .released import fill, published_tone, weights

FACTS = json.loads((Path(__file__).parents[1] / "fixtures" / "aasist_state_dicts.json").read_text())
SIZES = {"AASIST": ("full", 297_866), "AASIST-L": ("light", 85_306)}


@pytest.mark.parametrize("name", SIZES)
def test_names_shapes_and_parameters_are_the_released_ones(name):
    size, parameters = SIZES[name]
    network = AASIST(size).network
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert shapes == FACTS[name]["keys"]
    assert len(shapes) == 229
    assert sum(p.numel() for p in network.parameters()) == parameters == FACTS[name]["n_params"]


@pytest.mark.parametrize("name", SIZES)
def test_released_weights_score_as_their_authors_do(name):
    detector = AASIST.from_released(weights(f"aasist/{name}.pth"))
    sound = torch.from_numpy(published_tone(16000, LENGTH, True))
    with torch.no_grad():
        pair = detector.pair(detector.engines[0](sound))[0].numpy()
        logit = float(detector(sound))
    expected = FACTS[name]["fixture"]["output"]
    np.testing.assert_allclose(pair, expected, atol=1e-4)
    assert logit == pytest.approx(-expected[1], abs=1e-4)


def test_a_saved_state_loads_and_gives_the_same_logit(tmp_path):
    detector = AASIST("light")
    fill(detector.network)
    torch.save(detector.network.state_dict(), tmp_path / "l.pth")
    again = AASIST.from_released(tmp_path / "l.pth")
    sound = torch.from_numpy(published_tone(16000, LENGTH, True))
    with torch.no_grad():
        pair = detector.eval().pair(sound[:, None, None])
        assert float(again(sound)) == pytest.approx(-float(pair[0, 1]), abs=1e-5)
        assert float(detector(sound)) == pytest.approx(float(pair[0, 0] - pair[0, 1]), abs=1e-5)


def test_another_file_is_refused(tmp_path):
    state = AASIST("light").network.state_dict()
    del state["pos_S"]
    torch.save(state, tmp_path / "l.pth")
    with pytest.raises(BundleError, match="'pos_S' is missing"):
        AASIST.from_released(tmp_path / "l.pth")


class Stub(torch.nn.Module):
    """A cheap network whose answer tells which samples it heard."""

    def forward(self, waveform):
        parts = waveform[:, 0, ::1000], waveform[:, 0, 7::900]
        return torch.stack([part.sum(1) for part in parts], 1)


def test_short_clips_repeat_and_authors_hear_the_first_window_alone():
    detector = AASIST("light", score="authors").eval()
    detector.network = Stub()
    sound = torch.randn(1, 2 * LENGTH)
    first, second = sound.split(LENGTH, 1)
    assert torch.equal(detector(sound), detector(first))
    short = sound[:, :20000]
    assert torch.equal(detector(short), detector(short.repeat(1, 4)[:, :LENGTH]))
    detector.score = "difference"
    both = (detector(first) + detector(second)) / 2
    torch.testing.assert_close(detector(sound), both)
    with pytest.raises(UsageError, match="at least one sample"):
        detector(sound[:, :0])


def test_unused_norms_get_no_gradient():
    detector = AASIST("light")
    detector(0.1 * torch.randn(1, LENGTH)).sum().backward()
    for name, parameter in detector.named_parameters():
        assert (parameter.grad is None) == (".bn1." in name), name


def test_bands_pass_their_own_tone_and_no_other():
    bank = SincBank(70, 128)
    assert bank.bank.shape == (70, 1, 129)
    time = torch.arange(8000) / 16000
    for hz in (300.0, 1500.0, 5000.0):
        level = bank(torch.sin(2 * torch.pi * hz * time)[None, None])[0].square().mean(1)
        mel = 2595 * np.log10(1 + hz / 700)
        expected = int(mel / (2595 * np.log10(1 + 8000 / 700)) * 70)
        assert abs(int(level.argmax()) - expected) <= 1 + 3 * (hz < 1000)  # narrow ones leak


@torch.no_grad()
def test_graph_attention_against_a_slow_twin():
    torch.manual_seed(0)
    layer = GraphAttention(3, 4, 2.0).eval()
    nodes = torch.randn(1, 5, 3)
    weights_of = torch.zeros(5, 5)
    for i in range(5):
        for j in range(5):
            hidden = torch.tanh(layer.att_proj(nodes[0, i] * nodes[0, j]))
            weights_of[i, j] = (hidden @ layer.att_weight)[0] / 2.0
    attention = torch.stack([weights_of[i].softmax(0) for i in range(5)])
    mixed = layer.proj_with_att(attention @ nodes[0]) + layer.proj_without_att(nodes[0])
    expected = torch.selu(layer.bn(mixed))
    torch.testing.assert_close(layer(nodes)[0], expected)


@torch.no_grad()
def test_pair_attention_against_a_slow_twin():
    torch.manual_seed(0)
    layer = PairAttention(3, 4, 100.0).eval()
    first, second, master = torch.randn(1, 2, 3), torch.randn(1, 3, 3), torch.randn(1, 1, 3)
    nodes = [layer.proj_type1(x) for x in first[0]] + [layer.proj_type2(x) for x in second[0]]
    table = torch.zeros(5, 5)
    for i in range(5):
        for j in range(5):
            weight = layer.att_weight12
            if i < 2 and j < 2:
                weight = layer.att_weight11
            if i >= 2 and j >= 2:
                weight = layer.att_weight22
            hidden = torch.tanh(layer.att_proj(nodes[i] * nodes[j]))
            table[i, j] = (hidden @ weight)[0] / 100.0
    every = torch.stack(nodes)
    mixed = layer.proj_with_att(table.softmax(1) @ every) + layer.proj_without_att(every)
    expected = torch.selu(layer.bn(mixed))
    one, other, new_master = layer(first, second, master)
    torch.testing.assert_close(torch.cat([one, other], 1)[0], expected)
    heard = torch.tanh(layer.att_projM(every * master[0])) @ layer.att_weightM / 100.0
    mean = (heard.softmax(0) * every).sum(0)
    expected = layer.proj_with_attM(mean) + layer.proj_without_attM(master[0, 0])
    torch.testing.assert_close(new_master[0, 0], expected)


@torch.no_grad()
def test_pool_keeps_the_best_nodes_in_order_of_score():
    layer = GraphPool(0.5, 2).eval()
    nodes = torch.randn(1, 5, 2, generator=torch.Generator().manual_seed(0))
    scores = torch.sigmoid(layer.proj(nodes[0]))[:, 0]
    best = sorted(range(5), key=lambda i: -float(scores[i]))[:2]
    expected = torch.stack([nodes[0, i] * scores[i] for i in best])
    torch.testing.assert_close(layer(nodes)[0], expected)
    assert GraphPool(0.1, 2)(nodes).shape == (1, 1, 2)


def test_wrong_settings_say_what_is_right():
    with pytest.raises(UnknownName, match="no AASIST size named 'lite'"):
        AASIST("lite")
    with pytest.raises(UnknownName, match="no AASIST score"):
        AASIST(score="bona")
