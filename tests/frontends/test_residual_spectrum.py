# SPDX-License-Identifier: MIT
"""The residual spectrum holds lines where they are, and agrees with slow twins and a fixture."""

import json
from pathlib import Path

import numpy as np
import pytest

from unsung.errors import UnknownName, UsageError
from unsung.frontends import build
from unsung.frontends.residual_spectrum import (
    ResidualSpectrum,
    _padded_log,
    _running_means,
)

RATE = 16000


def noise(seconds, level=0.05, seed=0):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype("f4")


def lines(seconds, hz, level):
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(level * np.sin(2 * np.pi * f * time + f) for f in hz).astype("f4")


def test_faint_steady_lines_stand_out_at_their_own_hz():
    front_end = ResidualSpectrum(normalise="none")
    wanted = [1000.0, 2400.5, 5512.5, 7350.0]
    sound = noise(8) + lines(8, wanted, 0.003)  # each 27 dB below the noise
    picture = front_end(sound[None])[0, 1, :, 0]
    tallest = front_end.freqs_hz[np.argsort(picture)[::-1][:12]]
    for hz in wanted:
        assert np.abs(tallest - hz).min() < RATE / front_end.n_fft


def test_noise_alone_has_no_residual_beyond_chance():
    picture = ResidualSpectrum(normalise="none")(noise(8)[None])[0, 1, :, 0]
    frames = (8 * RATE - 16384) // 8192 + 1
    # Log power of noise has 5.6 dB deviation a frame; clipped to 2 dB it is below 2 / sqrt(frames)
    assert picture.std() < 2.0 / np.sqrt(frames)


def test_level_does_not_matter():
    front_end = ResidualSpectrum()
    sound = noise(6) + lines(6, [3000.0], 0.002)
    loud, quiet = front_end(sound[None]), front_end(0.1 * sound[None])
    np.testing.assert_allclose(loud, quiet, atol=2e-3)


def test_silent_frames_do_not_count():
    front_end = ResidualSpectrum(envelope="minimum", widths=(10,), normalise="none")
    sound = noise(6)
    padded = np.concatenate([sound, np.zeros(6 * RATE, "f4")])
    total, count = front_end.accumulate(sound, front_end.hop)
    total_2, count_2 = front_end.accumulate(padded, front_end.hop)
    assert count <= count_2 <= count + 2
    # Had 6 s of silence at -100 dB counted, the mean would have moved by some 35 dB.
    assert np.abs(total / count - total_2 / count_2).mean() < 1.0


def test_sums_of_pieces_add_up():
    front_end = ResidualSpectrum(n_fft=2048, hop=1024)
    sound = noise(5)
    whole, count = front_end.accumulate(sound, 1024)
    first, n_first = front_end.accumulate(sound[: 20 * 1024 + 1024], 1024)
    second, n_second = front_end.accumulate(sound[20 * 1024 :], 1024)
    assert n_first + n_second == count
    np.testing.assert_allclose(first + second, whole, atol=1e-3)


def test_slow_twin():
    front_end = ResidualSpectrum(n_fft=512, hop=256, low_hz=500, widths=(4, 9), clip_db=3.0)
    sound = noise(0.5) + lines(0.5, [2000.0], 0.01)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    window /= np.sqrt((window**2).sum())
    frames = []
    for start in range(0, len(sound) - 511, 256):
        power = np.abs(np.fft.rfft(sound[start : start + 512] * window)) ** 2
        frames.append(10 * np.log10(power[16:257]))
    expected = np.zeros((2, 241))
    for row, width in enumerate((4, 9)):
        for frame in frames:
            for k in range(241):
                around = [
                    min(max(j, 0), 240) for j in range(k - width // 2, k - width // 2 + width)
                ]
                rest = frame[k] - np.mean(frame[around])
                expected[row, k] += min(3.0, max(-3.0, rest)) / len(frames)
    expected /= expected.std(axis=1, keepdims=True) + 1e-3
    np.testing.assert_allclose(front_end(sound[None])[0, :, :, 0], expected, atol=1e-4)


def test_running_means_are_plain_means():
    widths = (2, 3, 5, 8, 13, 31)
    power = np.random.default_rng(0).uniform(0.1, 9, (3, 50)).astype("f4")
    padded, level = _padded_log(power, widths)
    np.testing.assert_allclose(level, np.log(power), rtol=1e-6)
    for width, found in zip(widths, _running_means(padded, widths), strict=True):
        check_mean(level, width, found)


def check_mean(level, width, found):
    padded = np.pad(level, ((0, 0), (width // 2, width - 1 - width // 2)), mode="edge")
    expected = np.stack([padded[:, k : k + width].mean(axis=1) for k in range(50)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_published_setting_gives_the_published_numbers():
    rate = 44100
    time = np.arange(4 * rate) / rate
    sound = 0.3 * np.sin(2 * np.pi * 220 * time)
    sound += 0.2 * np.sin(2 * np.pi * 1500 * time * (1 + 0.01 * time))
    sound += 0.01 * np.random.RandomState(0).randn(len(time))
    for hz in range(5000, 16001, 690):
        sound += 0.0006 * np.sin(2 * np.pi * hz * time)
    picture = ResidualSpectrum.preset("ismir25")(sound[None].astype("f4"))[0, 0, :, 0]
    assert len(picture) == 4087
    # Mean and saturated bins of the original algorithm on this sound (fakeprint fixture).
    assert picture.mean() == pytest.approx(0.31191826, abs=1e-5)
    assert picture[[769, 768, 513, 3630, 3941]] == pytest.approx(1.0, abs=1e-5)
    assert picture[:5] == pytest.approx(0.0, abs=1e-6)
    fixture = Path(__file__).parents[3] / "shared/fixtures/fakeprint_eer.json"
    if fixture.exists():
        stored = json.loads(fixture.read_text())["fakeprint"]
        assert picture.mean() == pytest.approx(stored["mean"], abs=1e-5)


def test_lofcz_preset_has_the_published_length():
    assert len(ResidualSpectrum.preset("lofcz").freqs_hz) == 3585


def test_record_round_trip_and_errors():
    front_end = ResidualSpectrum(widths=(7,), clip_db=1.5)
    assert build("residual_spectrum", front_end.to_dict()) == front_end
    with pytest.raises(UnknownName, match="did you mean 'clip_db'"):
        build("residual_spectrum", {"clip_dbb": 2.0})
    with pytest.raises(UnknownName, match="did you mean 'residual_spectrum'"):
        build("residual_spectrun")
    with pytest.raises(UsageError, match="low_hz < high_hz"):
        ResidualSpectrum(low_hz=9000.0)
    with pytest.raises(UsageError, match="widths"):
        ResidualSpectrum(widths=(1,))
    with pytest.raises(UnknownName, match="no envelope named 'minimun'; did you mean 'minimum'"):
        ResidualSpectrum(envelope="minimun")
    with pytest.raises(UsageError, match=r"\[batch, time\]"):
        front_end(noise(1))
