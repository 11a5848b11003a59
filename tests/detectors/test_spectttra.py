# SPDX-License-Identifier: MIT
"""SpecTTTra and its ViT against facts measured with the published code on fixed weights and sound.

`fixtures/sonics_state_dicts.json` holds names and shapes of all weights of the eight models, and
for three of them logit, picture and tokens; weights and sound are the formulas below.
"""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unsung.detectors._sonics import published_settings
from unsung.detectors._transformer import Attention
from unsung.detectors.spectttra import SpecTTTra
from unsung.detectors.vit import ViT
from unsung.errors import BundleError, UnknownName, UsageError

FACTS = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "sonics_state_dicts.json").read_text("utf-8")
)
VARIANTS = {"spectttra_f1t3": "alpha", "spectttra_f3t5": "beta", "spectttra_f5t7": "gamma"}
MEASURED = [name for name in FACTS if "fixture" in FACTS[name]]


def build(name, mode="production"):
    model, seconds = name.split("-")
    seconds = int(seconds.removesuffix("s"))
    return ViT(seconds, mode) if model == "vit" else SpecTTTra(VARIANTS[model], seconds, mode)


def fill(detector):
    """Sines of the flat index, another phase for each name in sorted order."""
    state = detector.state_dict()
    learned = [key for key in sorted(state) if not key.startswith("ft_extractor.")]
    for number, key in enumerate(learned, 1):
        wave = np.sin(0.731 * np.arange(state[key].numel()) + 1.37 * number)
        if "norm" in key and key.endswith("weight"):
            wave = 1 + 0.1 * wave
        else:
            wave = (0.5 if key.startswith("classifier.") else 0.04) * wave
        state[key] = torch.from_numpy(wave.astype("f4").reshape(state[key].shape))
    detector.load_state_dict(state)
    return detector.eval()


def sound(seconds):
    """A tone, a rising tone and a beating one, of unit deviation."""
    time = np.arange(seconds * 16000) / 16000
    x = 0.3 * np.sin(2 * np.pi * 220 * time)
    x += 0.2 * np.sin(2 * np.pi * (300 + 400 * time / time[-1]) * time)
    x += 0.1 * np.sin(2 * np.pi * 3000 * time) * np.sin(2 * np.pi * 2 * time)
    return torch.from_numpy((x / x.std()).astype("f4"))[None]


@pytest.mark.parametrize("name", FACTS)
def test_names_and_shapes_are_the_published_ones(name):
    detector = build(name)
    state = {key: list(value.shape) for key, value in detector.state_dict().items()}
    assert state == FACTS[name]["keys"]
    assert sum(p.numel() for p in detector.parameters()) == FACTS[name]["n_params"]


@pytest.mark.parametrize("mode", ["production", "repo", "space"])
@pytest.mark.parametrize("name", MEASURED)
def test_published_scores(name, mode):
    facts, detector = FACTS[name]["fixture"], fill(build(name, mode))
    samples = sound(detector.seconds)
    with torch.no_grad():
        picture = detector.engines[0](samples)
        level = detector.standardised(picture)
        tokens = detector.tokens(picture)
        logit = float(detector(samples))
    assert list(level[:, 0].shape) == facts["spec_shape"]
    assert level[0, 0, 0, :5].tolist() == pytest.approx(facts["spec[0,0,:5]"], abs=1e-4)
    assert level[0, 0, 64, 40:45].tolist() == pytest.approx(facts["spec[0,64,40:45]"], abs=1e-4)
    assert float(level.max()) == pytest.approx(facts["spec_max"], abs=1e-4)
    assert list(tokens.shape) == facts["tokens_shape"]
    assert tokens[0, 0, :4].tolist() == pytest.approx(facts["feats[0,0,:4]"], abs=1e-4)
    assert float(tokens.abs().mean()) == pytest.approx(facts["feats_absmean"], abs=1e-4)
    assert logit == pytest.approx(facts["logit"], abs=1e-4)


@pytest.mark.parametrize(
    ("name", "alone", "beside"),
    [("spectttra_f1t3-5s", -4.257, -1.529), ("spectttra_f5t7-5s", 0.796, -1.643)],
)
def test_a_loud_batch_mate_changes_the_published_score_but_not_ours(name, alone, beside):
    quiet = 0.001 * sound(5)
    batch = torch.cat([quiet, sound(5)])
    published, ours = fill(build(name, "space")), fill(build(name))
    with torch.no_grad():
        assert float(published(quiet)) == pytest.approx(alone, abs=2e-3)
        assert float(published(batch)[0]) == pytest.approx(beside, abs=1e-3)
        assert float(ours(batch)[0]) == pytest.approx(float(ours(quiet)), abs=1e-4)


class TestClips:
    """Which piece of a clip the two published programs hear: its samples are its own numbers."""

    def heard(self, mode, length):
        samples = torch.arange(1.0, length + 1)[None]
        return SpecTTTra("gamma", 5, mode).clip(samples)[0]

    def test_the_loader_starts_at_three_quarters_of_the_rest_and_sets_the_deviation(self):
        heard = self.heard("repo", 80000 + 1000)
        assert float(heard.std(correction=0)) == pytest.approx(1.0, abs=1e-4)
        ramp = np.arange(80000) + 1 + 750
        np.testing.assert_allclose(heard.numpy(), ramp / ramp.std(), rtol=1e-4)

    def test_the_demonstration_hears_the_middle_whole_piece_as_it_is(self):
        assert self.heard("space", 3 * 80000 + 5)[[0, -1]].tolist() == [80001, 160000]
        assert self.heard("space", 2 * 80000)[0] == 80001
        assert self.heard("space", 159999)[0] == 1

    @pytest.mark.parametrize("mode", ["repo", "space"])
    def test_a_short_clip_ends_in_silence(self, mode):
        heard = self.heard(mode, 100)
        assert len(heard) == 80000
        assert (heard[100:] == 0).all()
        assert (heard[:100] > 0).all()

    def test_silence_stays_silence(self):
        assert not SpecTTTra(mode="repo").clip(torch.zeros(1, 90000)).any()


def test_all_of_a_long_clip_counts():
    detector = fill(SpecTTTra("gamma", 5))
    pieces = [sound(5), 0.3 * sound(5).flip(1)]
    with torch.no_grad():
        expected = sum(detector(piece) for piece in pieces) / 2
        came = detector(torch.cat(pieces, 1))
        assert abs(float(came - detector(pieces[0]))) > 1e-3
    torch.testing.assert_close(came, expected, atol=1e-5, rtol=1e-5)


def test_fused_attention_is_the_plain_formula():
    torch.manual_seed(0)
    attention = Attention(24, 3).eval()
    tokens = torch.randn(2, 7, 24)
    rows = []
    with torch.no_grad():
        for clip in tokens:
            mixed = []
            projected = clip @ attention.qkv.weight.T
            for head in range(3):
                q, k, v = (projected[:, 24 * part :][:, 8 * head :][:, :8] for part in range(3))
                weights = torch.exp(q @ k.T / 8**0.5)
                mixed.append(weights / weights.sum(1, keepdim=True) @ v)
            rows.append(torch.cat(mixed, 1) @ attention.proj.weight.T + attention.proj.bias)
        torch.testing.assert_close(attention(tokens), torch.stack(rows))


def test_gradients_reach_every_weight():
    for detector in (SpecTTTra(), ViT()):
        detector.train()(sound(5)).sum().backward()
        without = [
            name
            for name, p in detector.named_parameters()
            if p.grad is None or not p.grad.abs().sum() > 0
        ]
        assert without == []


def test_weights_of_another_spectrogram_are_refused():
    state = SpecTTTra().state_dict()
    state["ft_extractor.audio2melspec.mel_scale.fb"] = torch.ones(1025, 128)
    with pytest.raises(BundleError, match=r"fb' differs .* another spectrogram"):
        SpecTTTra().load_state_dict(state)


def test_a_state_dict_goes_out_and_comes_back_in_every_wrapping():
    first, second = SpecTTTra(), SpecTTTra()
    second.load_state_dict(first.state_dict())
    wrapped = torch.nn.ModuleDict({"module": second})
    assert {k.removeprefix("module.") for k in wrapped.state_dict()} == first.state_dict().keys()
    wrapped.load_state_dict({f"module.{k}": v for k, v in first.state_dict().items()})
    with torch.no_grad():
        samples = sound(5)
        assert torch.equal(first.eval()(samples), second.eval()(samples))


def test_published_configurations_name_our_settings():
    config = {"audio": {"max_time": 120}, "model": {"name": "SpecTTTra", "t_clip": 5, "f_clip": 3}}
    expected = ("spectttra", {"variant": "beta", "seconds": 120})
    assert published_settings(config, "x") == expected
    config["model"]["name"] = "ViT"
    assert published_settings(config, "x") == ("vit", {"seconds": 120})
    config["model"]["name"] = "timm/convnext_tiny"
    with pytest.raises(BundleError, match=r"x: expected a config.json .*convnext_tiny"):
        published_settings(config, "x")
    with pytest.raises(BundleError, match=r"KeyError 'model'"):
        published_settings({}, "x")


def test_wrong_settings_are_named():
    with pytest.raises(UnknownName, match=r"did you mean 'gamma'"):
        SpecTTTra("gama")
    with pytest.raises(UnknownName, match=r"mode named 'repos'; did you mean 'repo'"):
        SpecTTTra(mode="repos")
    with pytest.raises(UsageError, match=r"expected seconds of \[5, 120\], got 10"):
        ViT(10)
