# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from unsung.attacks import parse
from unsung.attacks.gain import Gain
from unsung.attacks.white_noise import WhiteNoise
from unsung.audio.resample import resample
from unsung.audio.write import encode
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip

from .conftest import music


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("gain@-6", [("gain", -6.0)]),
        ("gain@+6", [("gain", 6.0)]),
        ("gain@+6+crop@.5", [("gain", 6.0), ("crop", 0.5)]),
        (" low_pass@4e+3 + gain ", [("low_pass", 4000.0), ("gain", Gain.default)]),
    ],
)
def test_parse(text: str, steps: list[tuple[str, float]]) -> None:
    chain = parse(text)
    assert [(step.name, step.strength) for step in chain.steps] == steps
    assert parse(str(chain)).steps[0].strength == steps[0][1]


def test_settings_reach_the_attack_and_read_back() -> None:
    chain = parse("echo:delay_s=.05:full_scale=1@1+mp3 : rate_hz=16000 @ 16")
    echo, mp3 = chain.steps
    assert (echo.attack.delay_s, echo.attack.full_scale) == (0.05, True)  # type: ignore[attr-defined]
    assert mp3.options == (("rate_hz", 16000.0),)
    assert str(chain) == "echo:delay_s=0.05:full_scale=1@1+mp3:rate_hz=16000@16"
    assert str(parse(str(chain))) == str(chain)
    assert (
        parse("low_pass:rolloff_db_per_octave=48@4000").steps[0].attack.rolloff_db_per_octave == 48
    )  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["speed:rate_hz=16000@1.5", "crop:rate_hz=8000@0.5"])
def test_another_rate_is_a_detour(text: str, stereo: Clip) -> None:
    chain = parse(text)
    out = chain(stereo, 1)
    assert out.sample_rate_hz == stereo.sample_rate_hz and out.track_id == stereo.track_id
    assert abs(out.samples.shape[1] - stereo.samples.shape[1] * chain.time_scale) <= 1
    rate_hz = chain.steps[0].options[0][1]
    power = np.abs(np.fft.rfft(out.samples[0])) ** 2
    hz = np.fft.rfftfreq(out.samples.shape[1], 1 / out.sample_rate_hz)
    assert power[hz > 0.53 * rate_hz].sum() < 1e-4 * power.sum()
    assert chain(Clip(np.zeros((2, 1), np.float32), 44100)).samples.shape[1] == 1


def test_a_bit_rate_that_only_exists_at_another_rate() -> None:
    """MPEG-1 layer III starts at 32 kbps: 16 kbps needs a lower sample rate, hence the setting."""
    clip = music(duration_s=4.0)
    own = len(encode(clip.samples, 44100, "mp3", 16))
    lower = len(encode(resample(clip.samples, 44100, 16000), 16000, "mp3", 16))
    assert own > 1.7 * lower
    kept, moved = (parse(t)(clip).samples for t in ("mp3@16", "mp3:rate_hz=16000@16"))
    assert not np.array_equal(kept, moved)


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("echo:delay=1@1", UnknownName, "no setting of echo named 'delay'; did you mean 'delay_s'"),
        ("gain:x=1@1", UnknownName, "setting of gain"),
        ("echo:delay_s@1", UsageError, "expected delay_s=number, got ''"),
        ("echo:delay_s=soon@1", UsageError, "echo:delay_s=0.02"),
        ("mp3:rate_hz=100@16", UsageError, "whole rate from 4000 to 384000 Hz"),
        ("ehco:delay_s=1@1", UnknownName, "did you mean 'echo'"),
        ("pitch_shfit@1", UnknownName, "no attack named 'pitch_shfit'; did you mean 'pitch_shift'"),
        ("gain@", UsageError, "expected a number of dB after .@., got .."),
        ("gain@loud", UsageError, "expected a number of dB after '@', got 'loud'"),
        ("gain@1000", UsageError, "expected a strength from -90 to 60 dB"),
        ("", UsageError, "name@strength"),
        ("@3", UsageError, "name@strength"),
        ("gain@3+", UsageError, "expected a number"),
    ],
)
def test_errors_help(text: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        parse(text)


def test_steps_run_in_order_with_streams_of_their_own(stereo: Clip) -> None:
    chain = parse("white_noise@0.01+white_noise@0.01")
    noise = chain(stereo, seed=5).samples - stereo.samples
    first = WhiteNoise()(stereo, 0.01, seed=5).samples - stereo.samples
    second = noise - first
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert np.array_equal(chain(stereo, 5).samples, chain(stereo, 5).samples)
    assert not np.array_equal(chain(stereo, 5).samples, chain(stereo, 6).samples)


def test_time_scale_multiplies(stereo: Clip) -> None:
    chain = parse("crop@0.5+speed@2+gain@3")
    assert chain.time_scale == 0.25 and chain.seeded
    assert abs(chain(stereo).samples.shape[1] - stereo.samples.shape[1] / 4) <= 1
    assert not parse("gain@3").seeded
