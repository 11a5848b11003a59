# SPDX-License-Identifier: MIT
"""The hub codecs' own loading code on tiny random models of the same transformers classes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unsung import registry
from unsung.errors import UnknownName, UnsungError

from .helpers import music

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def encodec_24():
    config = transformers.EncodecConfig(
        num_filters=4, hidden_size=16, codebook_size=16, codebook_dim=16, num_lstm_layers=1
    )
    return transformers.EncodecModel(config)


def encodec_48():
    config = transformers.EncodecConfig(
        target_bandwidths=[3.0, 6.0, 12.0, 24.0],
        sampling_rate=48000,
        audio_channels=2,
        normalize=True,
        chunk_length_s=1.0,
        overlap=0.01,
        norm_type="time_group_norm",
        use_causal_conv=False,
        num_filters=4,
        hidden_size=16,
        codebook_size=16,
        codebook_dim=16,
        num_lstm_layers=1,
    )
    return transformers.EncodecModel(config)


def dac(rate_hz=44100, ratios=(2, 4, 8, 8), books=9):
    config = transformers.DacConfig(
        encoder_hidden_size=4,
        downsampling_ratios=list(ratios),
        decoder_hidden_size=64,
        n_codebooks=books,
        codebook_size=16,
        codebook_dim=4,
        sampling_rate=rate_hz,
    )
    return transformers.DacModel(config)


def mimi():
    config = transformers.MimiConfig(
        hidden_size=16,
        num_filters=4,
        codebook_size=16,
        codebook_dim=8,
        vector_quantization_hidden_dimension=8,
        upsample_groups=16,
        num_hidden_layers=1,
        intermediate_size=16,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
    )
    return transformers.MimiModel(config)


def xcodec():
    semantic = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    acoustic = transformers.DacConfig(
        encoder_hidden_size=4,
        downsampling_ratios=[8, 5, 4, 2],
        decoder_hidden_size=64,
        hidden_size=64,
    )
    config = transformers.XcodecConfig(
        codebook_size=1024,
        acoustic_model_config=acoustic.to_dict() | {"model_type": "dac"},
        semantic_model_config=semantic.to_dict() | {"model_type": "hubert"},
    )
    return transformers.XcodecModel(config)


MODELS = {
    "encodec:24khz-6kbps": (encodec_24, 24000, (8, 5, 4, 2)),
    "encodec:48khz-24kbps": (encodec_48, 48000, (8, 5, 4, 2)),
    "dac:44khz-2cb": (dac, 44100, (8, 8, 4, 2)),
    "dac:16khz-12cb": (lambda: dac(16000, (2, 4, 5, 8), 12), 16000, (8, 5, 4, 2)),
    "mimi:4cb": (mimi, 24000, (2, 8, 6, 5, 4)),
    "xcodec:2kbps": (xcodec, 16000, (2, 4, 5, 8)),
}


@pytest.fixture(scope="module", params=list(MODELS))
def loaded(request, tmp_path_factory):
    """A tiny model, saved as published and loaded by our own code, offline."""
    make, rate_hz, strides = MODELS[request.param]
    name, setting = request.param.split(":")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(name)
    model = make()
    for key, values in model.named_buffers():  # codebooks start as zeros: every code the same
        if key.endswith((".embed", ".embed_sum")):
            values.normal_(0, 0.3)
    model.save_pretrained(folder)
    return registry.get("resynthesis", name)(setting, weights=folder), rate_hz, strides


def test_rate_length_and_channels_stay_and_facts_are_read(loaded) -> None:
    system, rate_hz, strides = loaded
    for channels in (1, 2):
        clip = music(0.6, 22050, channels)
        made = system(clip)
        assert made.samples.shape == clip.samples.shape
        assert made.sample_rate_hz == 22050
        assert np.isfinite(made.samples).all()
    assert (system.sample_rate_hz, system.strides) == (rate_hz, strides)
    assert system.predicted_peaks_hz()[0] == pytest.approx(rate_hz / np.prod(strides))
    facts = system.provenance
    assert facts["revision"] == "local"
    assert len(facts["weights_sha256"]) == 64
    assert json.dumps(facts)


def test_the_same_sound_twice_is_the_same_copy(loaded) -> None:
    system, _, _ = loaded
    clip = music(0.5, 16000)
    assert np.array_equal(system(clip).samples, system(clip).samples)


def test_what_changes_late_changes_nothing_early(loaded) -> None:
    """Random weights make no music; that output time is input time can be seen all the same."""
    system, _, _ = loaded
    rate_hz = system.sample_rate_hz
    clip = music(2.0, rate_hz)
    other = clip.samples.copy()
    other[:, rate_hz:] = 0.5 * np.random.default_rng(1).standard_normal(rate_hz)
    change = np.abs(system(type(clip)(other, rate_hz)).samples - system(clip).samples)[0]
    if change.max() == 0:
        pytest.skip("the random quantiser gives every frame the same code")
    hit = np.flatnonzero(change > 0.02 * change.max())
    # EnCodec 48 kHz normalises pieces of one second; HuBERT normalises over all time
    early = {"encodec-48khz-24kbps": 0.0, "xcodec-2kbps": 0.0}.get(system.name, 0.85)
    assert hit[0] >= early * rate_hz


def test_long_sound_goes_through_in_pieces(loaded, monkeypatch) -> None:
    from unsung.synthesis.resynthesis import _hub

    system, _, _ = loaded
    monkeypatch.setattr(_hub, "_CHUNK_S", 1.0)
    monkeypatch.setattr(_hub, "_CONTEXT_S", 0.25)
    clip = music(2.6, 16000)
    made = system(clip)
    assert made.samples.shape == clip.samples.shape
    assert np.isfinite(made.samples).all()


def test_weights_that_are_not_there_are_named(tmp_path) -> None:
    kind = registry.get("resynthesis", "encodec")
    with pytest.raises(UnsungError, match=r"facebook/encodec_24khz.*config\.json"):
        kind(weights=tmp_path)(music(0.2))


def test_damaged_weights_are_named(tmp_path) -> None:
    encodec_24().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(UnsungError, match=r"cannot be loaded.*encodec_24khz"):
        registry.get("resynthesis", "encodec")(weights=tmp_path)(music(0.2))


def test_a_wrong_setting_suggests_the_near_one() -> None:
    with pytest.raises(UnknownName, match="24khz-6kbps"):
        registry.get("resynthesis", "encodec")("24khz-6kbp")
