# SPDX-License-Identifier: MIT
"""Facts about sound promised by the later attacks: telephone, crowd, order, combs, partners."""

from __future__ import annotations

import numpy as np
import pytest

from unsung import registry
from unsung.attacks import PRESETS, parse
from unsung.attacks._filters import notch, second_order, slope_q
from unsung.attacks.comb_notch import CombNotch
from unsung.attacks.mix import Mix
from unsung.attacks.transplant import Transplant
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip

from .conftest import music
from .test_physics import RATE, gain_db, pitch_hz, run, tone


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize(
    ("hz", "low_db", "high_db"),
    [(100, -200, -25), (1000, -1, 1), (3000, -1, 1), (3700, -200, -25), (8000, -200, -25)],
)
def test_phone_band_passes_speech_only(hz: float, low_db: float, high_db: float) -> None:
    assert low_db <= gain_db("phone_band", 1.0, hz) <= high_db


def test_phone_band_stays_in_step() -> None:
    clip = tone(1000)
    out = run("phone_band", clip, 1.0)
    middle = slice(RATE // 4, -RATE // 4)
    assert np.corrcoef(out[0, middle], clip.samples[0, middle])[0, 1] > 0.999


@pytest.mark.parametrize("drop_db", [1, 6, 18])
def test_limiter_holds_its_ceiling_without_clipping(drop_db: float) -> None:
    clip = music()
    out = run("limiter", clip, drop_db)
    ceiling = np.abs(clip.samples).max() * 10 ** (-drop_db / 20)
    assert np.abs(out).max() <= ceiling * 1.0001
    assert np.abs(out).max() >= ceiling * 0.9
    gain = out[0] / np.where(np.abs(clip.samples[0]) > 1e-3, clip.samples[0], np.nan)
    assert np.nanmax(gain) <= 1.0001
    steps = np.abs(np.diff(20 * np.log10(gain)))
    assert np.nanmax(steps) < 0.2, "the gain jumps: that is clipping"


@pytest.mark.parametrize("side_db", [-12, 6])
def test_mid_side_moves_the_side_alone(side_db: float) -> None:
    clip = music()
    out = run("mid_side", clip, side_db)
    assert np.allclose(out.mean(axis=0), clip.samples.mean(axis=0), atol=1e-6)
    sides = [x[0] - x[1] for x in (out, clip.samples)]
    assert 20 * np.log10(rms(sides[0]) / rms(sides[1])) == pytest.approx(side_db, abs=0.01)
    mono = music(channels=1)
    assert np.array_equal(run("mid_side", mono, side_db), mono.samples)


@pytest.mark.parametrize(("share", "factor"), [(0.0, 1), (0.5, 0), (0.75, -0.5), (1.0, -1)])
def test_the_last_channel_alone_is_turned(share: float, factor: float) -> None:
    clip = music()
    out = run("inverted_channel", clip, share)
    assert np.array_equal(out[:-1], clip.samples[:-1])
    assert np.allclose(out[-1], factor * clip.samples[-1])
    mono = music(channels=1)
    assert np.array_equal(run("inverted_channel", mono, share), mono.samples)


def test_shuffled_pieces_are_all_there_and_all_moved() -> None:
    clip = Clip(np.arange(1, 160001, dtype=np.float32)[None] / 160000, 16000)
    out = run("segment_shuffle", clip, 1.0, seed=1)[0]
    assert len(out) == 160000
    assert np.mean(np.abs(out - clip.samples[0]) < 1e-6) < 0.01
    assert np.mean(np.sort(out)[::100] - clip.samples[0, ::100]) == pytest.approx(0, abs=0.01)
    jumps = np.flatnonzero(np.abs(np.diff(out)) > 0.05)  # unfaded: 0.1 and more
    assert jumps.size == 0, "joins are not faded"


def test_tile_repeats_the_beginning() -> None:
    clip = music(16000, 2.0, 1)
    out, loop = run("tile", clip, 0.5), 8000
    assert np.array_equal(out[:, :loop], clip.samples[:, :loop])
    assert np.allclose(out[:, loop + 200 : 2 * loop], clip.samples[:, 200:loop])
    assert np.allclose(out[:, 2 * loop : 3 * loop], out[:, loop : 2 * loop])
    assert out.shape == clip.samples.shape


@pytest.mark.parametrize("name", ["speech_over", "crowd_noise"])
@pytest.mark.parametrize("snr_db", [0, 20])
def test_added_sounds_have_the_stated_level(name: str, snr_db: float) -> None:
    clip = music(16000, 4.0)
    added = run(name, clip, snr_db, seed=3) - clip.samples
    assert 20 * np.log10(rms(clip.samples) / rms(added)) == pytest.approx(snr_db, abs=0.05)
    power = np.abs(np.fft.rfft(added[0])) ** 2
    hz = np.fft.rfftfreq(added.shape[1], 1 / 16000)
    assert power[(hz > 100) & (hz < 5000)].sum() > 0.9 * power.sum()


def test_speech_has_syllables_and_crowds_do_not() -> None:
    clip = music(16000, 8.0)
    swings = []
    for name in ("speech_over", "crowd_noise"):
        added = run(name, clip, 0, seed=3)[0] - clip.samples[0]
        level = np.sqrt(np.square(added).reshape(-1, 320).mean(axis=1))  # 20 ms
        swings.append(level.std() / level.mean())
    assert swings[0] > 0.5 > swings[1]


def test_tiny_resample_moves_every_line() -> None:
    out = run("tiny_resample", tone(1000, 4.0), 0.5)
    assert pitch_hz(out) == pytest.approx(1005, abs=0.1)


def test_dither_noise_is_a_quarter_step_squared_and_white() -> None:
    clip = music()
    noise = run("dither", clip, 8) - clip.samples
    step = 2.0**-7
    assert noise.var() == pytest.approx(step**2 / 4, rel=0.02)
    assert abs(np.corrcoef(noise[0, 1:], noise[0, :-1])[0, 1]) < 0.01
    assert abs(np.corrcoef(noise[0], clip.samples[0])[0, 1]) < 0.01


def test_cookbook_sections_do_what_they_say() -> None:
    def gain(section: np.ndarray, hz: float) -> float:
        z = np.exp(-2j * np.pi * hz / RATE * np.arange(3))
        return float(20 * np.log10(abs((section[0, :3] @ z) / (section[0, 3:] @ z)) + 1e-12))

    assert gain(notch(1000, 4, RATE), 1000) < -100
    assert gain(notch(1000, 4, RATE), 2000) > -0.5
    for side, kept, lost in (("low", 100, 10000), ("high", 10000, 100)):
        section = second_order(side, 1000, np.sqrt(0.5), RATE)
        assert gain(section, kept) == pytest.approx(0, abs=0.1)
        assert gain(section, 1000) == pytest.approx(-3.01, abs=0.01)
        assert gain(section, lost) < -38
    assert slope_q(12, 1.0) == pytest.approx(np.sqrt(0.5))


def test_deezer_eq_draws_each_filter_once_in_three() -> None:
    from unsung.attacks.deezer_eq import _drawn

    counts = [len(_drawn(1.0, RATE, np.random.default_rng(seed))) for seed in range(600)]
    assert np.mean(counts) == pytest.approx(2.0, abs=0.15)
    assert np.mean(np.array(counts) == 0) == pytest.approx((2 / 3) ** 6, abs=0.04)


def quiet_music(duration_s: float = 8.0) -> np.ndarray:
    """Random decaying notes over a floor far below them. Shape: ``[2, time]``."""
    rng = np.random.default_rng(1)
    t = np.arange(round(duration_s * RATE)) / RATE
    out = 2e-4 * rng.standard_normal(len(t))
    for start_s in np.arange(0, duration_s, 0.25):
        since = np.maximum(t - start_s, 0)
        ramp = (t >= start_s) * np.minimum(1, since / 0.003)
        root = 110 * 2 ** (rng.integers(0, 36) / 12)
        for k in range(1, 12):
            wave = np.exp(-since * (3 + k)) * np.sin(2 * np.pi * k * root * since)
            out += 0.2 / k * ramp * wave
    return np.stack([out, 0.7 * out]).astype(np.float32)


def test_comb_notch_lowers_the_comb_and_spares_the_music() -> None:
    clean = quiet_music()
    n = clean.shape[1]
    t, lines_hz = np.arange(n) / RATE, np.arange(1000, 16000, 50)
    comb = sum(np.sin(2 * np.pi * hz * t + hz) for hz in lines_hz) * 10 ** (-74 / 20)
    clip = Clip((clean + comb).astype(np.float32), RATE)
    out = CombNotch()(clip, 20).samples

    def heights_db(samples: np.ndarray) -> np.ndarray:
        power = (np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(n))) ** 2).sum(0)
        return 10 * np.log10(power[np.round(lines_hz * n / RATE).astype(int)])

    fall = heights_db(clip.samples) - heights_db(out)
    assert fall.mean() >= 10
    assert 20 * np.log10(rms(clean) / rms(out - clean)) > 30
    alone = CombNotch()(Clip(clean, RATE), 20).samples
    assert 20 * np.log10(rms(clean) / rms(alone - clean)) > 30


def test_mix_and_transplant() -> None:
    clip, other = music(), tone(6000, 0.7, rate=22050)
    out = Mix(other)(clip, 10).samples - clip.samples
    assert 20 * np.log10(rms(clip.samples) / rms(out)) == pytest.approx(10, abs=0.01)
    assert pitch_hz(out) == pytest.approx(6000, abs=2)
    assert out[:, -20000:].std() > 0.5 * out.std(), "a short partner is repeated"
    moved = Transplant(tone(6000, 2.0))(tone(1000, 2.0), 5000).samples
    power = np.abs(np.fft.rfft(moved[0]))
    assert power[2000] == pytest.approx(power[12000], rel=0.02)  # 2 s: half a hertz a bin
    away = Transplant(tone(1000, 2.0))(tone(6000, 2.0), 5000).samples
    assert rms(away[:, 4000:-4000]) < 1e-3
    with pytest.raises(UsageError, match="needs a second clip"):
        Mix()(clip, 10)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_run_and_keep_their_length(name: str) -> None:
    chain = parse(name)
    assert str(parse(f"preset:{name}")) == str(chain)
    assert name not in registry.names("attacks")
    clip = music(44100, 1.0)
    out = chain(clip, 0)
    assert np.isfinite(out.samples).all() and rms(out.samples) > 0.01
    assert abs(out.samples.shape[1] - clip.samples.shape[1] * chain.time_scale) <= len(chain.steps)


def test_presets_inside_chains_and_errors() -> None:
    assert str(parse("gain@3+spotify+gain")).startswith("gain@3+loudness_normalisation@-14+vorbis")
    with pytest.raises(UnknownName, match="no preset named 'youtub'; did you mean 'youtube'"):
        parse("preset:youtub")
    with pytest.raises(UnknownName, match="no attack named 'spotfy'; did you mean 'spotify'"):
        parse("spotfy")
    with pytest.raises(UsageError, match="expected no strength after a preset, got '3'"):
        parse("youtube@3")
