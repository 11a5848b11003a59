# SPDX-License-Identifier: MIT
"""Contrastive detector: losses against slow twins, stages of training, and that views meet."""

import math

import pytest

from unsung.errors import UnknownName, UsageError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from unsung.detectors._contrastive_losses import margin_loss, self_supervised, supervised
from unsung.detectors.contrastive import Contrastive, _CrossAttention


def unit(*shape, seed=0):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(values, dim=-1)


def slow_supervised(first, second, labels, temperature):
    """Khosla et al., equation 2, term by term."""
    views = [*first, *second]
    names = [*labels, *labels]
    total = 0.0
    for i, anchor in enumerate(views):
        others = [j for j in range(len(views)) if j != i]
        rest = sum(math.exp(float(anchor @ views[j]) / temperature) for j in others)
        positives = [j for j in others if names[j] == names[i]]
        inner = 0.0
        for j in positives:
            inner += math.log(math.exp(float(anchor @ views[j]) / temperature) / rest)
        total += -inner / len(positives)
    return total / len(views)


def test_supervised_loss_against_its_slow_twin():
    first, second, labels = unit(5, 8), unit(5, 8, seed=1), [0, 1, 0, 2, 1]
    found = supervised(first, second, torch.tensor(labels), 0.3)
    assert float(found) == pytest.approx(slow_supervised(first, second, labels, 0.3), abs=1e-5)


def test_self_supervised_loss_against_its_slow_twin():
    first, second = unit(4, 8), unit(4, 8, seed=1)
    views, total = [*first, *second], 0.0
    for i in range(8):
        rest = sum(math.exp(float(views[i] @ views[j]) / 0.2) for j in range(8) if j != i)
        total -= math.log(math.exp(float(views[i] @ views[(i + 4) % 8]) / 0.2) / rest)
    assert float(self_supervised(first, second, 0.2)) == pytest.approx(total / 8, abs=1e-5)


def test_losses_are_least_where_views_meet_and_have_gradients():
    together = unit(6, 16)
    assert self_supervised(together, together) < self_supervised(together, unit(6, 16, seed=3))
    views = unit(6, 16).requires_grad_()
    supervised(views, unit(6, 16, seed=2), torch.tensor([0, 0, 1, 1, 2, 2])).backward()
    assert torch.isfinite(views.grad).all()
    assert views.grad.abs().sum() > 0


def test_margin_loss_by_hand():
    first = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    second = torch.tensor([[0.3, 0.4], [0.3, 0.4], [3.0, 4.0]])
    found = margin_loss(first, second, torch.tensor([True, False, False]), margin=1.0)
    assert float(found) == pytest.approx((0.25 + 0.25 + 0.0) / 3, abs=1e-5)


def test_losses_refuse_what_cannot_be_compared():
    with pytest.raises(UsageError, match="at least 2 items in a batch, got 1"):
        self_supervised(unit(1, 4), unit(1, 4))
    with pytest.raises(UsageError, match="a label for each item"):
        supervised(unit(3, 4), unit(3, 4), torch.tensor([0, 1]))


@pytest.fixture(scope="module")
def pictures():
    detector = Contrastive(window_s=1.0)
    sound = 0.1 * torch.randn(4, 16000, generator=torch.Generator().manual_seed(0))
    return tuple(engine(sound) for engine in detector.engines)


def made(**options):
    torch.manual_seed(0)
    return Contrastive(window_s=1.0, **options)


def test_views_have_length_one_and_the_asked_size(pictures):
    first, second = made().eval().views(*pictures)
    assert first.shape == second.shape == (4, 128)
    for view in (first, second):
        torch.testing.assert_close(view.norm(dim=1), torch.ones(4))
    assert made(projection=32).views(*pictures)[0].shape == (4, 32)


@torch.no_grad()
def test_losses_weigh_both_kinds(pictures):
    detector = made().eval()
    labels = torch.tensor([0, 0, 1, 1])
    first, second = detector.views(*pictures)
    one = supervised(first, second, labels, 0.1)
    other = self_supervised(first, second, 0.1)
    for share in (0.0, 0.25, 1.0):
        logits, loss = detector.losses(pictures, labels, supervision=share)
        torch.testing.assert_close(loss, share * one + (1 - share) * other)
        torch.testing.assert_close(logits, detector.head(*pictures))
    with pytest.raises(UsageError, match="supervision of 0 to 1"):
        detector.losses(pictures, labels, supervision=2.0)


@torch.no_grad()
def test_cross_attention_against_a_slow_twin():
    layer = _CrossAttention(4, 2)
    own, other = torch.randn(1, 3, 4), torch.randn(1, 5, 4)
    query = layer.query(layer.norm(own))[0]
    key, value = layer.key_value(layer.norm_other(other))[0].split(4, dim=1)
    rows = []
    for token in range(3):
        parts = []
        for head in range(2):
            cut = slice(2 * head, 2 * head + 2)
            weight = (key[:, cut] @ query[token, cut] / math.sqrt(2)).softmax(0)
            parts.append(weight @ value[:, cut])
        rows.append(own[0, token] + layer.output(torch.cat(parts)))
    torch.testing.assert_close(layer(own, other)[0], torch.stack(rows))


def learning(detector):
    return {name for name, p in detector.named_parameters() if p.requires_grad}


def test_stages_choose_what_learns():
    detector = made()
    detector.set_stage("probe")
    assert learning(detector) == {"probe.weight", "probe.bias"}
    detector.set_stage("frozen")
    frozen = learning(detector)
    assert not any(name.startswith("encoder.") for name in frozen)
    assert "spectral.0.weight" in frozen
    detector.set_stage("last_layers", 1)
    added = learning(detector) - frozen
    assert added
    assert all(name.startswith("encoder.encoder.layers.2.") for name in added)
    detector.set_stage("all")
    assert "encoder.feature_extractor.conv_layers.0.conv.weight" in learning(detector)


def test_a_frozen_encoder_keeps_its_dropout_off():
    detector = made()
    detector.set_stage("frozen")
    detector.train()
    assert not detector.encoder.training
    assert detector.spectral.training
    detector.set_stage("all")
    detector.train()
    assert detector.encoder.training


@pytest.mark.parametrize("cross_attention", [True, False])
def test_a_few_steps_bring_both_views_of_a_recording_together(pictures, cross_attention):
    detector = made(cross_attention=cross_attention)
    detector.set_stage("frozen")
    detector.train()
    labels = torch.arange(4)
    optimiser = torch.optim.Adam([p for p in detector.parameters() if p.requires_grad], 2e-3)
    values = []
    for _ in range(20):
        logits, loss = detector.losses(pictures, labels, supervision=0.0)
        (loss + 0.0 * logits.sum()).backward()
        optimiser.step()
        optimiser.zero_grad()
        values.append(float(loss.detach()))
    assert values[-1] < 0.5 * values[0]


def test_a_checkpoint_starts_frozen_and_is_not_shared(tmp_path, pictures):
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,) * 7, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    transformers.Wav2Vec2Model(config).save_pretrained(tmp_path / "w")
    one, other = made(checkpoint=str(tmp_path / "w")), made(checkpoint=str(tmp_path / "w"))
    assert one.stage == "frozen"
    with torch.no_grad():
        one.encoder.feature_projection.projection.weight.zero_()
    assert other.encoder.feature_projection.projection.weight.abs().sum() > 0
    assert other.eval().head(*pictures).shape == (4, 1)


def test_wrong_settings_say_what_is_right():
    with pytest.raises(UnknownName, match="no stage named 'warm'"):
        made().set_stage("warm")
    with pytest.raises(UsageError, match="1 to 3 last layers, got 9"):
        made().set_stage("last_layers", 9)
    with pytest.raises(UsageError, match="multiple of attention_heads, got 30 and 4"):
        made(projection=30)
