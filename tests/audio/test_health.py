# SPDX-License-Identifier: MIT
import numpy as np
import pytest

from unsung.audio.health import HealthMeter
from unsung.audio.signals import noise, silence, tone
from unsung.errors import EmptyAudio, NotFinite, SilentAudio, TooShort, UsageError


def judged(*blocks, rate_hz=44100):
    meter = HealthMeter(rate_hz, "song.wav")
    out = [meter.push(block) for block in blocks]
    return meter, out


def test_good_sound_passes_untouched_and_is_measured():
    x = tone(1000, 1, 44100, 0.5)
    meter, (out,) = judged(x)
    assert out is x
    assert meter.problem() is None
    assert meter.rms_db == pytest.approx(-9.03, abs=0.01)
    assert meter.peak == pytest.approx(0.5, abs=1e-3)
    assert meter.duration == meter.duration_s == 1.0


@pytest.mark.parametrize(
    ("block", "error", "words"),
    [
        (np.zeros(0, np.float32), EmptyAudio, "no samples"),
        (tone(440, 0.05), TooShort, r"at least 0\.5 s, got 0\.050 s"),
        (silence(1), SilentAudio, "digital silence"),
        (np.full(44100, 0.25, np.float32), SilentAudio, r"constant level of 0\.25"),
        (tone(440, 1, level=1e-5), SilentAudio, "expected sound"),
    ],
)
def test_problems_are_named(block, error, words):
    meter, _ = judged(block)
    with pytest.raises(error, match="song.wav: .*" + words):
        raise meter.problem()


def test_the_faintest_sound_of_16_bits_and_loud_after_silence_are_sound():
    dither = np.random.default_rng(0).integers(-1, 2, 44100).astype(np.float32) / 32768
    assert judged(dither)[0].problem() is None
    assert judged(silence(5), tone(440, 0.1))[0].problem() is None
    two_levels = (np.zeros(44100, np.float32), np.full(44100, 0.1, np.float32))
    assert judged(*two_levels)[0].problem() is None


def test_not_finite_samples_are_counted_and_replaced():
    x = noise(0, 1)
    x[10], x[20], x[30] = np.nan, np.inf, -np.inf
    meter, (out,) = judged(x)
    assert np.isfinite(out).all()
    assert (out[[10, 20, 30]] == 0).all()
    np.testing.assert_array_equal(np.delete(out, [10, 20, 30]), np.delete(x, [10, 20, 30]))
    assert meter.problem() is None and "3 of 44100" in meter.notes[0]
    assert np.isfinite(meter.rms_db)


@pytest.mark.parametrize(("broken", "kind"), [(4, None), (5, NotFinite), (44100, NotFinite)])
def test_few_samples_that_are_no_number_are_a_note_many_a_fault(broken, kind):
    x = noise(0, 1)
    x[:broken] = np.nan
    meter, _ = judged(x)
    assert (type(meter.problem()) is kind) if kind else (meter.problem() is None and meter.notes)


def test_silence_around_a_broken_sample_is_silence():
    x = np.zeros(44100, np.float32)
    x[7] = np.nan
    assert isinstance(judged(x)[0].problem(), SilentAudio)


def test_huge_samples_are_clipped_without_a_warning():
    x = noise(0, 1)
    x[5], x[6] = 1e30, -2e4
    meter, (out,) = judged(x)
    assert (out[5], out[6]) == (16, -16)
    assert meter.problem() is None and meter.doubt and not meter.spoilt
    assert meter.peak == pytest.approx(1e30)


def test_a_rate_of_zero_is_refused():
    with pytest.raises(UsageError, match="above 0 Hz"):
        HealthMeter(0)
