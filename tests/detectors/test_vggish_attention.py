# SPDX-License-Identifier: MIT
"""VGGish with attention: published layout, weights that sum to one and point at what differs."""

import pytest

torch = pytest.importorskip("torch")

from unsung.detectors.vggish_attention import VGGishAttention

PUBLISHED = {
    "features.0.weight": (64, 1, 3, 3), "features.3.weight": (128, 64, 3, 3),
    "features.6.weight": (256, 128, 3, 3), "features.8.weight": (256, 256, 3, 3),
    "features.11.weight": (512, 256, 3, 3), "features.13.weight": (512, 512, 3, 3),
}  # fmt: skip


def test_convolutions_have_the_published_names_and_shapes():
    state = VGGishAttention(batch_norm=False).state_dict()
    found = {k: tuple(v.shape) for k, v in state.items() if k.startswith("features.")}
    assert {k: v for k, v in found.items() if k.endswith("weight")} == PUBLISHED
    assert len(found) == 12


def test_attention_is_the_formula_and_sums_to_one():
    torch.manual_seed(0)
    detector = VGGishAttention().eval()
    picture = torch.randn(2, 1, 64, 161)
    with torch.no_grad():
        weights = detector.weights(picture)
        steps = detector.steps(picture)
        a = detector.attention
        hidden = torch.tanh(steps @ a.tanh.weight.T + a.tanh.bias)
        gate = 1 / (1 + torch.exp(-(steps @ a.gate.weight.T + a.gate.bias)))
        score = (hidden * gate) @ a.score.weight.T
        expected = torch.exp(score[..., 0]) / torch.exp(score[..., 0]).sum(1, keepdim=True)
        pooled = (expected[..., None] * steps).sum(1)
        logit = pooled @ detector.classifier.weight.T + detector.classifier.bias
    assert weights.shape == (2, 10)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(detector.head(picture), logit)


def test_it_learns_to_look_where_the_evidence_is():
    """A tone in one tenth of the time tells the classes apart; attention must settle on it."""
    torch.manual_seed(0)
    detector = VGGishAttention(dropout=0.0, hidden=16)
    detector.features = torch.nn.AvgPool2d(16)  # the attention alone, on sixteen bands
    detector.attention = type(detector.attention)(4, 16)
    detector.classifier = torch.nn.Linear(4, 1)
    optimiser = torch.optim.Adam(detector.parameters(), lr=0.05)
    for _ in range(150):
        picture, target = torch.randn(16, 1, 64, 160), torch.tensor([0.0, 1.0] * 8)[:, None]
        place = torch.randint(0, 10, (16,))
        for row in range(1, 16, 2):
            picture[row, :, 16:32, 16 * place[row] : 16 * place[row] + 16] += 2.0
        loss = torch.nn.functional.binary_cross_entropy_with_logits(detector.head(picture), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        found = detector.weights(picture[1::2]).argmax(1)
    assert loss.item() < 0.1
    assert (found == place[1::2]).all()


def test_ten_seconds_are_62_steps():
    detector = VGGishAttention()
    sound = 0.1 * torch.randn(1, 160000)
    assert detector.weights(detector.engines[0](sound)).shape == (1, 62)
