# SPDX-License-Identifier: MIT
"""Vocoders on tiny random checkpoints that have the published names and layout."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unsung.errors import MissingExtra, UnsungError
from unsung.synthesis.resynthesis.bigvgan import Bigvgan
from unsung.synthesis.resynthesis.hifigan import Hifigan
from unsung.synthesis.resynthesis.vocos import Vocos

from .helpers import music

torch = pytest.importorskip("torch")

from torch import nn

from unsung.synthesis.resynthesis._vocoder import folded, hifigan_mel

CONFIG = {
    "resblock": "1",
    "upsample_rates": [8, 8, 2, 2],
    "upsample_kernel_sizes": [16, 16, 4, 4],
    "upsample_initial_channel": 32,
    "resblock_kernel_sizes": [3, 7],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5]],
    "num_mels": 80,
    "n_fft": 1024,
    "hop_size": 256,
    "win_size": 1024,
    "sampling_rate": 22050,
    "fmin": 0,
    "fmax": 8000,
}


def published_hifigan(kind: str) -> dict:
    """Names and shapes as the authors' generator saves them, with weight norm."""
    state = {}

    def layer(name, out, into, kernel, transposed=False):
        shape = (into, out, kernel) if transposed else (out, into, kernel)
        weight = 0.1 * torch.randn(shape)
        state[f"{name}.weight_v"] = weight
        state[f"{name}.weight_g"] = weight.flatten(1).norm(dim=1).view(-1, 1, 1)
        state[f"{name}.bias"] = 0.01 * torch.randn(out)

    layer("conv_pre", 32, 80, 7)
    for at, kernel in enumerate((16, 16, 4, 4)):
        width = 32 // 2 ** (at + 1)
        layer(f"ups.{at}", width, 2 * width, kernel, transposed=True)
        for size_at, size in enumerate((3, 7)):
            block = f"resblocks.{2 * at + size_at}"
            for k in range(3):
                for group in ("convs1", "convs2") if kind == "1" else ("convs",):
                    layer(f"{block}.{group}.{k}", width, width, size)
    layer("conv_post", 1, 2, 7)
    return state


@pytest.mark.parametrize("kind", ["1", "2"])
def test_hifigan_loads_a_published_checkpoint(tmp_path, kind) -> None:
    torch.manual_seed(0)
    torch.save({"generator": published_hifigan(kind)}, tmp_path / "g_02500000")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"resblock": kind}))
    system, clip = Hifigan(weights=tmp_path), music(0.7, 44100, 2)
    made = system(clip)
    assert made.samples.shape == clip.samples.shape
    assert made.samples.std() > 0
    assert system.predicted_peaks_hz()[0] == pytest.approx(22050 / 256)
    assert len(system.provenance["weights_sha256"]) == 64


def test_weight_norm_in_both_spellings_is_folded() -> None:
    plain = nn.Conv1d(3, 4, 5)
    wanted = plain.weight.detach().clone()
    new = nn.utils.parametrizations.weight_norm(plain).state_dict()
    old = {
        "weight_g": new["parametrizations.weight.original0"],
        "weight_v": new["parametrizations.weight.original1"],
    }
    for state in (new, old):
        named = {f"layer.{key}": value for key, value in state.items()}
        assert torch.allclose(folded(named)["layer.weight"], wanted, atol=1e-6)


def test_mel_is_that_of_the_authors() -> None:
    librosa = pytest.importorskip("librosa")
    x = music(0.5, 22050).samples
    padded = np.pad(x[0], 384, mode="reflect")
    spectra = librosa.stft(padded, n_fft=1024, hop_length=256, center=False)
    bank = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
    slow = np.log(np.maximum(bank @ np.sqrt(np.abs(spectra) ** 2 + 1e-9), 1e-5))
    made = hifigan_mel(torch.from_numpy(x), CONFIG)[0].numpy()
    assert np.allclose(made, slow, atol=2e-3)


def published_vocos() -> dict:
    """Names and shapes of charactr/vocos-mel-24khz, smaller."""
    width, inner, mels, size = 16, 32, 20, 256
    state = {
        "feature_extractor.mel_spec.spectrogram.window": torch.hann_window(size),
        "feature_extractor.mel_spec.mel_scale.fb": torch.rand(size // 2 + 1, mels),
        "backbone.embed.weight": torch.randn(width, mels, 7),
        "backbone.embed.bias": torch.zeros(width),
        "head.out.weight": 0.1 * torch.randn(size + 2, width),
        "head.out.bias": torch.zeros(size + 2),
        "head.istft.window": torch.hann_window(size),
    }
    for name in ("norm", "final_layer_norm", "convnext.0.norm", "convnext.1.norm"):
        state |= {f"backbone.{name}.weight": torch.ones(width)}
        state |= {f"backbone.{name}.bias": torch.zeros(width)}
    for at in range(2):
        block = f"backbone.convnext.{at}"
        state |= {
            f"{block}.gamma": torch.full((width,), 0.5),
            f"{block}.dwconv.weight": torch.randn(width, 1, 7),
            f"{block}.dwconv.bias": torch.zeros(width),
            f"{block}.pwconv1.weight": torch.randn(inner, width),
            f"{block}.pwconv1.bias": torch.zeros(inner),
            f"{block}.pwconv2.weight": torch.randn(width, inner),
            f"{block}.pwconv2.bias": torch.zeros(width),
        }
    return state


def test_vocos_loads_a_published_checkpoint_and_keeps_time(tmp_path) -> None:
    torch.manual_seed(0)
    torch.save(published_vocos(), tmp_path / "pytorch_model.bin")
    system = Vocos(weights=tmp_path)
    clip = music(1.0, 24000)
    made = system(clip)
    assert made.samples.shape == clip.samples.shape
    assert system.strides == (64,)
    other = clip.samples.copy()
    other[:, 12000:] = 0
    changed = np.flatnonzero(system(type(clip)(other, 24000)).samples[0] != made.samples[0])
    # three convolutions of 7 frames and half a window reach back
    assert changed[0] >= 12000 - (9 * 64 + 256) - 64


def test_bigvgan_needs_its_package_or_runs(tmp_path) -> None:
    torch.save({"generator": {}}, tmp_path / "bigvgan_generator.pt")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises((MissingExtra, UnsungError), match=r"bigvgan|do not fit"):
        Bigvgan(weights=tmp_path)(music(0.3))


@pytest.mark.parametrize("kind", [Hifigan, Bigvgan, Vocos])
def test_a_missing_checkpoint_is_named(kind, tmp_path) -> None:
    for weights in (None, tmp_path):
        with pytest.raises(UnsungError, match=f"--weights {kind.kind()}=PATH"):
            kind(weights=weights)(music(0.3))


def test_weights_of_another_model_do_not_fit(tmp_path) -> None:
    torch.save({"conv_pre.weight": torch.zeros(1)}, tmp_path / "generator.pt")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(UnsungError, match="do not fit"):
        Hifigan(weights=tmp_path)(music(0.3))
