# SPDX-License-Identifier: MIT
"""Pipelines of diffusers: stand-ins at the boundary, and the real classes where installed."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from unsung.errors import MissingExtra, UsageError
from unsung.synthesis.generators.base import NotReady, build
from unsung.synthesis.prompts import Prompt

torch = pytest.importorskip("torch")
PROMPT = Prompt("a", "full", "calm folk song")
AUDIO = {
    "stable_audio_open": ("StableAudioPipeline", 44100, 2),
    "audioldm2": ("AudioLDM2Pipeline", 16000, 1),
    "musicldm": ("MusicLDMPipeline", 16000, 1),
}
ALL = {**AUDIO, "riffusion": ("StableDiffusionPipeline", 44100, 1)}


class Pipeline:
    """Takes the arguments of the real pipelines and returns noise by their generator."""

    calls: list = []  # noqa: RUF012

    @classmethod
    def from_pretrained(cls, name, revision=None):
        if name == "absent":
            raise OSError("absent is not a local folder\nand more")
        made = cls()
        made.name = name
        made.vae = types.SimpleNamespace(sampling_rate=44100)
        made.vocoder = types.SimpleNamespace(config=types.SimpleNamespace(sampling_rate=16000))
        return made

    def to(self, device, dtype):
        self.place = (device, dtype)
        return self

    def set_progress_bar_config(self, disable):
        assert disable

    def __call__(self, prompt, *, generator, num_inference_steps, guidance_scale,
                 negative_prompt=None, audio_end_in_s=None, audio_length_in_s=None,
                 height=None, width=None):  # fmt: skip
        self.calls.append((prompt, num_inference_steps, guidance_scale, negative_prompt))
        if width:
            from PIL import Image

            assert height == 512 and width % 8 == 0
            grey = torch.randint(0, 255, (height, width), generator=generator, dtype=torch.uint8)
            return types.SimpleNamespace(images=[Image.fromarray(grey.numpy()).convert("RGB")])
        if audio_end_in_s:
            n = round(audio_end_in_s * 44100) + 100  # the real one also gives whole latents
            return types.SimpleNamespace(audios=torch.randn(1, 2, n, generator=generator))
        n = round(audio_length_in_s * 16000) + 10
        return types.SimpleNamespace(audios=torch.randn(1, n, generator=generator).numpy())


@pytest.fixture
def fake(monkeypatch):
    module = types.ModuleType("diffusers")
    module.__spec__ = importlib.machinery.ModuleSpec("diffusers", None)
    for kind, _, _ in ALL.values():
        setattr(module, kind, Pipeline)
    monkeypatch.setitem(sys.modules, "diffusers", module)
    Pipeline.calls.clear()
    return module


@pytest.mark.parametrize("name", AUDIO)
def test_length_rate_seed_and_settings(fake, name):
    _, rate, channels = AUDIO[name]
    generator = build(name, {"steps": "3", "guidance_scale": "2.5", "negative_prompt": ""})
    generator.check()
    clip = generator.generate(PROMPT, 1, 1.5)
    assert (clip.sample_rate_hz, clip.samples.shape) == (rate, (channels, round(1.5 * rate)))
    assert (generator.generate(PROMPT, 1, 1.5).samples == clip.samples).all()
    assert (generator.generate(PROMPT, 2, 1.5).samples != clip.samples).any()
    assert Pipeline.calls[0] == ("calm folk song", 3, 2.5, None)
    assert generator.pipeline.place == ("cpu", torch.float32) or torch.cuda.is_available()


def test_riffusion_paints_and_plays(fake):
    pytest.importorskip("PIL")
    clip = build("riffusion").generate(PROMPT, 1, 0.5)
    assert (clip.sample_rate_hz, clip.samples.shape) == (44100, (1, 22050))
    assert 0.5 < np.abs(clip.samples).max() <= 0.9


@pytest.mark.parametrize("name", ALL)
def test_absent_weights_and_classes(fake, name):
    with pytest.raises(NotReady, match=r"'absent' could not be loaded \(absent is not"):
        build(name, {"model": "absent"}).generate(PROMPT, 1, 1.0)
    delattr(fake, ALL[name][0])
    with pytest.raises(NotReady, match=f"no {ALL[name][0]}"):
        build(name).generate(PROMPT, 1, 1.0)


@pytest.mark.parametrize("name", ALL)
def test_too_long_is_refused_before_loading(name):
    with pytest.raises(UsageError, match="expected a length"):
        build(name).generate(PROMPT, 1, 1000.0)


@pytest.mark.skipif(find_spec("diffusers") is not None, reason="diffusers is installed")
@pytest.mark.parametrize("name", ALL)
def test_absent_package_names_the_extra(name):
    with pytest.raises(MissingExtra, match=r"diffusers.*\[generators\]"):
        build(name).check()
    with pytest.raises(MissingExtra, match=r"\[generators\]"):
        build(name).generate(PROMPT, 1, 1.0)


def picture(hz, columns=128):
    """Paint one line at a frequency, as Riffusion's spectrograms are painted."""
    from unsung.synthesis.generators.riffusion import mel_filters

    filters = mel_filters(44100, 17640, 512, 0, 10_000)
    band = filters[:, round(hz / 2.5)].argmax()
    image = np.full((512, columns), 255, np.uint8)
    image[511 - band] = 0
    return image


@pytest.mark.parametrize("hz", [220.0, 1000.0, 5000.0])
def test_riffusion_line_becomes_its_tone(hz):
    from unsung.synthesis.generators.riffusion import from_image

    sound = from_image(picture(hz), iterations=8)
    assert len(sound) == 128 * 441
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    peak_hz = spectrum.argmax() * 44100 / len(sound)
    assert peak_hz == pytest.approx(hz, rel=0.02)


def test_riffusion_dark_is_loud_and_left_is_early():
    from unsung.synthesis.generators.riffusion import from_image, to_mel

    image = picture(1000.0, 100)
    image[:, 50:] = 255
    sound = from_image(image, iterations=8)
    assert np.square(sound[: 45 * 441]).mean() > 100 * np.square(sound[60 * 441 :]).mean()
    grey = np.array([[0, 128, 255]], np.uint8)
    np.testing.assert_allclose(to_mel(grey)[0], [1, (127 / 255) ** 4, 0])


def test_mel_filters_against_librosa():
    librosa = pytest.importorskip("librosa")
    from unsung.synthesis.generators.riffusion import mel_filters

    theirs = librosa.filters.mel(
        sr=44100, n_fft=17640, n_mels=512, fmin=0, fmax=10_000, htk=True, norm=None
    )
    np.testing.assert_allclose(mel_filters(44100, 17640, 512, 0, 10_000), theirs, atol=1e-5)


@pytest.mark.filterwarnings("ignore")  # diffusers and accelerate give advice as warnings
@pytest.mark.skipif(find_spec("diffusers") is None, reason="diffusers is not installed")
def test_real_stable_audio_classes_with_random_weights(tmp_path):
    import diffusers
    import transformers
    from diffusers.pipelines.stable_audio.modeling_stable_audio import StableAudioProjectionModel

    spec = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("tiny.py"))
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    torch.manual_seed(0)
    tiny.tokenizer(tmp_path / "words")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "words")
    tokenizer.model_max_length = 16
    text = transformers.T5Config(
        vocab_size=len(tiny.WORDS), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2
    )
    diffusers.StableAudioPipeline(
        vae=diffusers.AutoencoderOobleck(
            encoder_hidden_size=6, downsampling_ratios=[10, 10], decoder_channels=3,
            decoder_input_channels=3, audio_channels=2, channel_multiples=[2, 4], sampling_rate=400,
        ),
        text_encoder=transformers.T5EncoderModel(text),
        projection_model=StableAudioProjectionModel(16, 16, 0, 32),
        tokenizer=tokenizer,
        transformer=diffusers.StableAudioDiTModel(
            sample_size=8, in_channels=3, num_layers=1, attention_head_dim=8,
            num_attention_heads=2, num_key_value_attention_heads=2, out_channels=3,
            cross_attention_dim=16, time_proj_dim=8, global_states_input_dim=32,
            cross_attention_input_dim=16,
        ),
        scheduler=diffusers.EDMDPMSolverMultistepScheduler(
            solver_order=2, prediction_type="v_prediction", sigma_data=1.0,
            sigma_schedule="exponential",
        ),
    ).save_pretrained(tmp_path / "model")  # fmt: skip
    generator = build("stable_audio_open", {"model": str(tmp_path / "model"), "steps": "3"})
    generator.check()
    clip = generator.generate(PROMPT, 1, 1.5)
    assert (clip.sample_rate_hz, clip.samples.shape) == (400, (2, 600))
    assert (generator.generate(PROMPT, 1, 1.5).samples == clip.samples).all()
    assert (generator.generate(PROMPT, 2, 1.5).samples != clip.samples).any()
    assert len(generator.provenance()["weights_sha256"]) == 64
