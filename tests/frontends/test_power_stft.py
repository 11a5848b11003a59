# SPDX-License-Identifier: MIT
"""Log power: the authors' stored numbers, tones in their bins, clicks in their frames."""

import json
from pathlib import Path

import numpy as np
import pytest

from unsung.errors import UnknownName, UsageError
from unsung.frontends.power_stft import PowerStft

torch = pytest.importorskip("torch")

FACTS = json.loads((Path(__file__).parents[1] / "fixtures" / "ganpolice_fixture.json").read_text())[
    "stft"
]
RATE = 22050


def published_tone():
    t = np.arange(RATE) / RATE
    sound = 0.3 * np.sin(2 * np.pi * 220 * t) + 0.2 * np.sin(2 * np.pi * (300 + 400 * t) * t)
    return (sound + 0.1 * np.sin(2 * np.pi * 3000 * t) * np.sin(4 * np.pi * t)).astype("f4")


def test_the_published_picture():
    picture = PowerStft()(published_tone()[None])
    assert list(picture[:, 0].shape) == FACTS["shape"]
    np.testing.assert_allclose(picture[0, 0, 10, 50:54], FACTS["log[0,10,50:54]"], atol=2e-4)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_the_published_moments(precision):
    # Half of the bins hold no sound: in single precision they hold the rounding of the transform,
    # ln(1 + rounding / power) above the truth, and each processor's kernel rounds otherwise. That
    # is 0.06 nepers of the published mean, 0.01 to 0.06 of ours, 0 in double precision.
    picture = PowerStft(precision=precision).module()(torch.from_numpy(published_tone()[None]))
    assert float(picture.mean()) == pytest.approx(FACTS["log_mean"], abs=0.1)
    assert float(picture.std()) == pytest.approx(FACTS["log_std"], abs=0.1)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_single_precision_agrees_with_double_where_there_is_sound(engine):
    # A float32 transform errs by a few 1e-7 of the loudest bin: a few 1e-3 of one 80 dB below it.
    exact = PowerStft()(published_tone()[None])
    front_end = PowerStft(precision="single")
    picture = front_end(published_tone()[None])
    if engine == "torch":
        picture = front_end.module()(torch.from_numpy(published_tone()[None])).numpy()
    loud = exact > exact.max() - np.log(1e8)
    assert 0.1 < loud.mean() < 0.5
    np.testing.assert_allclose(picture[loud], exact[loud], atol=0.01)


@pytest.mark.parametrize("hz", [400.0, 3000.0, 9000.0])
def test_a_tone_lands_in_its_bin(hz):
    front_end = PowerStft()
    tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype("f4")
    level = front_end(tone[None])[0, 0].mean(axis=1)
    assert abs(front_end.freqs_hz[level.argmax()] - hz) <= RATE / 511


def test_a_click_lands_in_its_frame():
    front_end = PowerStft()
    click = np.zeros(RATE, "f4")
    click[220 * 40] = 1
    level = front_end(click[None])[0, 0].mean(axis=0)
    assert front_end.times_s(RATE)[level.argmax()] == pytest.approx(0.4, abs=front_end.hop_s)


def test_wrong_settings_say_what_is_right():
    with pytest.raises(UnknownName, match="precision"):
        PowerStft(precision="half")
    with pytest.raises(UsageError, match="hop >= 1"):
        PowerStft(hop=0)
    with pytest.raises(UsageError, match="more than 255 samples"):
        PowerStft()(np.zeros((1, 200), "f4"))
