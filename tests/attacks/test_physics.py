# SPDX-License-Identifier: MIT
"""Facts about sound that single attacks promise, most of them in tables."""

from __future__ import annotations

import numpy as np
import pytest

from unsung import registry
from unsung.attacks._loudness import integrated_lufs
from unsung.attacks._stretch import stretch
from unsung.attacks.echo import Echo
from unsung.attacks.low_pass import LowPass
from unsung.attacks.pitch_shift import PitchShift
from unsung.attacks.reverb import Reverb
from unsung.attacks.time_stretch import TimeStretch
from unsung.types import Clip

from .conftest import music

RATE = 44100


def run(name: str, clip: Clip, strength: float, seed: int = 0) -> np.ndarray:
    return registry.get("attacks", name)()(clip, strength, seed).samples


def tone(hz: float, duration_s: float = 1.0, level: float = 0.5, rate: int = RATE) -> Clip:
    t = np.arange(round(duration_s * rate)) / rate
    return Clip((level * np.sin(2 * np.pi * hz * t)).astype(np.float32)[None], rate)


def pitch_hz(samples: np.ndarray, rate: int = RATE) -> float:
    inner = samples[0, rate // 10 : -rate // 10]
    power = np.abs(np.fft.rfft(inner * np.hanning(len(inner)), 1 << 19))
    return float(power.argmax() * rate / (1 << 19))


def gain_db(name: str, strength: float, hz: float) -> float:
    clip = tone(hz)
    middle = slice(RATE // 4, -RATE // 4)
    out = run(name, clip, strength)[:, middle]
    return float(20 * np.log10(out.std() / clip.samples[:, middle].std() + 1e-9))


@pytest.mark.parametrize(
    ("name", "strength", "hz", "low_db", "high_db"),
    [
        ("low_pass", 4000, 1000, -0.2, 0.1),
        ("low_pass", 4000, 4000, -3.2, -2.8),
        ("low_pass", 4000, 8000, -30, -23),
        ("low_pass", 30000, 20000, -0.01, 0.01),
        ("high_pass", 1000, 4000, -0.2, 0.1),
        ("high_pass", 1000, 1000, -3.2, -2.8),
        ("high_pass", 1000, 500, -26, -23),
        ("band_stop", 1000, 866, -200, -40),  # geometric middle of 500 and 1500 Hz
        ("band_stop", 1000, 500, -3.2, -2.8),
        ("band_stop", 1000, 8000, -0.2, 0.1),
        ("resample_round_trip", 16000, 7000, -0.2, 0.1),
        ("resample_round_trip", 16000, 9000, -200, -80),
        ("gain", -6, 1000, -6.01, -5.99),
        ("gain", 24, 1000, 23.99, 24.01),
    ],
)
def test_tone_level(name: str, strength: float, hz: float, low_db: float, high_db: float) -> None:
    assert low_db <= gain_db(name, strength, hz) <= high_db


def test_rolloff_is_an_argument() -> None:
    steep, flat = (LowPass(db)(tone(8000), 4000).samples[:, 9000:].std() for db in (48, 12))
    assert steep < 0.1 * flat


@pytest.mark.parametrize("semitones", [-8, -2, -1, 0.5, 1, 2, 8, 12])
def test_pitch_shift_lands(semitones: float) -> None:
    out = PitchShift()(tone(440, 2.0), semitones).samples
    cents = 1200 * np.log2(pitch_hz(out) / (440 * 2 ** (semitones / 12)))
    assert abs(cents) < 0.5
    assert out.shape[1] == 2 * RATE
    assert out[0, 4000:-4000].std() == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("rate", [0.5, 0.9, 1.1, 2.0, 3.0])
def test_time_stretch_keeps_pitch_and_level(rate: float) -> None:
    out = TimeStretch()(tone(440, 2.0), rate).samples
    assert abs(1200 * np.log2(pitch_hz(out) / 440)) < 0.5
    assert out[0, 4000:-4000].std() == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_speed_moves_pitch_and_length() -> None:
    out = run("speed", tone(440, 2.0), 1.5)
    assert pitch_hz(out) == pytest.approx(660, abs=0.1)
    assert abs(out.shape[1] - 2 * RATE / 1.5) <= 1


@pytest.mark.parametrize("rate", [0.5, 0.75, 1.5, 2.0])
def test_attacks_are_not_smeared(rate: float) -> None:
    rng, clip = np.random.default_rng(0), tone(220, 3.0, 0.1)
    places = (0.5, 1.25, 2.0, 2.6)
    for place in places:
        at = slice(round(place * RATE), round(place * RATE) + 4000)
        clip.samples[0, at] += 0.5 * rng.standard_normal(4000) * np.exp(-np.arange(4000) / 400)
    out = TimeStretch()(clip, rate).samples[0]
    for place in places:
        centre = round(place / rate * RATE)
        power = np.diff(out[centre - 4000 : centre + 4000]) ** 2
        early = power[: 4000 - 88].sum() / power.sum()  # more than 2 ms before
        assert early < 0.02, (place, early)


def test_stretch_keeps_the_stereo_image() -> None:
    one = music(channels=1).samples
    out = stretch(np.concatenate([one, -0.5 * one]), RATE, 1.3)
    assert np.allclose(out[1], -0.5 * out[0], atol=1e-4)


def test_stretch_by_one_is_the_same() -> None:
    clip = music()
    assert np.array_equal(TimeStretch()(clip, 1.0).samples, clip.samples)
    assert np.array_equal(PitchShift()(clip, 0.0).samples, clip.samples)


@pytest.mark.parametrize("snr_db", [0, 20, 40])
def test_noise_snr_is_what_it_says(snr_db: float) -> None:
    clip = music()
    noise = run("noise_snr", clip, snr_db) - clip.samples
    measured = 20 * np.log10(np.sqrt(np.mean(clip.samples**2)) / noise.std())
    assert measured == pytest.approx(snr_db, abs=0.05)


def test_white_noise_is_absolute() -> None:
    for level in (0.1, 1.0):
        clip = Clip(music().samples * np.float32(level), RATE)
        noise = run("white_noise", clip, 0.01) - clip.samples
        assert noise.std() == pytest.approx(0.01, rel=0.01)


def test_bit_crush_grid() -> None:
    out = run("bit_crush", music(), 4)
    assert np.allclose(out * 9, np.round(out * 9), atol=1e-5)  # q = 2^4 / 2 + 1


@pytest.mark.parametrize("rt60_s", [0.4, 1.5])
def test_reverb_decays_by_sixty_decibels(rt60_s: float) -> None:
    click = np.zeros((1, 2 * RATE), np.float32)
    click[0, 0] = 1
    tail = Reverb()(Clip(click, RATE), rt60_s).samples[0, 500:]
    energy = np.cumsum(tail[::-1].astype(np.float64) ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0] + 1e-12)
    fall_s = (np.argmax(level < -25) - np.argmax(level < -5)) / RATE
    assert 3 * fall_s == pytest.approx(rt60_s, rel=0.12)


def test_echo_places_the_reflection() -> None:
    click = np.zeros((1, RATE), np.float32)
    click[0, 10] = 0.8
    out = Echo(delay_s=0.05)(Clip(click, RATE), 0.5).samples[0]
    assert np.flatnonzero(out).tolist() == [10, 10 + round(0.05 * RATE)]
    assert out[10] == pytest.approx(0.8) and out.max() == out[10]


@pytest.mark.parametrize(
    ("level_db", "channels", "lufs"), [(0, 1, -3.01), (-20, 1, -23.01), (-23, 2, -23.0)]
)
@pytest.mark.parametrize("rate", [44100, 48000])
def test_loudness_of_the_reference_tone(
    level_db: float, channels: int, lufs: float, rate: int
) -> None:
    one = tone(997, 3.0, 10 ** (level_db / 20), rate).samples
    assert integrated_lufs(np.repeat(one, channels, axis=0), rate) == pytest.approx(lufs, abs=0.05)


def test_loudness_gate_ignores_silence() -> None:
    sound = tone(997, 4.0).samples
    gap = np.concatenate([sound, np.zeros_like(sound)], axis=1)
    assert integrated_lufs(gap, RATE) == pytest.approx(integrated_lufs(sound, RATE), abs=0.3)


def test_loudness_normalisation_arrives() -> None:
    assert integrated_lufs(run("loudness_normalisation", music(), -23), RATE) == pytest.approx(-23)


def test_dynamic_compression_narrows_and_keeps_loudness() -> None:
    clip = tone(440, 2.0)
    clip.samples[0, :RATE] *= 0.1  # 20 dB softer first
    out = run("dynamic_compression", clip, 4)
    steps = [
        20 * np.log10(x[0, -20000:].std() / x[0, 20000:40000].std()) for x in (clip.samples, out)
    ]
    assert steps[0] == pytest.approx(20, abs=0.1) and steps[1] < 12
    assert out.std() == pytest.approx(clip.samples.std(), rel=1e-3)


def test_time_mask_is_silent_for_its_share() -> None:
    clip = Clip(np.ones((1, 10 * 16000), np.float32), 16000)
    out = run("time_mask", clip, 0.3, seed=2)[0]
    assert (out < 1).mean() == pytest.approx(0.3, abs=0.001)
    assert (out == 0).mean() == pytest.approx(0.28, abs=0.001)  # two fades of 0.1 s
    assert np.abs(np.diff(out)).max() < 1e-3


def test_crop_and_silence_keep_the_samples() -> None:
    clip = Clip(np.arange(1, 1001, dtype=np.float32)[None] / 1000, 16000)
    piece = run("crop", clip, 0.5)[0]
    assert np.allclose(np.diff(piece), 1e-3, atol=1e-6) and len(piece) == 500
    opened = run("silence_insertion", clip, 0.1)[0]
    assert np.array_equal(opened[opened != 0], clip.samples[0]) and (opened == 0).sum() == 100


def test_vibrato_swings_as_far_as_promised() -> None:
    clip = Clip(np.arange(RATE, dtype=np.float32)[None] / RATE, RATE)  # a ramp reads out the index
    swing = (run("vibrato", clip, 4) - clip.samples)[0, 1000:-1000]
    assert np.abs(swing).max() == pytest.approx(0.0005, rel=0.01)


def test_aliasing_folds_what_resampling_removes() -> None:
    clip = tone(10000)
    folded, clean = (run(n, clip, 12000) for n in ("aliasing", "resample_round_trip"))
    assert folded.std() > 100 * clean[:, 4000:-4000].std()
    assert pitch_hz(folded) == pytest.approx(2000, abs=2)


def test_clipping_fade_tanh_and_mono() -> None:
    clip = music()
    peak = np.abs(clip.samples).max()
    assert np.abs(run("clipping", clip, 6)).max() == pytest.approx(peak * 10**-0.3, rel=1e-5)
    faded = run("fade", clip, 0.5)
    assert not faded[:, 0].any() and np.array_equal(faded[:, RATE], clip.samples[:, RATE])
    assert run("tanh_distortion", clip, 0.5).std() == pytest.approx(clip.samples.std(), rel=1e-2)
    mono = run("mono_mix", clip, 1.0)
    assert np.array_equal(mono[0], mono[1]) and np.allclose(mono[0], clip.mono(), atol=1e-6)


def test_eq_curve_scales_with_strength() -> None:
    clip = music()
    spectra = [
        20 * np.log10(np.abs(np.fft.rfft(run("eq", clip, db, seed=1)[0]))[200:40000:50] + 1e-9)
        for db in (0, 6, 12)
    ]
    mild, harsh = (np.abs(spectra[i] - spectra[0]).mean() for i in (1, 2))
    assert 0.3 < mild < 6 and harsh == pytest.approx(2 * mild, rel=0.3)
