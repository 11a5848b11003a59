# SPDX-License-Identifier: MIT
"""LCNN and RawNet2: shapes of the published layers, polarity, and that they learn."""

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.frontends.lfcc import Lfcc
from unsung.frontends.log_mel import LogMel
from unsung.frontends.mfcc import Mfcc

torch = pytest.importorskip("torch")

from unsung.detectors.lcnn import LCNN, _MaxFeatureMap
from unsung.detectors.rawnet2 import LENGTH, RawNet2

from .released import fill


def test_max_feature_map_keeps_the_larger_of_both_halves():
    picture = torch.tensor([1.0, -2.0, 3.0, -1.0])[None, :, None, None]
    assert _MaxFeatureMap()(picture).flatten().tolist() == [3.0, -1.0]


def test_lcnn_has_the_published_layers():
    detector = LCNN()
    convolutions = [m for m in detector.convolutions if isinstance(m, torch.nn.Conv2d)]
    shapes = [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convolutions]
    assert shapes == [
        (1, 64, 5), (32, 64, 1), (32, 96, 3), (48, 96, 1), (48, 128, 3), (64, 128, 1), (64, 64, 3),
        (32, 64, 1), (32, 64, 3),
    ]  # fmt: skip
    assert detector.output.in_features == 96
    assert detector.recurrent[0].lstm.hidden_size == 48
    norms = [m for m in detector.convolutions if isinstance(m, torch.nn.BatchNorm2d)]
    assert not any(norm.affine for norm in norms)


def test_lcnn_turns_the_sign_of_the_published_score():
    detector = LCNN().eval()
    sound = 0.1 * torch.randn(1, 64000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = detector(sound)
        detector.output.bias += 1.0  # more bona fide
        assert float(detector(sound)) == pytest.approx(float(before) - 1.0, abs=1e-5)


@pytest.mark.parametrize(
    "front_end",
    [Lfcc.preset("wavefake"), Mfcc(slope_orders=2), LogMel()],
    ids=["lfcc", "mfcc", "mel"],
)
def test_lcnn_takes_the_front_ends_of_singing_baselines(front_end):
    detector = LCNN(front_end, window_s=1.0).eval()
    assert detector(0.1 * torch.randn(2, front_end.sample_rate_hz)).shape == (2, 1)


def test_lcnn_refuses_too_few_rows():
    with pytest.raises(UsageError, match="at least 16 rows in the picture, got 13"):
        LCNN(Mfcc())


def test_lcnn_learns_to_tell_a_tone_from_noise():
    torch.manual_seed(0)
    detector = LCNN(window_s=0.5, dropout=0.0)
    time = torch.arange(8000) / 16000
    tones = torch.stack([0.1 * torch.sin(2 * torch.pi * hz * time) for hz in (300, 500, 900, 1500)])
    sounds = torch.cat([tones, 0.1 * torch.randn(4, 8000)])
    labels = torch.tensor([1.0] * 4 + [0.0] * 4)[:, None]
    pictures = detector.engines[0](sounds)
    optimiser = torch.optim.Adam(detector.parameters(), 3e-3)
    for _ in range(25):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(detector.head(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.2


def test_rawnet2_has_the_published_sizes():
    detector = RawNet2()
    assert detector.sinc.bank.shape == (20, 1, 1025)
    widths = [(b.conv1.in_channels, b.conv1.out_channels) for b in detector.blocks]
    assert widths == [(20, 20), (20, 20), (20, 128), (128, 128), (128, 128), (128, 128)]
    assert (detector.gru.num_layers, detector.gru.hidden_size) == (3, 1024)
    assert 17e6 < sum(p.numel() for p in detector.parameters()) < 18e6


def test_rawnet2_block_against_a_slow_twin():
    torch.manual_seed(0)
    block = RawNet2((4, 6), hidden=8, layers=1).blocks[0].eval()
    picture = torch.randn(1, 4, 30)
    inner = block.conv2(torch.nn.functional.leaky_relu(block.bn2(block.conv1(picture)), 0.3))
    joined = inner + block.conv_downsample(picture)
    pooled = torch.stack([joined[..., 3 * k : 3 * k + 3].amax(-1) for k in range(10)], -1)
    for channel in range(6):
        logit = (block.attention.weight[channel] * pooled[0].mean(1)).sum()
        weight = torch.sigmoid(logit + block.attention.bias[channel])
        expected = pooled[0, channel] * weight + weight
        torch.testing.assert_close(block(picture)[0, channel], expected)


def test_rawnet2_hears_its_window_and_has_no_dead_weights():
    torch.manual_seed(0)
    detector = RawNet2((20, 20, 32), hidden=16, layers=2)
    sound = 0.1 * torch.randn(2, LENGTH)
    detector(sound).sum().backward()
    for name, parameter in detector.named_parameters():
        assert (parameter.grad is None) == (".bn1." in name), name
    detector.eval()
    with torch.no_grad():
        tiled = sound[:, :30000].repeat(1, 3)[:, :LENGTH]
        assert torch.equal(detector(sound[:, :30000]), detector(tiled))


def test_rawnet2_sign():
    detector = fill(RawNet2((20, 20), hidden=8, layers=1)).eval()
    sound = torch.from_numpy(np.random.default_rng(0).standard_normal((1, LENGTH)).astype("f4"))
    with torch.no_grad():
        before = float(detector(sound))
        detector.output.bias[0] += 2.0  # spoof comes first
        assert float(detector(sound)) == pytest.approx(before + 2.0, abs=1e-5)
