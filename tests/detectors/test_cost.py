# SPDX-License-Identifier: MIT
"""Counted arithmetic against formulas worked out by hand."""

import pytest

torch = pytest.importorskip("torch")

from unsung.detectors._cost import cost
from unsung.detectors.instrument_cnn import InstrumentCNN
from unsung.detectors.spectttra import SpecTTTra


def test_convolutions():
    """Four convolutions without padding, each halved: 398, 197, 96 and 46 rows and columns."""
    sizes = [(3, 8, 398), (8, 16, 197), (16, 32, 96), (32, 128, 46)]
    products = sum(9 * before * width * side * side for before, width, side in sizes)
    found = cost(InstrumentCNN())
    assert found.n_parameters == 855_948
    assert found.flops == 2 * (products + 67_712 * 12)
    assert found.flops_per_audio_s == found.flops / 3.0


def test_a_transformer():
    """Tokenizers, twelve blocks of four projections and two products of tokens, a classifier."""
    n, d, hidden = 43, 384, 1025
    block = n * d * (3 * d) + n * d * d + 2 * n * d * hidden + 2 * n * n * d
    strips = 18 * 128 * 7 * d + 25 * 128 * 5 * d
    assert cost(SpecTTTra("gamma")).flops == 2 * (12 * block + strips + d)


def test_the_mode_comes_back():
    detector = InstrumentCNN(2).train()
    statistics = detector.bn1.running_mean.clone()
    cost(detector)
    assert detector.training
    assert torch.equal(detector.bn1.running_mean, statistics)
