# SPDX-License-Identifier: MIT
"""Descriptors: librosa as twin, limits of centroid and entropy, silence that does not count."""

import numpy as np
import pytest

from unsung.audio.signals import tone
from unsung.errors import UsageError
from unsung.frontends.descriptors import NAMES, Descriptors

torch = pytest.importorskip("torch")

RATE = 16000


def described(sound):
    values = Descriptors()(np.asarray(sound, "f4")[None])[0, :, 0, 0]
    return dict(zip(NAMES, values.tolist(), strict=True))


def noise(seconds=2.0, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def test_librosa_agrees():
    librosa = pytest.importorskip("librosa")
    sound = noise().astype("f4")
    found = described(sound)
    padded = np.pad(sound, 1024, mode="reflect")
    centroid = librosa.feature.spectral_centroid(y=padded, sr=RATE, center=False)
    assert found["centroid"] == pytest.approx(float(centroid.mean()), rel=1e-5)
    mel = librosa.feature.melspectrogram(y=sound, sr=RATE, pad_mode="reflect")
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=13).mean(axis=1)
    np.testing.assert_allclose(list(found.values())[2:], mfcc, atol=2e-3)


def test_a_tone_has_its_own_pitch_and_little_entropy():
    found = described(tone(1000.0, 2.0, RATE).ravel()[: 2 * RATE])
    assert found["centroid"] == pytest.approx(1000.0, abs=30.0)
    assert found["entropy"] < 2.0
    assert described(noise())["entropy"] > 4.0
    assert described(noise())["entropy"] < np.log(128)


def test_level_moves_nothing_but_the_first_cepstral_coefficient():
    quiet, loud = described(noise()), described(4 * noise())
    for name in NAMES:
        if name == "mfcc_0":
            assert loud[name] > quiet[name] + 50
        else:
            assert loud[name] == pytest.approx(quiet[name], abs=2e-2)


def test_silence_does_not_count_and_alone_is_nothing():
    sound = noise(4.0)
    sound[2 * RATE :] = 0
    half, whole = described(sound), described(sound[: 2 * RATE])
    assert half["centroid"] == pytest.approx(whole["centroid"], rel=0.02)
    assert set(described(np.zeros(RATE)).values()) == {0.0}


def test_engines_agree_with_silence_inside():
    sound = np.stack([noise(2.0), noise(2.0, 1)]).astype("f4")
    sound[0, RATE:] = 0
    theirs = Descriptors().module()(torch.from_numpy(sound)).numpy()
    np.testing.assert_allclose(Descriptors()(sound), theirs, atol=1e-4, rtol=1e-6)


def test_too_little_sound():
    with pytest.raises(UsageError, match="more than 1024 samples"):
        Descriptors()(np.zeros((1, 1000), "f4"))
