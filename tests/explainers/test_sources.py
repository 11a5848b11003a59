# SPDX-License-Identifier: MIT
"""Sources instead of bands: separators add up, Shapley values of sources, adapters, refusals."""

import sys
import types

import numpy as np
import pytest
import torch

from unsung.audio import signals
from unsung.audio.write import write
from unsung.errors import MissingExtra, UnknownName, UsageError
from unsung.explainers import build, explain
from unsung.explainers._separate import hpss, separated
from unsung.explainers._sources import SourceSubject
from unsung.types import Clip

RATE = 16000


def song(seconds=4.0):
    steady = signals.tone(440.0, seconds, RATE, 0.2)
    clicks = np.zeros_like(steady)
    clicks[:: RATE // 2] = 0.9
    return Clip((steady + clicks)[None].astype(np.float32), RATE), steady, clicks


def test_harmonic_and_percussive_parts_are_told_apart_and_add_up():
    clip, steady, clicks = song()
    parts = hpss(clip.samples, RATE)
    assert parts["harmonic"] + parts["percussive"] == pytest.approx(clip.samples, abs=1e-4)
    inside = slice(RATE // 2, -RATE // 2)
    assert np.corrcoef(parts["harmonic"][0, inside], steady[inside])[0, 1] > 0.98
    assert np.corrcoef(parts["percussive"][0, inside], clicks[inside])[0, 1] > 0.8
    assert set(separated(clip, "hpss")) == {"harmonic", "percussive"}


def energy_of_tone(clip):
    """Hear the tone at 440 Hz in the first half: its amplitude there, times 100."""
    half = clip.samples[0, : clip.samples.shape[1] // 2]
    reference = np.exp(-2j * np.pi * 440 * np.arange(len(half)) / RATE)
    return 100 * float(np.abs(reference @ half)) / len(half) * 2


def subject_of(clip, sources):
    return SourceSubject(clip, sources, energy_of_tone, "tone meter")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("lime", {"segment_s": 2.0, "samples": 64, "ridge": 1e-6}),
        ("shap_kernel", {"segment_s": 2.0, "samples": 64}),
        ("shap_partition", {"segment_s": 2.0, "evaluations": 64}),
        ("occlusion", {"segment_s": 2.0}),
    ],
)
def test_the_source_and_the_time_that_count_get_the_relevance(name, settings):
    clip, steady, clicks = song()
    sources = {"tone": steady[None].astype(np.float32), "clicks": clicks[None].astype(np.float32)}
    found = build(name, settings)(subject_of(clip, sources))
    assert found.logit == pytest.approx(20.0, rel=0.02)
    tone, other = found.relevance.sum((1, 2))
    assert tone == pytest.approx(20.0, rel=0.05) and abs(other) < 1.0
    early = found.times_s < 1.9
    assert found.relevance[0][:, early].sum() > 0.9 * tone
    rows = found.relevance[0].sum(1)
    assert abs(found.freqs_hz[rows.argmax()] - 440) < 10  # painted where the source is loud


def test_methods_that_need_a_picture_say_what_fits(tmp_path):
    clip, *_ = song()
    path = tmp_path / "song.wav"
    write(path, clip)
    with pytest.raises(UsageError, match=r"integrated_gradients.*these fit: .*lime"):
        explain(str(path), "integrated_gradients", sources="hpss", seconds=4.0)
    with pytest.raises(UsageError, match="expected whole sources"):
        subject_of(clip, {"tone": clip.samples}).scores([])


def test_a_song_is_explained_by_a_separator_of_ones_own(tmp_path):
    clip, steady, clicks = song(6.0)
    path = tmp_path / "song.wav"
    write(path, clip)

    def mine(samples, rate):
        assert rate == RATE and samples.shape == clip.samples.shape
        return {"tone": steady[None], "clicks": clicks[None]}

    found = explain(str(path), sources=mine, seconds=6.0, settings={"segment_s": 6.0}, turn=False)
    assert found.method == "lime" and found.channels == ("tone", "clicks")
    assert [name for name, _ in found.parts()] == ["tone", "clicks"]
    total = sum(value for _, value in found.parts())
    assert total == pytest.approx(found.explanation.relevance.sum(), abs=1e-3)


def test_what_a_separator_loses_is_a_source_too():
    clip, steady, _ = song()
    found = separated(clip, lambda samples, rate: {"tone": steady[None]})
    assert set(found) == {"tone", "rest"}
    assert sum(found.values()) == pytest.approx(clip.samples, abs=1e-6)
    with pytest.raises(UsageError, match="a separator keeps channels"):
        separated(clip, lambda samples, rate: {"half": samples[:, ::2]})
    with pytest.raises(UsageError, match="at least one source"):
        separated(clip, lambda samples, rate: {})
    with pytest.raises(UnknownName, match="did you mean 'hpss'"):
        separated(clip, "hpps")
    with pytest.raises(UsageError, match="module:function"):
        separated(clip, "no_such_module:split")


def test_demucs_is_called_at_its_own_rate_in_stereo(monkeypatch):
    clip, *_ = song(1.0)
    seen = {}

    class Model:
        samplerate, audio_channels, sources = 44100, 2, ["drums", "vocals"]

        def eval(self):
            return self

    def apply_model(model, mix, device):
        seen["shape"], seen["std"] = tuple(mix.shape), float(mix.std())
        return torch.stack([0.25 * mix, 0.75 * mix], 1)

    pretrained = types.SimpleNamespace(get_model=lambda name: Model())
    for name, module in (
        ("demucs", types.ModuleType("demucs")),
        ("demucs.apply", types.SimpleNamespace(apply_model=apply_model)),
        ("demucs.pretrained", pretrained),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    found = separated(clip, "demucs")
    assert seen["shape"] == (1, 2, 44100) and seen["std"] == pytest.approx(1.0, abs=0.05)
    assert found["vocals"].shape == clip.samples.shape
    middle = slice(2000, -2000)
    want = 0.75 * clip.samples[0, middle]
    assert np.corrcoef(found["vocals"][0, middle], want)[0, 1] > 0.9


def test_without_demucs_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "demucs", None)
    monkeypatch.setitem(sys.modules, "demucs.apply", None)
    with pytest.raises(MissingExtra, match=r"\[separation\]"):
        separated(song()[0], "demucs")
