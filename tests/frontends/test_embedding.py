# SPDX-License-Identifier: MIT
"""Embedding: a tiny random network in place of a checkpoint; a folder loads; layers are those."""

import copy

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.frontends.embedding import Embedding

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from unsung.frontends._torch_embedding import load_encoder, random_encoder

NOISE = np.random.default_rng(0).standard_normal((2, 16000)).astype("f4")


def test_mean_over_time_of_the_chosen_layer():
    encoder = load_encoder("random-tiny")
    sound = (NOISE[:1] - NOISE[0].mean()) / np.sqrt(NOISE[0].var() + 1e-7)
    layers = encoder(torch.from_numpy(sound), output_hidden_states=True).hidden_states
    for layer in (0, 1, -1):
        found = Embedding(layer=layer)(NOISE[:1])
        assert found.shape == (1, 32, 1, 1)
        expected = layers[layer][0].mean(0).numpy()
        np.testing.assert_allclose(found[0, :, 0, 0], expected, atol=1e-5)


def test_the_network_hears_mean_zero_and_variance_one():
    for standardise in (True, False):
        module = Embedding(standardise=standardise).module()
        heard = []
        inner = module._encoder[0]
        handle = inner.register_forward_pre_hook(
            lambda _, given, heard=heard: heard.append(given[0])
        )
        with torch.no_grad():
            module(torch.from_numpy(3 * NOISE + 0.5))
        handle.remove()
        expected = (0.0, 1.0) if standardise else (0.5, 3.0)
        assert float(heard[0].mean()) == pytest.approx(expected[0], abs=0.05)
        assert float(heard[0].std()) == pytest.approx(expected[1], abs=0.05)


def test_other_sounds_have_other_embeddings():
    tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype("f4")
    assert np.abs(Embedding()(tone[None]) - Embedding()(NOISE[:1])).max() > 1e-2


def test_a_clip_does_not_depend_on_its_batch_mates():
    np.testing.assert_array_equal(Embedding()(NOISE)[:1], Embedding()(NOISE[:1]))


def test_the_stand_in_is_the_same_every_time_and_leaves_the_seed_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, other = random_encoder(), random_encoder()
    assert torch.equal(torch.rand(1), expected)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_from_a_folder(tmp_path):
    config = transformers.WavLMConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,) * 7, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.WavLMModel(config).save_pretrained(tmp_path / "wavlm")
    found = Embedding(checkpoint=str(tmp_path / "wavlm"))(NOISE)
    assert found.shape == (2, 16, 1, 1)
    assert np.isfinite(found).all()


def test_the_network_is_outside_state_dict_and_training():
    module = Embedding().module()
    assert not module.state_dict()
    assert not list(module.parameters())
    module.train()
    assert not copy.deepcopy(module)._encoder[0].training


def test_wrong_names_and_layers(tmp_path):
    with pytest.raises(UsageError, match="layer from -3 to 2"):
        Embedding(layer=3).module()
    with pytest.raises(UsageError, match="expected a checkpoint at"):
        Embedding(checkpoint=str(tmp_path / "nothing")).module()
