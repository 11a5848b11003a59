# SPDX-License-Identifier: MIT
"""Facts that rooms, calls and repeated encodings promise, most beside slow twins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from unsung import registry
from unsung.attacks import parse
from unsung.attacks._freeverb import comb_feedback, impulse_response
from unsung.attacks.eq import Eq
from unsung.attacks.recompression import Recompression
from unsung.attacks.room import Room, box_response, wall_reflection
from unsung.errors import UsageError
from unsung.types import Clip

from .conftest import music

RATE = 16000
BOX, SOURCE, MIC = (np.array(v) for v in ([6.0, 4.5, 2.8], [1.5, 2.0, 1.2], [3.9, 1.1, 1.6]))


def run(name: str, clip: Clip, strength: float, seed: int = 0) -> np.ndarray:
    return registry.get("attacks", name)()(clip, strength, seed).samples


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def slow_box(beta: float, rate: int, longest_s: float) -> np.ndarray:
    """Sum over images, one at a time: mirror the source in the walls, count the mirrors."""
    reach = 343.0 * longest_s + np.linalg.norm(SOURCE - MIC)
    out = np.zeros(int(reach / 343 * rate) + 2)
    span = [int(reach / (2 * side)) + 2 for side in BOX]
    for i in range(-span[0], span[0] + 1):
        for j in range(-span[1], span[1] + 1):
            for k in range(-span[2], span[2] + 1):
                for p in np.ndindex(2, 2, 2):
                    image = [
                        (1 - 2 * side) * s + 2 * n * length
                        for side, s, n, length in zip(p, SOURCE, (i, j, k), BOX, strict=True)
                    ]
                    distance = float(np.linalg.norm(np.array(image) - MIC))
                    mirrors = sum(
                        abs(n - side) + abs(n) for n, side in zip((i, j, k), p, strict=True)
                    )
                    if distance <= reach:
                        out[round(distance / 343 * rate)] += beta**mirrors / distance
    return out


def test_the_box_is_its_slow_twin() -> None:
    ours = box_response(BOX, SOURCE, MIC, beta=0.8, rate=RATE, longest_s=0.03)
    twin = slow_box(0.8, RATE, 0.03)[: len(ours)]
    assert np.allclose(ours, twin, atol=1e-9)
    first = np.flatnonzero(ours)[0]
    direct_m = np.linalg.norm(SOURCE - MIC)
    assert first == round(direct_m / 343 * RATE) and ours[first] == pytest.approx(1 / direct_m)


def test_the_box_agrees_with_pyroomacoustics() -> None:
    rooms = pytest.importorskip("pyroomacoustics")
    beta = 0.8
    room = rooms.ShoeBox(
        BOX, fs=RATE, materials=rooms.Material(1 - beta**2), max_order=30, air_absorption=False
    )
    room.add_source(SOURCE)
    room.add_microphone(MIC)
    room.compute_rir()
    theirs = np.asarray(room.rir[0][0])
    ours = box_response(BOX, SOURCE, MIC, beta=beta, rate=RATE, longest_s=0.3)
    # theirs has sinc pulses that start 40 samples late; compare the energy that is still to come
    theirs = theirs[rooms.constants.get("frac_delay_length") // 2 :]
    levels = []
    for response in (ours, theirs):
        sections = signal.butter(2, 200, "highpass", fs=RATE, output="sos")
        loud = np.square(signal.sosfilt(sections, response)[: int(0.25 * RATE)])
        levels.append(10 * np.log10(np.cumsum(loud[::-1])[::-1] / loud.sum()))
    at = np.round(np.array([0.02, 0.04, 0.06, 0.1]) * RATE).astype(int)
    assert np.allclose(levels[0][at], levels[1][at], atol=1.0)


@pytest.mark.parametrize("rt60_s", [0.2, 0.4])
def test_a_room_decays_as_it_says(rt60_s: float) -> None:
    """The image method in a box decays somewhat slower than Eyring: grazing paths last."""
    click = np.zeros((1, RATE), np.float32)
    click[0, 0] = 1
    energy = np.square(Room()(Clip(click, RATE), rt60_s, 1).samples[0].astype(np.float64))
    level = 10 * np.log10(np.cumsum(energy[::-1])[::-1] / energy.sum() + 1e-12)
    fall_s = (np.argmax(level < -25) - np.argmax(level < -5)) / RATE
    assert 0.75 * rt60_s < 3 * fall_s < 1.6 * rt60_s


def test_a_room_keeps_level_and_the_place_of_the_direct_sound() -> None:
    clip = music(44100, 2.0)
    out = run("room", clip, 0.3, seed=2)
    assert rms(out) == pytest.approx(rms(clip.samples), rel=1e-4)
    click = np.zeros((2, 8000), np.float32)
    click[:, 100] = 1
    rung = Room()(Clip(click, RATE), 0.2, 3).samples
    assert [int(np.flatnonzero(np.abs(row) > 1e-4)[0]) for row in rung] == [100, 100]
    assert not np.allclose(rung[0], rung[1]), "each channel has its own place"


def test_a_room_too_small_says_so() -> None:
    with pytest.raises(UsageError, match="a distance that fits into"):
        Room(distance_m=30)(music(RATE, 0.5), 0.3)
    assert wall_reflection(BOX, 0.2) < wall_reflection(BOX, 0.4) < 1


def slow_freeverb(x: np.ndarray, feedback: float, loss: float) -> np.ndarray:
    """Sample by sample at 44.1 kHz and full room scale, as the published structure says."""
    combs = [[0.0] * d for d in (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)]
    passes = [[0.0] * d for d in (225, 341, 441, 556)]
    stores, out = [0.0] * 8, np.zeros(len(x))
    for n, value in enumerate(x):
        total = 0.0
        for i, line in enumerate(combs):
            late = line[n % len(line)]
            stores[i] = late + (stores[i] - late) * loss
            line[n % len(line)] = value + stores[i] * feedback
            total += late
        for line in reversed(passes):
            late = line[n % len(line)]
            line[n % len(line)] = total + late * 0.5
            total = late - total
        out[n] = 0.015 * total
    return out


def test_freeverb_is_its_slow_twin() -> None:
    click = np.zeros(9000)
    click[0] = 1
    settings = {"reverberance": 60.0, "damping": 40.0, "room_scale": 100.0, "spread": 0.0}
    ours = impulse_response(9000, 44100, **settings)
    twin = slow_freeverb(click, comb_feedback(60.0), 0.4 * 0.3 + 0.2)
    assert np.allclose(ours, twin, atol=1e-7) and np.abs(twin).max() > 0.01


def test_freeverb_grows_with_reverberance_and_dulls_with_damping() -> None:
    def response(**changed: float) -> np.ndarray:
        settings = {"reverberance": 50.0, "damping": 50.0, "room_scale": 100.0, "spread": 0.0}
        return impulse_response(44100, 44100, **{**settings, **changed})

    late = [np.square(response(reverberance=r)[22050:]).sum() for r in (20.0, 50.0, 80.0)]
    assert late[0] < 0.1 * late[1] < 0.1 * late[2]
    bright = [np.square(np.diff(response(damping=d)[20000:])).sum() for d in (20.0, 80.0)]
    assert bright[1] < 0.5 * bright[0]
    first = [np.flatnonzero(response(room_scale=s))[0] for s in (100.0, 50.0)]
    assert first[1] < first[0]


def test_deezers_reverb_scales_the_wet_sound_only() -> None:
    clip = music(44100, 1.0)
    half, whole = (run("deezer_reverb", clip, s, seed=5) - clip.samples for s in (0.5, 1.0))
    assert np.allclose(2 * half, whole, atol=1e-5) and rms(whole) > 0.02 * rms(clip.samples)
    assert np.array_equal(run("deezer_reverb", clip, 0.0), clip.samples)
    wet_db = [
        20 * np.log10(rms(run("deezer_reverb", clip, 1.0, seed=s) - clip.samples))
        for s in range(12)
    ]
    assert np.ptp(wet_db) > 3, "settings are drawn for each seed"


@pytest.mark.parametrize(("name", "strength"), [("gsm", 1.0), ("amr_nb", 12.2), ("amr_nb", 4.75)])
def test_calls_keep_the_telephone_band_and_the_beat(name: str, strength: float) -> None:
    voice = run("speech_over", Clip(np.full((1, 44100 * 3), 1e-3, np.float32), 44100), -40, 1)
    clip = Clip(0.3 * voice / np.abs(voice).max(), 44100)
    out = run(name, clip, strength)
    power = np.abs(np.fft.rfft(out[0])) ** 2
    hz = np.fft.rfftfreq(out.shape[1], 1 / 44100)
    assert power[hz > 4200].sum() < 1e-4 * power.sum()
    sections = signal.butter(4, (300, 3000), "bandpass", fs=44100, output="sos")
    before, after = (
        signal.sosfiltfilt(sections, x[0].astype(np.float64)) for x in (clip.samples, out)
    )
    lags = np.arange(-300, 301)
    match = [np.dot(before[1000:-1000], np.roll(after, -lag)[1000:-1000]) for lag in lags]
    assert abs(lags[int(np.argmax(match))]) <= 12, "in step with the input"
    assert max(match) > 0.5 * np.linalg.norm(before) * np.linalg.norm(after)


def test_amr_rates_are_the_standards_own() -> None:
    clip = music(16000, 2.0)
    assert np.array_equal(run("amr_nb", clip, 12.0), run("amr_nb", clip, 12.2))
    assert not np.array_equal(run("amr_nb", clip, 4.75), run("amr_nb", clip, 12.2))


def test_calls_survive_sound_above_full_scale() -> None:
    clip = music(16000, 1.0)
    loud = Clip(clip.samples * np.float32(20), 16000)
    for name in ("gsm", "amr_nb"):
        out = run(name, loud, registry.get("attacks", name).default)
        assert 0.3 * rms(loud.samples) < rms(out) < 2 * rms(loud.samples)


def test_recompression_counts_generations() -> None:
    clip = music(44100, 1.0)
    assert np.array_equal(run("recompression", clip, 0), clip.samples)
    once = run("recompression", clip, 1, seed=1)
    at_best = run("mp3", clip, 128)
    assert rms(once - clip.samples) == pytest.approx(rms(at_best - clip.samples), rel=0.25)
    low, high = (rms(Recompression(kbps)(clip, 1, 1).samples - clip.samples) for kbps in (64, 192))
    assert low > 1.5 * high


def test_same_gain_lifts_every_band() -> None:
    click = np.zeros((1, 44100), np.float32)
    click[0, 1000] = 1
    hz = np.fft.rfftfreq(44100, 1 / 44100)
    for seed in range(5):
        out = Eq(same_gain=True)(Clip(click, 44100), 6, seed).samples[0]
        lift_db = 20 * np.log10(np.abs(np.fft.rfft(out)))
        centre = lift_db[(hz > 60) & (hz < 9000)]
        assert centre.min() > -0.1 and np.median(centre) > 2 and centre.max() < 25


def test_echo_at_full_scale_and_whole_samples() -> None:
    clip = music(16000, 0.5)
    out = parse("echo:delay_s=0.01:full_scale=1@1")(clip).samples
    assert np.abs(out).max() == pytest.approx(1.0, rel=1e-6)
    raw = clip.samples.copy()
    raw[:, 160:] += clip.samples[:, :-160]
    assert np.allclose(out, raw / np.abs(raw).max(), atol=1e-6)


def test_nominal_vorbis_does_not_depend_on_rate_or_channels() -> None:
    from unsung.attacks import vorbis

    asked: list[float] = []
    original = vorbis.CodecAttack._apply

    def spy(self: object, samples: np.ndarray, rate: int, strength: float, seed: int) -> np.ndarray:
        asked.append(strength * 2 / samples.shape[0] * 44100 / max(rate, 16000))
        return samples

    vorbis.CodecAttack._apply = spy  # type: ignore[method-assign, assignment]
    try:
        for rate, channels in ((16000, 1), (16000, 2), (44100, 1), (48000, 2)):
            vorbis.Vorbis(nominal=True)(music(rate, 0.2, channels), 112)
    finally:
        vorbis.CodecAttack._apply = original  # type: ignore[method-assign]
    assert asked == pytest.approx([112.0] * 4)


def test_playback_presets_are_rooms_with_noise() -> None:
    clip = music(44100, 1.0)
    for name in ("playback", "playback_far"):
        out = parse(name)(clip, 1).samples
        power = np.abs(np.fft.rfft(out[0])) ** 2
        hz = np.fft.rfftfreq(out.shape[1], 1 / 44100)
        assert power[hz < 40].sum() < 0.01 * power.sum(), name
