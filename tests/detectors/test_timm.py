# SPDX-License-Identifier: MIT
"""Networks through timm: what is asked of it, what happens without it; timm itself is a double."""

import sys
import types

import pytest

torch = pytest.importorskip("torch")

from unsung import registry
from unsung.errors import MissingExtra, UnsungError

NAMES = {"convnext": "convnext_tiny", "efficientvit": "efficientvit_b1"}


class Network(torch.nn.Module):
    """Takes what timm's networks take: one channel, any size; gives one value."""

    def __init__(self, channels, classes):
        super().__init__()
        self.stem = torch.nn.Conv2d(channels, 4, 4, stride=4)
        self.head = torch.nn.Linear(4, classes)

    def forward(self, picture):
        self.seen = tuple(picture.shape)
        return self.head(self.stem(picture).mean((2, 3)))


@pytest.fixture
def timm(monkeypatch):
    module = types.ModuleType("timm")
    module.asked = []

    def create_model(name, pretrained=False, *, in_chans=3, num_classes=1000):
        if name not in NAMES.values():
            raise RuntimeError(f"Unknown model ({name})")
        if pretrained:
            raise OSError("no network")
        module.asked.append((name, in_chans, num_classes))
        return Network(in_chans, num_classes)

    module.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_one_channel_in_and_one_logit_out(name, timm):
    detector = registry.get("detectors", name)()
    logits = detector(0.1 * torch.randn(2, 80000))
    assert timm.asked == [(NAMES[name], 1, 1)]
    assert detector.backbone.seen == (2, 1, 224, 224)
    assert logits.shape == (2, 1)
    logits.sum().backward()
    assert detector.backbone.stem.weight.grad.any()


def test_a_side_of_its_own(timm):
    detector = registry.get("detectors", "convnext")(side=128)
    detector(0.1 * torch.randn(1, 80000))
    assert detector.backbone.seen == (1, 1, 128, 128)


def test_an_unknown_network_and_no_network(timm):
    kind = registry.get("detectors", "convnext")
    with pytest.raises(UnsungError, match=r"'convnext_tinny' \(Unknown model.*list_models"):
        kind("convnext_tinny")
    with pytest.raises(UnsungError, match=r"no network.*leave out pretrained"):
        kind(pretrained=True)


@pytest.mark.parametrize("name", NAMES)
def test_without_timm_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtra, match=r"needs the package 'timm'.*\[vision\]"):
        registry.get("detectors", name)()
