# SPDX-License-Identifier: MIT
"""Tokens painted where they lie: strips of SpecTTTra, patches of a grid, a layout of one's own."""

import numpy as np
import pytest
import torch
from tests.explainers.subjects import FRAMES, FREQS, clip, subject
from tests.relevance.networks import Block
from torch import nn

from unsung.detectors.spectttra import SpecTTTra
from unsung.errors import UsageError
from unsung.explainers import build
from unsung.explainers._tokens import TokenLayout, layout_of
from unsung.explainers._torch import subject_of_detector

NAMES = ["attention_rollout", "chefer", "generic_attention"]


class Strips(nn.Module):
    """Seven time strips as tokens; only the strip with the loudest level counts."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.block, self.head = (
            nn.Linear(FREQS * 9, 16),
            Block(16, 2, True),
            nn.Linear(16, 1),
        )

    def token_layout(self):
        spans = np.array([(0.0, 1.0, i / 7, (i + 1) / 7) for i in range(7)])
        return TokenLayout(spans, np.zeros(7, np.int64))

    def forward(self, picture):
        x = picture[:, 0].unfold(2, 9, 9).permute(0, 2, 1, 3).flatten(2)
        return self.head(self.block(self.embed(x / 50)).mean(1))


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_painted_in_their_strips(name):
    assert FRAMES == 63
    found = build(name)(subject(Strips()))
    strips = found.relevance[0].reshape(FREQS, 7, 9)
    assert strips == pytest.approx(np.broadcast_to(strips[:1, :, :1], strips.shape), abs=1e-7)
    assert strips.sum() > 0
    if name == "attention_rollout":
        assert strips.sum() == pytest.approx(1.0, abs=1e-4)  # rows of a rollout sum to one
    else:
        assert strips.sum() < 0.9  # the identity that the rules start from is taken away


def test_windows_are_painted_one_after_the_other():
    module = Strips()
    both = build("chefer")(subject(module, clip(2.0))).relevance
    first = build("chefer")(
        subject(module, clip(2.0).__class__(clip(2.0).samples[:, :16000], 16000))
    )
    assert both[0, :, :63] * 2 == pytest.approx(first.relevance[0], abs=1e-5)


@pytest.fixture(scope="module")
def spectttra():
    torch.manual_seed(0)
    return SpecTTTra("gamma", 5).eval()


def test_spectttra_lies_in_temporal_and_spectral_strips(spectttra):
    layout = layout_of(spectttra)
    temporal, spectral = (layout.spans[layout.kinds == kind] for kind in (0, 1))
    assert len(temporal) == 18 and len(spectral) == 25 and layout.special == 0
    assert (temporal[:, :2] == [0, 1]).all() and (spectral[:, 2:] == [0, 1]).all()
    assert temporal[1, 2] == pytest.approx(7 / 128) and spectral[2, 1] == pytest.approx(15 / 128)


@pytest.mark.parametrize("name", [*NAMES, "attn_lrp"])
def test_spectttra_is_explained_with_both_kinds_apart(spectttra, name):
    sound = clip(5.0)
    before = {k: v.clone() for k, v in spectttra.state_dict().items()}
    found = build(name)(subject_of_detector(spectttra, sound))
    assert np.isfinite(found.relevance).all() and np.abs(found.relevance).sum() > 0
    if name != "attn_lrp":
        assert found.relevance.shape == (2, 128, len(found.times_s))
        temporal, spectral = found.relevance
        assert temporal == pytest.approx(np.broadcast_to(temporal[:1], temporal.shape), abs=1e-9)
        assert spectral == pytest.approx(np.broadcast_to(spectral[:, :1], spectral.shape), abs=1e-9)
    assert all(torch.equal(before[k], v) for k, v in spectttra.state_dict().items())


def test_patches_of_a_grid_lie_row_by_row():
    from unsung.detectors.vit import ViT

    layout = layout_of(ViT(5))
    assert len(layout.spans) == 64 and layout.special == 0
    assert layout.spans[1] == pytest.approx([0, 1 / 8, 1 / 8, 2 / 8])
    assert layout.spans[8] == pytest.approx([1 / 8, 2 / 8, 0, 1 / 8])


@pytest.mark.parametrize("name", ["lrp", "crp"])
def test_layer_rules_refuse_a_transformer_rather_than_invent(spectttra, name):
    with pytest.raises(UsageError, match="use attn_lrp"):
        build(name)(subject_of_detector(spectttra, clip(5.0)))
