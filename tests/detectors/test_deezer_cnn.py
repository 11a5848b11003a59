# SPDX-License-Identifier: MIT
"""Deezer's CNN: published sizes and order of layers for each of its five inputs, and its heads."""

import pytest

torch = pytest.importorskip("torch")

from unsung.detectors.deezer_cnn import INPUTS, DeezerCNN
from unsung.errors import UnknownName


def published_count(detector):
    """Keras counts running statistics among the parameters."""
    running = [v for k, v in detector.state_dict().items() if "running" in k]
    return sum(v.numel() for v in [*detector.parameters(), *running])


def sound(n_samples=34398):
    return 0.1 * torch.randn(2, n_samples, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("kind", "count"), [("amplitude", 1_643_595), ("raw", 6_246_155)])
def test_published_sizes(kind, count):
    assert published_count(DeezerCNN(kind)) == count


@pytest.mark.parametrize(("kind", "channels"), [("complex", 2), ("phase", 2), ("polar", 3)])
def test_more_channels_only_widen_the_first_layer(kind, channels):
    more = published_count(DeezerCNN(kind)) - published_count(DeezerCNN("amplitude"))
    assert more == 9 * 16 * (channels - 1)


def test_the_window_is_64_frames_up_to_16_khz():
    detector = DeezerCNN()
    assert detector.engines[0](sound()).shape == (2, 1, 743, 64)
    assert 15950 < detector.front_ends[0].freqs_hz[-1] < 16000
    assert round(detector.window_s * 44100) == 34398


@pytest.mark.parametrize("kind", INPUTS)
def test_every_input_gives_both_heads_and_learns(kind):
    detector = DeezerCNN(kind).train()
    picture = detector.engines[0](sound())
    logits = detector.head(picture[..., :4000])  # raw: a part, for speed
    assert detector.outputs[:2] == ("ai", "human")
    assert logits.shape == (2, 11)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in detector.parameters())


@pytest.mark.parametrize("kind", ["amplitude", "raw"])
def test_order_of_layers(kind):
    """Convolution, ReLU, pooling, then batch norm: a block's output has mean 0, not minimum 0."""
    block = DeezerCNN(kind).features[1].train()
    names = [type(layer).__name__[:4] for layer in block]
    assert names == ["Conv", "ReLU", "MaxP", "Batc"]
    assert block[3].eps == 1e-3
    assert block[3].momentum == pytest.approx(0.01)  # Keras' 0.99 counts what is kept
    assert DeezerCNN(kind, momentum=0.1).features[1][3].momentum == 0.1


def test_pooling_of_the_raw_network():
    pools = [block[2].kernel_size for block in DeezerCNN("raw").features]
    assert pools == [1, 3, 3, 3, 3, 3]


def test_own_generators_name_the_outputs():
    detector = DeezerCNN(generators=("human", "suno"))
    assert detector.outputs == ("ai", "human", "suno")
    assert detector(sound()).shape == (2, 3)


def test_a_wrong_input_is_named():
    with pytest.raises(UnknownName, match=r"did you mean 'amplitude'"):
        DeezerCNN("amplitud")
