# SPDX-License-Identifier: MIT
"""Instrument CNN: published sizes, depths, outputs, and what the network sees."""

import pytest

torch = pytest.importorskip("torch")

from unsung.detectors.instrument_cnn import INSTRUMENTS, InstrumentCNN
from unsung.errors import UsageError


def count(detector):
    return sum(p.numel() for p in detector.parameters())


def test_published_size_and_names():
    detector = InstrumentCNN()
    assert count(detector) == 855_948
    assert detector.fc.in_features == 67_712
    shapes = [tuple(getattr(detector, f"conv{n}").weight.shape) for n in (1, 2, 3, 4)]
    assert shapes == [(8, 3, 3, 3), (16, 8, 3, 3), (32, 16, 3, 3), (128, 32, 3, 3)]


def test_one_channel_saves_two_thirds_of_the_first_layer():
    assert count(InstrumentCNN()) - count(InstrumentCNN(channels=1)) == 2 * 8 * 9


@pytest.mark.parametrize("layers", [2, 4, 6, 8])
def test_every_depth_learns(layers):
    detector = InstrumentCNN(layers).train()
    names = [name for name in detector.state_dict() if name.startswith("conv")]
    assert len(names) == 2 * layers
    sound = 0.1 * torch.randn(2, 22050 * 3, generator=torch.Generator().manual_seed(0))
    logits = detector(sound)
    assert logits.shape == (2, 12)
    logits.square().sum().backward()
    # batch norm takes a constant away again: the biases before it have no gradient
    without = [n for n, p in detector.named_parameters() if p.grad is None or not p.grad.any()]
    assert [name for name in without if not name.startswith("conv")] == []


def test_outputs_are_the_corpus_of_the_study():
    from unsung.synthesis.instruments.plan import PRESETS
    from unsung.synthesis.instruments.table import PROGRAMS

    programs = PRESETS["wimu"].programs
    assert tuple(PROGRAMS[number].name for number in programs) == INSTRUMENTS
    assert InstrumentCNN().outputs == INSTRUMENTS


def test_own_instruments():
    detector = InstrumentCNN(instruments=("violin", "viola"), channels=1)
    assert detector.outputs == ("violin", "viola")
    assert detector(torch.randn(1, 66150)).shape == (1, 2)


def test_the_loudest_is_white_and_80_db_below_is_black():
    detector = InstrumentCNN(channels=1)
    time = torch.arange(66150) / 22050
    tone = torch.sin(2 * torch.pi * 1000 * time)[None]
    with torch.no_grad():
        image = detector.image(detector.engines[0](tone))
    assert image.shape == (1, 1, 400, 400)
    assert float(image.max()) == pytest.approx(1.0, abs=0.05)
    assert float(image.min()) == pytest.approx(-1.0, abs=0.01)
    row = int(image[0, 0, :, 200].argmax())
    freqs = detector.front_ends[0].freqs_hz
    assert freqs[round(row * 512 / 400)] == pytest.approx(1000, rel=0.05)


def test_wrong_settings_are_named():
    with pytest.raises(UsageError, match=r"expected layers of \[2, 4, 6, 8\], got 5"):
        InstrumentCNN(5)
    with pytest.raises(UsageError, match=r"at least one instrument"):
        InstrumentCNN(instruments=())


def test_half_the_side_has_a_fifth_of_the_last_layer():
    detector = InstrumentCNN(side=200, channels=1).eval()
    assert detector.fc.in_features == 128 * 10 * 10
    assert detector(torch.randn(1, 66150)).shape == (1, 12)
    with pytest.raises(UsageError, match="side of at least 160, got 100"):
        InstrumentCNN(side=100)


def test_pooling_before_rectifying_changes_nothing():
    detector = InstrumentCNN(channels=1, side=200).eval()
    image = torch.randn(2, 1, 200, 200, generator=torch.Generator().manual_seed(0))
    hidden = image
    with torch.no_grad():
        for number in (1, 2, 3, 4):
            conv, norm = (getattr(detector, f"{kind}{number}") for kind in ("conv", "bn"))
            hidden = torch.nn.functional.max_pool2d(torch.relu(norm(conv(hidden))), 2)
        wanted = detector.fc(hidden.flatten(1))
        assert torch.allclose(detector.classify(image), wanted, atol=1e-5)
