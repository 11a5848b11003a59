# SPDX-License-Identifier: MIT
"""ResNet18: published names and sizes, ImageNet files, what is frozen, what the network sees."""

import pytest

torch = pytest.importorskip("torch")

from unsung.detectors.resnet18 import ResNet18
from unsung.errors import BundleError, UsageError
from unsung.relevance import attribute, composite


def imagenet():
    """A state dict with torchvision's names and shapes, written out here and not by our class."""
    sizes = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 512), "fc.bias": (1000,)}
    norms = {"bn1": 64}
    for stage, width in enumerate((64, 128, 256, 512), 1):
        before = max(64, width // 2)
        for block in range(2):
            name = f"layer{stage}.{block}"
            into = before if block == 0 and stage > 1 else width
            sizes[f"{name}.conv1.weight"] = (width, into, 3, 3)
            sizes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            norms |= {f"{name}.bn1": width, f"{name}.bn2": width}
        if stage > 1:
            sizes[f"layer{stage}.0.downsample.0.weight"] = (width, before, 1, 1)
            norms[f"layer{stage}.0.downsample.1"] = width
    generator = torch.Generator().manual_seed(0)
    state = {name: 0.05 * torch.randn(size, generator=generator) for name, size in sizes.items()}
    for name, width in norms.items():
        state |= {f"{name}.{part}": torch.rand(width) + 0.5 for part in ("weight", "running_var")}
        state |= {f"{name}.{part}": torch.zeros(width) for part in ("bias", "running_mean")}
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)
    return state


def sound(seconds=10.0):
    generator = torch.Generator().manual_seed(1)
    return 0.1 * torch.randn(2, round(22050 * seconds), generator=generator)


def test_names_and_sizes_are_torchvisions():
    published = imagenet()
    learned = [v.numel() for k, v in published.items() if "running" not in k and "num" not in k]
    assert sum(learned) == 11_689_512  # stated by torchvision for 1000 classes
    assert published.keys() == ResNet18().state_dict().keys()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_imagenet_weights_fill_all_but_the_last_layer(suffix, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / f"resnet18{suffix}"
    (torch.save if suffix == ".pth" else save_file)(imagenet(), str(path))
    detector = ResNet18()
    detector.load_backbone(path)
    state = detector.state_dict()
    published = imagenet()
    assert torch.equal(
        state["layer3.0.downsample.0.weight"], published["layer3.0.downsample.0.weight"]
    )
    assert not state["fc.weight"].any()
    with torch.no_grad():
        assert not detector.eval()(sound()).any()


def test_one_channel_answers_to_grey_as_three_do(tmp_path):
    path = tmp_path / "resnet18.pth"
    torch.save(imagenet(), path)
    one, three = ResNet18(1), ResNet18(3)
    one.load_backbone(path)
    three.load_backbone(path)
    grey = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(one.conv1(grey), three.conv1(grey.expand(-1, 3, -1, -1)))


def test_another_network_is_refused(tmp_path):
    state = imagenet()
    del state["layer4.1.conv2.weight"]
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(BundleError, match=r"'layer4.1.conv2.weight' is missing"):
        ResNet18().load_backbone(tmp_path / "w.pth")


def test_frozen_means_that_only_the_last_layer_moves():
    detector = ResNet18(freeze=True).train()
    before = {key: value.clone() for key, value in detector.state_dict().items()}
    learning = [name for name, p in detector.named_parameters() if p.requires_grad]
    assert learning == ["fc.weight", "fc.bias"]
    optimiser = torch.optim.SGD([p for p in detector.parameters() if p.requires_grad], lr=1.0)
    detector(sound()).sum().backward()
    optimiser.step()
    moved = [key for key, value in detector.state_dict().items() if not value.equal(before[key])]
    assert moved == ["fc.weight", "fc.bias"]


def test_unfrozen_everything_moves():
    detector = ResNet18().train()
    detector(sound(2.0)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in detector.parameters())


def test_the_picture_does_not_know_how_loud_the_clip_is():
    detector = ResNet18(1)
    with torch.no_grad():
        loud = detector.image(detector.engines[0](sound()))
        quiet = detector.image(detector.engines[0](0.05 * sound()))
    assert loud.shape == (2, 1, 224, 224)
    torch.testing.assert_close(loud, quiet, atol=1e-4, rtol=0)


def test_three_channels_have_imagenets_normalisation():
    """The loudest value is white: (1 − mean) / deviation of red, green and blue."""
    picture = torch.zeros(1, 1, 128, 431)
    image = ResNet18().image(picture)
    expected = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert image[0, :, 5, 5].tolist() == pytest.approx(expected)


def test_two_channels_are_refused():
    with pytest.raises(UsageError, match=r"expected 1 or 3 channels, got 2"):
        ResNet18(2)


def test_relevance_is_shared_between_the_two_ways_of_a_block():
    """Where all is positive, what comes in is what goes out; ``a + b`` would hand it on twice."""
    torch.manual_seed(0)
    block = ResNet18(channels=1).layer1[0]
    block.bn1 = block.bn2 = torch.nn.Identity()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.abs_()
    model = torch.nn.Sequential(block, torch.nn.Flatten(), torch.nn.Linear(64 * 9, 1, bias=False))
    with torch.no_grad():
        model[2].weight.abs_()
    found = attribute(model.eval(), torch.rand(1, 64, 3, 3), 0, composite("epsilon"))
    assert float(found.heatmap.sum()) == pytest.approx(float(found.outputs[0, 0]), rel=1e-3)
