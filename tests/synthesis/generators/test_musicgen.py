# SPDX-License-Identifier: MIT
"""MusicGen's classes with random weights, saved and loaded as the published models are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsung.errors import UsageError
from unsung.synthesis.generators.base import NotReady, build
from unsung.synthesis.prompts import Prompt

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
# torch's old weight norm, inside transformers' Encodec, says that it is old
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")

_spec = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("tiny.py"))
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

PROMPT = Prompt("a", "full", "calm folk song with piano")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {
        "mono": str(tiny.musicgen(root / "tiny-mono")),
        "stereo": str(tiny.musicgen(root / "tiny-stereo", stereo=True)),
        "melody": str(tiny.musicgen(root / "tiny-melody", melody=True)),
    }


@pytest.mark.parametrize(("kind", "channels"), [("mono", 1), ("stereo", 2), ("melody", 1)])
def test_length_rate_and_seeds(folders, kind, channels):
    generator = build("musicgen", {"model": folders[kind]})
    generator.check()
    clip = generator.generate(PROMPT, 1, 1.5)
    assert clip.sample_rate_hz == tiny.RATE_HZ
    assert clip.samples.shape == (channels, round(1.5 * tiny.RATE_HZ))
    assert np.isfinite(clip.samples).all() and np.ptp(clip.samples) > 1e-3
    state = torch.random.get_rng_state()
    assert (generator.generate(PROMPT, 1, 1.5).samples == clip.samples).all()
    assert (generator.generate(PROMPT, 2, 1.5).samples != clip.samples).any()
    assert (torch.random.get_rng_state() == state).all()  # torch's own state is left alone


def test_stereo_channels_differ(folders):
    clip = build("musicgen", {"model": folders["stereo"]}).generate(PROMPT, 1, 1.0)
    assert (clip.samples[0] != clip.samples[1]).any()


def test_text_and_settings_matter(folders):
    base = build("musicgen", {"model": folders["mono"]}).generate(PROMPT, 1, 1.0).samples
    other = Prompt("b", "full", "rock drums")
    warm = {"model": folders["mono"], "temperature": "3.0", "guidance_scale": "9"}
    assert (build("musicgen", warm).generate(PROMPT, 1, 1.0).samples != base).any()
    strong = build("musicgen", {"model": folders["mono"], "guidance_scale": 30.0})
    one, two = (strong.generate(p, 1, 1.0).samples for p in (PROMPT, other))
    assert (one != two).any()


def test_melody_is_followed(folders, tmp_path):
    t = np.arange(32000) / 16000
    for name, hz in (("a", 440.0), ("c", 523.25)):
        soundfile.write(tmp_path / f"{name}.wav", 0.5 * np.sin(2 * np.pi * hz * t), 16000)
    made = [
        build("musicgen", {"model": folders["melody"], "melody": str(tmp_path / f"{n}.wav")})
        .generate(PROMPT, 1, 1.0)
        .samples
        for n in "aca"
    ]
    assert (made[0] == made[2]).all()
    assert (made[0] != made[1]).any()


def test_chroma_of_tones():
    from unsung.synthesis.generators.musicgen import chroma

    rate = 32000
    t = np.arange(2 * rate) / rate
    found = []
    for semitones in range(12):
        tone = np.sin(2 * np.pi * 440 * 2 ** (semitones / 12) * t)
        picture = chroma(tone, rate)
        assert picture.shape == (1 + len(t) // 4096, 12)
        assert (picture.sum(axis=1) == 1).all()
        found.append(int(np.bincount(picture.argmax(axis=1)).argmax()))
    assert sorted(found) == list(range(12))
    assert np.all(np.diff(found) % 12 == 1)  # a semitone up is a class up
    short = chroma(np.sin(2 * np.pi * 440 * t[:1000]), rate)
    assert short.shape[1] == 12


def test_provenance_names_the_weights(folders):
    one = build("musicgen", {"model": folders["mono"]}).provenance()
    assert one["family"] == "MusicGen" and one["label"] == "tiny-mono"
    assert len(one["weights_sha256"]) == 64 and one["revision"] == ""
    assert one["packages"]["transformers"]
    other = build("musicgen", {"model": folders["stereo"]}).provenance()
    assert other["weights_sha256"] != one["weights_sha256"]


def test_sizes_are_names_of_the_published_models():
    assert build("musicgen").settings["model"] == "facebook/musicgen-small"
    large = build("musicgen", {"model": "stereo-melody-large"})
    assert large.settings["model"] == "facebook/musicgen-stereo-melody-large"
    assert large.label == "musicgen-stereo-melody-large"


def test_errors(folders, tmp_path):
    generator = build("musicgen", {"model": folders["mono"]})
    for length in (0, -1, 31):
        with pytest.raises(UsageError, match="up to 30 s"):
            generator.generate(PROMPT, 0, length)
    with pytest.raises(UsageError, match="follows no melody"):
        build("musicgen", {"model": folders["mono"], "melody": "x.wav"}).generate(PROMPT, 0, 1)
    with pytest.raises(UsageError, match="expected dtype"):
        build("musicgen", {"model": folders["mono"], "dtype": "int8"}).generate(PROMPT, 0, 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotReady, match="could not be loaded"):
        build("musicgen", {"model": str(tmp_path / "empty")}).generate(PROMPT, 0, 1)


def test_other_models_are_refused(tmp_path):
    import transformers

    transformers.T5Config(d_model=8).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="expected a MusicGen, got a t5 model"):
        build("musicgen", {"model": str(tmp_path)}).generate(PROMPT, 0, 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_that_is_not_there(folders):
    with pytest.raises(UsageError, match="no CUDA GPU"):
        build("musicgen", {"model": folders["mono"], "device": "cuda"}).generate(PROMPT, 0, 1)
