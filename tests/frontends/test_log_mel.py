# SPDX-License-Identifier: MIT
"""Log-mel bands: tones land in their band, scales agree with librosa and with the published one."""

import librosa
import numpy as np
import pytest

from unsung.errors import UnknownName, UsageError
from unsung.frontends.log_mel import LogMel, hz_to_mel, mel_to_hz


def tone(hz, rate, seconds=1.0):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype("f4")


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("hz", [150.0, 440.0, 3000.0, 7000.0])
def test_a_tone_lands_in_its_band(scale, hz):
    front_end = LogMel(scale=scale)
    picture = front_end(tone(hz, 16000)[None])[0, 0]
    loudest = front_end.freqs_hz[picture.mean(axis=1).argmax()]
    spacing = np.diff(front_end.freqs_hz).max()
    assert abs(loudest - hz) <= max(spacing, 16000 / 2048)


def test_a_click_lands_in_its_frame():
    front_end = LogMel(top_db=None)
    sound = np.zeros(16000, "f4")
    sound[8000] = 1.0
    picture = front_end(sound[None])[0, 0]
    loudest = front_end.times_s(16000)[picture.mean(axis=0).argmax()]
    assert abs(loudest - 0.5) <= front_end.hop_s / 2 + 1e-9


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_and_back(scale):
    hz = np.array([0.0, 50.0, 700.0, 999.0, 1000.0, 4000.0, 11025.0])
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz, scale), scale), hz, atol=1e-8)


@pytest.mark.parametrize(("scale", "norm"), [("htk", None), ("slaney", "slaney")])
def test_librosa_agrees(scale, norm):
    front_end = LogMel(scale=scale, equal_area=norm is not None, top_db=None)
    sound = (0.1 * np.random.default_rng(0).standard_normal(32000)).astype("f4")
    twin = librosa.feature.melspectrogram(
        y=sound, sr=16000, n_fft=2048, hop_length=512, n_mels=128, fmin=20, fmax=8000,
        htk=scale == "htk", norm=norm, pad_mode="reflect",
    )  # fmt: skip
    np.testing.assert_allclose(front_end(sound[None])[0, 0], 10 * np.log10(twin), atol=1e-3)


def test_sonics_spectrogram_matches_the_published_model():
    time = np.arange(80000) / 16000
    sound = 0.3 * np.sin(2 * np.pi * 220 * time)
    sound += 0.2 * np.sin(2 * np.pi * (300 + 400 * time / time[-1]) * time)
    sound += 0.1 * np.sin(2 * np.pi * 3000 * time) * np.sin(2 * np.pi * 2 * time)
    picture = LogMel.preset("sonics")((sound / sound.std())[None].astype("f4"))[0, 0]
    assert picture.shape == (128, 157)
    # Read from the original code (fixture sonics_state_dicts.json, alpha-5s).
    np.testing.assert_allclose(picture[0, :3], [2.861748, 2.532514, -0.382544], atol=1e-3)
    assert picture.min() == pytest.approx(-0.382544, abs=1e-4)
    assert picture.max() == pytest.approx(3.990063, abs=1e-4)
    assert picture.mean() == pytest.approx(0.0, abs=1e-4)
    assert picture.std() == pytest.approx(1.0, abs=1e-4)


def test_one_clip_does_not_depend_on_its_batch_mates():
    front_end = LogMel()
    quiet, loud = 0.001 * tone(440, 16000), tone(880, 16000)
    alone = front_end(quiet[None])[0]
    np.testing.assert_array_equal(front_end(np.stack([quiet, loud]))[0], alone)


def test_errors_say_what_to_do():
    with pytest.raises(UsageError, match="choose a band inside the sample rate"):
        LogMel(high_hz=9000.0)
    with pytest.raises(UnknownName, match="no mel scale named 'htkk'; did you mean 'htk'"):
        LogMel(scale="htkk")
    with pytest.raises(UnknownName, match="no log_mel preset named 'sonic'; did you mean 'sonics'"):
        LogMel.preset("sonic")
    with pytest.raises(UsageError, match="pad the clip"):
        LogMel()(np.zeros((1, 100), "f4"))
