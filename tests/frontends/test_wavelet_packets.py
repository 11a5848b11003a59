# SPDX-License-Identifier: MIT
"""Wavelet packets: PyWavelets as oracle, the authors' numbers, physics of bands and times."""

import json
from pathlib import Path

import numpy as np
import pytest

from unsung.errors import UnknownName, UsageError
from unsung.frontends._wavelets import LOW_PASS, kernel, packet_names, reflected
from unsung.frontends.wavelet_packets import WaveletPackets

pywt = pytest.importorskip("pywt")
torch = pytest.importorskip("torch")

FACTS = json.loads((Path(__file__).parents[1] / "fixtures" / "ganpolice_fixture.json").read_text())
RATE = 22050
WAVELETS = sorted(LOW_PASS)
FRAMES = {"haar": 87, "sym5": 95, "sym8": 101, "db8": 101, "coif4": 109}


def published_tone():
    t = np.arange(RATE) / RATE
    sound = 0.3 * np.sin(2 * np.pi * 220 * t) + 0.2 * np.sin(2 * np.pi * (300 + 400 * t) * t)
    return (sound + 0.1 * np.sin(2 * np.pi * 3000 * t) * np.sin(4 * np.pi * t)).astype("f4")


def oracle(sound, wavelet, level):
    tree = pywt.WaveletPacket(sound.astype("f8"), wavelet, "reflect", level)
    return np.stack([node.data for node in tree.get_level(level, "freq")])


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_filters_are_those_of_pywavelets_and_orthonormal(wavelet):
    low, high = kernel(wavelet).T
    np.testing.assert_allclose(low[::-1], pywt.Wavelet(wavelet).dec_lo, atol=1e-15)
    np.testing.assert_allclose(high[::-1], pywt.Wavelet(wavelet).dec_hi, atol=1e-15)
    for shift in range(0, len(low), 2):
        expected = 1.0 if shift == 0 else 0.0
        assert low[shift:] @ low[: len(low) - shift] == pytest.approx(expected, abs=1e-9)
        assert low[shift:] @ high[: len(low) - shift] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize(("length", "level"), [(RATE, 8), (RATE, 1), (1001, 5), (37, 4), (1, 3)])
def test_coefficients_are_those_of_pywavelets(wavelet, length, level):
    sound = np.random.default_rng(length).standard_normal(length).astype("f4")
    found = WaveletPackets(wavelet=wavelet, level=level).coefficients(sound[None])[0]
    if length == 1:  # PyWavelets refuses to mirror one sample; a constant is a constant
        assert np.ptp(found[0]) < 1e-6
        return
    np.testing.assert_allclose(found, oracle(sound, wavelet, level), atol=1e-12)


@pytest.mark.parametrize("wavelet", ["haar", "coif4"])
def test_level_fourteen_for_fingerprints(wavelet):
    sound = published_tone()
    found = WaveletPackets(wavelet=wavelet, level=14).coefficients(sound[None])[0]
    assert len(found) == 2**14
    np.testing.assert_allclose(found, oracle(sound, wavelet, 14), atol=1e-12)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_the_published_coefficients_and_moments(wavelet):
    facts = FACTS[wavelet]
    front_end = WaveletPackets(wavelet=wavelet)
    found = front_end.coefficients(published_tone()[None])[0]
    assert list(found.T.shape) == facts["shape(time,packets)"]
    assert found.shape[1] == FRAMES[wavelet]
    np.testing.assert_allclose(found[:4, 0], facts["coef[0,0,:4]"], atol=2e-6)
    np.testing.assert_allclose(found[10:14, 40], facts["coef[0,40,10:14]"], atol=2e-6)
    picture = front_end(published_tone()[None])
    # Their single precision errs in coefficients near zero, which the logarithm magnifies.
    assert picture.mean() == pytest.approx(facts["log_mean"], abs=5e-4)
    assert picture.std() == pytest.approx(facts["log_std"], abs=5e-4)


def test_the_published_order():
    names = packet_names(8)
    assert names[:4] == FACTS["sym5"]["keys[:4]"]
    assert names[-2:] == FACTS["sym5"]["keys[-2:]"]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("hz", [100.0, 1234.0, 5000.0, 10500.0])
@pytest.mark.parametrize("wavelet", ["sym8", "coif4"])
def test_a_tone_lands_in_its_packet(hz, wavelet):
    front_end = WaveletPackets(wavelet=wavelet, level=6)
    tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype("f4")
    energy = np.square(front_end.coefficients(tone[None])[0]).sum(axis=1)
    width = RATE / 2 / 2**6
    assert abs(front_end.freqs_hz[energy.argmax()] - hz) <= width


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("at_s", [0.25, 0.6])
def test_a_click_lands_in_its_frame(wavelet, at_s):
    front_end = WaveletPackets(wavelet=wavelet, level=5)
    click = np.zeros(RATE, "f4")
    click[round(at_s * RATE)] = 1
    energy = np.square(front_end.coefficients(click[None])[0]).sum(axis=0)
    centre = (energy * front_end.times_s(RATE)).sum() / energy.sum()
    assert centre == pytest.approx(at_s, abs=1.5 * front_end.hop_s)


def test_haar_keeps_all_energy():
    sound = np.random.default_rng(0).standard_normal(2**12).astype("f4")
    found = WaveletPackets(wavelet="haar", level=8).coefficients(sound[None])
    assert np.square(found).sum() == pytest.approx(np.square(sound.astype("f8")).sum(), rel=1e-9)


def test_nothing_is_lost_with_the_sign_channel():
    front_end = WaveletPackets(wavelet="sym5", level=6, sign_channel=True)
    sound = np.random.default_rng(1).standard_normal(4000).astype("f4")
    picture = front_end(sound[None]).astype("f8")[0]
    again = picture[1] * np.sqrt(np.maximum(np.exp(picture[0]) - front_end.floor, 0))
    tree = pywt.WaveletPacket(None, "sym5", "reflect", 6)
    for name, row in zip(packet_names(6), again, strict=True):
        tree[name] = row
    np.testing.assert_allclose(tree.reconstruct(False)[:4000], sound, atol=1e-4)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("options", [{}, {"sign_channel": True}, {"power": 1.0}, {"level": 11}])
def test_both_engines_agree(wavelet, options):
    front_end = WaveletPackets(wavelet=wavelet, **options)
    sounds = np.stack([published_tone(), np.zeros(RATE, "f4")])
    ours = front_end(sounds)
    theirs = front_end.module()(torch.from_numpy(sounds)).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_single_precision_is_close_where_there_is_sound():
    sound = np.random.default_rng(2).standard_normal((1, RATE)).astype("f4")
    double = WaveletPackets()(sound)
    single = WaveletPackets(precision="single")(sound)
    assert np.median(np.abs(double - single)) < 1e-5
    assert 0 < np.abs(double - single).max() < 0.1


def test_reflected_repeats_over_short_signals():
    places = reflected(3, 6)
    signal = np.array([10, 20, 30])
    padded = np.pad(signal, (4, 8), mode="reflect")
    np.testing.assert_array_equal(signal[places], padded[: len(places)])


def test_wrong_settings_say_what_is_right():
    with pytest.raises(UnknownName, match="no wavelet named 'sym6'"):
        WaveletPackets(wavelet="sym6")
    with pytest.raises(UsageError, match="level from 1 to 14, got 15"):
        WaveletPackets(level=15)
    with pytest.raises(UsageError, match="at least one sample"):
        WaveletPackets()(np.zeros((1, 0), "f4"))
    with pytest.raises(UnknownName, match="precision"):
        WaveletPackets(precision="half")
