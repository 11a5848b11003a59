# SPDX-License-Identifier: MIT
import numpy as np
import pytest

from unsung.errors import SilentAudio, UsageError
from unsung.synthesis.instruments.controlled import (
    additive,
    join_attack,
    missing_fundamental,
    single_note,
    swapped_attack,
    vibrato,
)
from unsung.synthesis.instruments.table import program
from unsung.synthesis.instruments.verify import fundamental_hz, pitch_hz


def line(sound, rate_hz, hz):
    """Amplitude of one frequency, against a sine and a cosine of it."""
    times = np.arange(len(sound)) / rate_hz
    window = np.hanning(len(sound))
    return 2 * abs(np.sum(sound * window * np.exp(-2j * np.pi * hz * times))) / window.sum()


@pytest.mark.parametrize("f0_hz", [41.2, 110.0, 440.0, 1975.5, 3951.1])
@pytest.mark.parametrize("amplitudes", [(1.0,), (1, 0.5, 0.3, 0.2), (0.1, 1.0, 0.2)])
def test_the_pitch_meter_knows_made_tones(f0_hz, amplitudes):
    made = additive(f0_hz, amplitudes)
    sound = made.clip.mono()[8000:50000]
    assert 1200 * abs(np.log2(fundamental_hz(sound, 44100) / f0_hz)) < 2


def test_the_pitch_meter_refuses_what_has_no_pitch():
    for sound in (np.zeros(44100, "f4"), np.zeros(10, "f4")):
        with pytest.raises(SilentAudio):
            fundamental_hz(sound, 44100)


def test_partials_are_where_the_truth_says():
    made = additive(200.0, (1.0, 0.0, 0.5), onset_s=0.2, end_s=1.2)
    sound, truth = made.clip.mono(), made.truth
    assert truth.partials_hz == (200.0, 600.0) and truth.absent_hz == (400.0,)
    inside = sound[round(0.25 * 44100) : round(1.15 * 44100)]
    lines = [line(inside, 44100, hz) for hz in (200, 400, 600)]
    assert lines == pytest.approx([1 / 3, 0, 1 / 6], abs=1e-3)
    assert not sound[: round(0.2 * 44100)].any() and not sound[round(1.2 * 44100) + 1 :].any()
    assert np.abs(sound).max() <= 0.5


def test_a_missing_fundamental_is_not_there_and_is_the_pitch():
    made = missing_fundamental(220.0, 6)
    sound = made.clip.mono()[8000:50000]
    assert made.truth.absent_hz == (220.0,) and made.truth.f0_hz == 220.0
    assert line(sound, 44100, 220.0) < 1e-3 * line(sound, 44100, 440.0)
    assert fundamental_hz(sound, 44100) == pytest.approx(220.0, rel=1e-3)
    with pytest.raises(UsageError, match="some, not all"):
        missing_fundamental(220.0, 2, missing=(1, 2))


def test_vibrato_swings_as_the_truth_says():
    made = vibrato(440.0, rate_hz=5.0, cents=60.0, n_partials=1)
    sound = made.clip.mono()
    # Instantaneous frequency from the analytic signal, as a check from the other side.
    spectrum = np.fft.fft(sound.astype(float))
    spectrum[len(spectrum) // 2 :] = 0
    phase = np.unwrap(np.angle(np.fft.ifft(2 * spectrum)))
    measured = np.diff(phase) * 44100 / (2 * np.pi)
    times = (np.arange(len(measured)) + 0.5) / 44100
    inside = (times > 0.15) & (times < 1.35)
    truth = made.truth.f0_at(times)
    assert np.abs(1200 * np.log2(measured[inside] / truth[inside])).max() < 3
    assert 1200 * np.log2(truth[inside].max() / 440) == pytest.approx(60, abs=0.1)
    assert made.truth.f0_at(np.array([0.0, 1.49])).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"amplitudes": ()}, "and a partial"),
        ({"amplitudes": (0.0,)}, "and a partial"),
        ({"f0_hz": 9000.0, "amplitudes": (1, 1, 1)}, "partials below 22050 Hz"),
        ({"onset_s": 1.4, "end_s": 1.0}, "0 ≤ onset < end"),
    ],
)
def test_impossible_tones_are_refused(values, match):
    with pytest.raises(UsageError, match=match):
        additive(**({"f0_hz": 440.0, "amplitudes": (1.0,)} | values))


def test_a_joined_sound_is_one_then_the_other():
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((2, 1, 8000)).astype("f4")
    out = join_attack(one, two, 8000, swap_s=0.5, crossfade_s=0.1)
    assert np.array_equal(out[:, :3600], one[:, :3600])
    assert np.array_equal(out[:, 4400:], two[:, 4400:])
    # Unrelated sounds keep their power through the fade.
    assert np.std(out[:, 3600:4400]) == pytest.approx(1.0, abs=0.1)
    with pytest.raises(UsageError, match="of one shape"):
        join_attack(one, two[:, :-1], 8000)
    with pytest.raises(UsageError, match="expected a crossfade"):
        join_attack(one, two, 8000, swap_s=0.01, crossfade_s=0.1)


def test_a_single_note_has_its_pitch(soundfont):
    made = single_note(program("clarinet"), 69, soundfont)
    assert made.truth.f0_hz == pitch_hz(69) == 440.0
    sound = made.clip.mono()[8000:40000]
    assert 1200 * abs(np.log2(fundamental_hz(sound, 44100) / 440)) < 15


def test_a_swapped_attack_takes_each_from_its_instrument(soundfont):
    piano, flute = program(0), program("flute")
    made = swapped_attack(piano, flute, 67, soundfont, swap_s=0.1, crossfade_s=0.02)
    alone = [single_note(p, 67, soundfont).clip.mono() for p in (piano, flute)]
    sound = made.clip.mono()
    start, later = slice(0, round(0.09 * 44100)), slice(round(0.11 * 44100), 44100)

    def alike(a, b):
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))

    assert alike(sound[start], alone[0][start]) > 0.999
    assert alike(sound[later], alone[1][later]) > 0.999
    assert abs(alike(alone[0][later], alone[1][later])) < 0.9
    assert (made.truth.attack, made.truth.sustain) == (piano.name, flute.name)
    assert made.truth.swap_s == 0.1
