# SPDX-License-Identifier: MIT
"""LFCC and MFCC: stored numbers of the published systems, librosa as twin, slow slopes."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.fft

from unsung.errors import UnknownName, UsageError
from unsung.frontends._cepstra import cosine_matrix, with_slopes
from unsung.frontends.lfcc import Lfcc
from unsung.frontends.mfcc import Mfcc

torch = pytest.importorskip("torch")

FACTS = json.loads((Path(__file__).parents[1] / "fixtures" / "lfcc_metrics.json").read_text())
PRESETS = ("asvspoof2021", "asvspoof2021-gmm", "wavefake", "gan-police")


def published_tone(rate=16000):
    t = np.arange(rate) / rate
    sound = 0.3 * np.sin(2 * np.pi * 220 * t) + 0.2 * np.sin(2 * np.pi * (300 + 400 * t) * t)
    return (sound + 0.1 * np.sin(2 * np.pi * 3000 * t) * np.sin(4 * np.pi * t)).astype("f4")


def test_the_asvspoof_baseline():
    facts = FACTS["asvspoof21_lfcc"]
    front_end = Lfcc.preset("asvspoof2021")
    assert front_end.n_bins == facts["num_fft_bins"]
    found = front_end(published_tone()[None])[0].reshape(60, -1).T
    assert [1, *found.shape] == facts["shape"]
    np.testing.assert_allclose(found[10, :5], facts["[0,10,:5]"], atol=1e-5)
    np.testing.assert_allclose(found[10, 20:25], facts["[0,10,20:25]"], atol=1e-5)
    assert found.mean() == pytest.approx(facts["mean"], abs=1e-5)


def test_the_wavefake_features():
    facts = FACTS["wavefake_lfcc"]
    found = Lfcc.preset("wavefake")(published_tone()[None])[:, 0]
    assert list(found.shape) == facts["shape"]
    np.testing.assert_allclose(found[0, :5, 10], facts["[0,:5,10]"], atol=2e-4)
    assert found.mean() == pytest.approx(facts["mean"], abs=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_engines_agree_for_every_preset(name):
    front_end = Lfcc.preset(name)
    noise = 0.01 * np.random.default_rng(0).standard_normal(front_end.sample_rate_hz)
    sounds = np.stack([published_tone(front_end.sample_rate_hz) + noise, noise]).astype("f4")
    theirs = front_end.module()(torch.from_numpy(sounds)).numpy()
    np.testing.assert_allclose(front_end(sounds), theirs, atol=1e-4)


@pytest.mark.parametrize("name", PRESETS)
def test_louder_moves_the_first_coefficient_alone(name):
    front_end = Lfcc.preset(name)
    noise = np.random.default_rng(0).standard_normal((1, front_end.sample_rate_hz)).astype("f4")
    change = (front_end(4 * noise) - front_end(noise))[0, 0]
    assert np.abs(change[1:]).max() < 1e-3
    assert change[0].min() > 0.5


def test_mfcc_is_librosas():
    librosa = pytest.importorskip("librosa")
    rng = np.random.default_rng(3)
    sound = (published_tone(22050) + 0.01 * rng.standard_normal(22050)).astype("f4")
    mel = librosa.feature.melspectrogram(y=sound, sr=22050, pad_mode="reflect")
    expected = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=13)
    found = Mfcc()(sound[None])[0, 0]
    np.testing.assert_allclose(found, expected, atol=2e-3)  # dB sums of up to 500


@pytest.mark.parametrize("options", [{}, {"slope_orders": 2}, {"slope": "difference"}])
def test_mfcc_engines_agree(options):
    front_end = Mfcc(**options)
    noise = np.random.default_rng(0).standard_normal((2, 22050)).astype("f4")
    theirs = front_end.module()(torch.from_numpy(0.1 * noise)).numpy()
    np.testing.assert_allclose(front_end(np.float32(0.1) * noise), theirs, atol=1e-4)


def test_cosines_are_scipys():
    values = np.random.default_rng(0).standard_normal((20, 7))
    expected = scipy.fft.dct(values, axis=0, norm="ortho")[:13]
    np.testing.assert_allclose(cosine_matrix(13, 20) @ values, expected, atol=1e-6)


@pytest.mark.parametrize("slope", ["difference", "regression"])
def test_slopes_against_a_slow_twin(slope):
    values = np.random.default_rng(0).standard_normal((1, 2, 9)).astype("f4")
    found = with_slopes(values, 1, slope)[0, 1]
    for row in range(2):
        for frame in range(9):

            def at(k, row=row, frame=frame):
                return values[0, row, min(max(frame + k, 0), 8)]

            if slope == "difference":
                expected = at(1) - at(-1)
            else:
                expected = np.polyfit(range(-2, 3), [at(k) for k in range(-2, 3)], 1)[0]
            assert found[row, frame] == pytest.approx(expected, abs=1e-5)


def test_slope_of_a_constant_sound_is_nothing():
    found = with_slopes(np.full((1, 3, 5), 7, "f4"), 2, "regression")
    assert np.abs(found[:, 1:]).max() < 1e-6


def test_wrong_settings_say_what_is_right():
    with pytest.raises(UnknownName, match="did you mean 'wavefake'"):
        Lfcc.preset("wavefak")
    with pytest.raises(UnknownName, match="lfcc window"):
        Lfcc(window="kaiser")
    with pytest.raises(UsageError, match="n_coefficients <= n_filters"):
        Lfcc(n_coefficients=21)
    with pytest.raises(UsageError, match="up to 8000, got 9000"):
        Lfcc(high_hz=9000.0)
    with pytest.raises(UsageError, match="more than 512 samples"):
        Lfcc()(np.zeros((1, 100), "f4"))
    with pytest.raises(UsageError, match="slope_orders 0, 1 or 2"):
        Mfcc(slope_orders=3)
    with pytest.raises(UsageError, match="1 to 128 coefficients"):
        Mfcc(n_coefficients=200)
    with pytest.raises(UsageError, match="low_hz < high_hz"):
        Mfcc(sample_rate_hz=16000)
