# SPDX-License-Identifier: MIT
"""Every registered resynthesis system: states its facts; what can run here keeps time and shape."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from unsung import registry
from unsung.errors import AudioError, EmptyAudio, NotFinite, UnsungError, UsageError
from unsung.synthesis.resynthesis.base import Resynthesis
from unsung.types import Clip

pytest.importorskip("torch")

NAMES = registry.names("resynthesis")
RUNNABLE = ("griffin_phase", "zoo", "griffin_lim_mel")


def sound(rate_hz=32000, seconds=0.6, channels=2) -> Clip:
    rng = np.random.default_rng(0)
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    tones = sum(np.sin(2 * np.pi * hz * t) for hz in (220.0, 277.2, 329.6))
    rows = [0.1 * tones + 0.01 * rng.standard_normal(len(t)) for _ in range(channels)]
    return Clip(np.stack(rows).astype(np.float32), rate_hz, 3.0, "track")


def test_all_systems_are_found() -> None:
    wanted = (
        "encodec dac mimi xcodec griffin_lim_mel griffin_phase vocos hifigan bigvgan lyra world"
    )
    assert {*wanted.split(), "zoo"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_stated(name) -> None:
    kind = registry.get("resynthesis", name)
    assert issubclass(kind, Resynthesis)
    assert kind.source
    assert kind.licence
    assert len(set(kind.settings)) == len(kind.settings)
    assert registry.summary("resynthesis", name).endswith(".")
    for setting in kind.settings:
        system = kind(setting)
        assert 8000 <= system.sample_rate_hz <= 48000
        assert system.channels in (1, 2)
        assert re.fullmatch(r"[a-z0-9_.-]+", system.name)
        peaks = system.predicted_peaks_hz()
        if len(peaks):
            spacing = system.sample_rate_hz / math.prod(system.strides)
            assert np.allclose(peaks % spacing, 0, atol=1e-6) or name == "zoo"
            assert peaks[-1] <= system.sample_rate_hz / 2 + 1e-6
    assert kind().setting == kind.settings[0]


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_setting_is_refused(name) -> None:
    with pytest.raises(UsageError, match=r"did you mean|known:|zoo:64"):
        registry.get("resynthesis", name)("no such setting")


@pytest.mark.parametrize("name", RUNNABLE)
def test_rate_channels_length_and_place_stay(name) -> None:
    system, clip = registry.get("resynthesis", name)(), sound()
    made = system(clip)
    assert made.samples.shape == clip.samples.shape
    assert made.samples.dtype == np.float32
    assert (made.sample_rate_hz, made.start_s, made.track_id) == (32000, 3.0, "track")
    assert np.isfinite(made.samples).all()
    assert not np.array_equal(made.samples, clip.samples)
    again = registry.get("resynthesis", name)()(clip)
    assert np.array_equal(made.samples, again.samples)
    assert json.loads(json.dumps(system.provenance))["system"] == name


@pytest.mark.parametrize("name", NAMES)
def test_bad_sound_is_refused_and_silence_is_not(name) -> None:
    system = registry.get("resynthesis", name)()
    with pytest.raises(UsageError, match="channel, time"):
        system(Clip(np.zeros(10, np.float32), 16000))
    with pytest.raises(EmptyAudio, match="no samples"):
        system(Clip(np.zeros((1, 0), np.float32), 16000))
    with pytest.raises(NotFinite, match="NaN"):
        system(Clip(np.full((1, 10), np.nan, np.float32), 16000))
    if name in RUNNABLE:
        for length in (1, 7, 5000):
            made = system(Clip(np.zeros((1, length), np.float32), 22050, 0.0, "x"))
            assert made.samples.shape == (1, length)
            assert np.abs(made.samples).max() < 0.05


def test_a_system_that_breaks_sound_is_named() -> None:
    class Broken(Resynthesis):
        def _run(self, samples):
            return samples * np.nan

    class Strange(Resynthesis):
        def _run(self, samples):
            return samples[0]

    with pytest.raises(AudioError, match="not finite"):
        Broken()(sound(44100))
    with pytest.raises(UnsungError, match=r"shape \[1, time\]"):
        Strange()(sound(44100))
