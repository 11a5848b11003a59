# SPDX-License-Identifier: MIT
"""How channels become one signal: which layouts cancel, which levels are brought back."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import soundfile

from unsung.audio import open_audio, read_clip
from unsung.audio.mixing import Mix, MixMeter, heard, mono
from unsung.audio.signals import noise
from unsung.types import Clip, FloatArray

RATE = 22050
SECONDS = 12.0


def _sounds() -> tuple[FloatArray, FloatArray]:
    """Return two unrelated sounds with more bass than treble, as music has it."""
    pole = [1.0, -0.95]
    made = [scipy.signal.lfilter([0.05], pole, noise(s, SECONDS, RATE, 0.5)) for s in (1, 2)]
    return made[0].astype(np.float32), made[1].astype(np.float32)


SONG, OTHER = _sounds()
SILENT = np.zeros_like(SONG)
BASS = scipy.signal.sosfiltfilt(
    scipy.signal.butter(4, 250, fs=RATE, output="sos"), SONG
).astype(np.float32)  # fmt: skip


def _delayed(seconds: float) -> FloatArray:
    shift = round(seconds * RATE)
    return np.concatenate([np.zeros(shift, np.float32), SONG[:-shift]])


def _turned(share: float) -> FloatArray:
    """Return the song with its first part in the other polarity."""
    turned = SONG.copy()
    turned[: round(share * len(turned))] *= -1
    return turned


KEPT = {
    "one": [SONG],
    "equal": [SONG, SONG],
    "left only": [SONG, SILENT],
    "right only": [SILENT, SONG],
    "wide": [SONG + 0.5 * OTHER, SONG - 0.5 * OTHER],
    "five and a bass": [SONG, SONG, OTHER, SILENT, 0.5 * OTHER, SONG],
    "one of six turned": [SONG, SONG, SONG, SONG, SONG, -SONG],
    "one of twenty": [SONG, *[SILENT] * 19],
    "all silent": [SILENT, SILENT],
}
TURNED = {
    "anti-phase": [SONG, -SONG],
    "louder right": [0.9 * SONG, -SONG],
    **{
        f"mid {db} dB": [SONG + 10 ** (db / 20) * OTHER, -SONG + 10 ** (db / 20) * OTHER]
        for db in (-2, -8, -20, -30, -40)
    },
    "dither left": [SONG, -SONG + noise(3, SECONDS, RATE, 1e-5)],
    "bass in phase": [SONG, 2 * BASS - SONG],
    "a part the other way": [SONG, -_turned(0.02)],
}
CANCELLED = {
    "a half": ([SONG, _turned(0.5)], 0),
    "a fifth": ([SONG, _turned(0.2)], 0),
    "two of three": ([SONG, -SONG, 0.03 * OTHER], 0),
    "front of six": ([SONG, -SONG, 0.1 * OTHER, SILENT, SILENT, SILENT], 0),
    **{f"delay {ms} ms": ([SONG, _delayed(ms / 1000)], None) for ms in (0.5, 2, 7, 15)},
}
LAYOUTS = {**KEPT, **TURNED, **{name: channels for name, (channels, _) in CANCELLED.items()}}


def _clip(channels: list[FloatArray]) -> Clip:
    return Clip(np.stack(channels).astype(np.float32), RATE)


@pytest.mark.parametrize("name", KEPT)
def test_the_mean_is_taken_where_it_holds_what_is_heard(name):
    clip = _clip(KEPT[name])
    assert np.allclose(heard(clip), clip.samples.mean(axis=0), atol=1e-7)


@pytest.mark.parametrize("name", TURNED)
def test_the_difference_is_taken_where_it_holds_more(name):
    left, right = TURNED[name]
    assert np.allclose(heard(_clip([left, right])), (left - right) / 2, atol=1e-7)


@pytest.mark.parametrize("name", [*(n for n in LAYOUTS if len(LAYOUTS[n]) == 2), "unrelated"])
def test_the_other_polarity_of_a_channel_changes_nothing(name):
    left, right = LAYOUTS.get(name) or [SONG, OTHER]
    plain = heard(_clip([left, right]))
    for turned in ([left, -right], [-left, right]):
        found = heard(_clip(turned))
        assert np.array_equal(found, plain) or np.array_equal(found, -plain)


@pytest.mark.parametrize("name", CANCELLED)
def test_a_channel_is_taken_where_the_mean_cancels(name):
    channels, expected = CANCELLED[name]
    clip = _clip(channels)
    found = [c for c in range(len(channels)) if np.array_equal(heard(clip), clip.samples[c])]
    assert found and (expected is None or expected in found)
    assert np.abs(clip.samples[found[0]]).mean() > 0.5 * np.abs(SONG).mean()


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_stream_comes_to_the_same_in_a_second_pass(name, form, tmp_path):
    channels = LAYOUTS[name]
    if form == "flac" and len(channels) > 8:
        pytest.skip("FLAC holds eight channels")
    clip, path = _clip(channels), tmp_path / f"a.{form}"
    soundfile.write(path, clip.samples.T, RATE, "FLOAT" if form == "wav" else "PCM_16")
    with open_audio(path) as stream:
        passes = [np.concatenate(list(stream.blocks()))]
        while stream.again():
            passes.append(np.concatenate(list(stream.blocks())))
        assert bool(stream.notes) == (len(passes) == 2) == (name not in KEPT)
    step = 0 if form == "wav" else 2**-14
    level = np.sqrt(np.mean(np.square(passes[-1], dtype=np.float64)))
    wanted = np.sqrt(np.mean(np.square(mono(clip), dtype=np.float64)))
    assert level == pytest.approx(wanted, rel=0.02, abs=step)
    assert np.array_equal(read_clip(path, mono=True).mono(), mono(read_clip(path)))


@pytest.mark.parametrize("name", ["equal", "anti-phase", "one"])
@pytest.mark.parametrize("gain_db", [-60, -45, -30, 30, 60, 90, 120, 150, 300, 600])
def test_gain_far_from_full_scale_is_taken_back(name, gain_db):
    clip = _clip(LAYOUTS[name])
    gained = Clip((clip.samples * 10.0 ** (gain_db / 20)).astype(np.float32), RATE)
    level_db = 10 * np.log10(np.mean(np.square(heard(gained), dtype=np.float64)))
    assert -22 < level_db < -14
    assert np.array_equal(np.sign(heard(gained)), np.sign(heard(clip)))
    assert np.allclose(mono(gained), mono(clip) * 10.0 ** (gain_db / 20), rtol=1e-5)


@pytest.mark.parametrize("gain_db", [-12, -6, 0, 6, 12])
def test_usual_levels_are_left_alone(gain_db):
    clip = Clip(SONG[None] / np.std(SONG) * 0.12 * np.float32(10 ** (gain_db / 20)), RATE)
    assert np.array_equal(heard(clip), clip.samples[0])


def test_clicks_and_quiet_parts_do_not_set_the_level():
    clicks, quiet = SONG.copy(), SONG.copy()
    clicks[:: RATE // 2] = 1e9
    quiet[: round(0.9 * len(quiet))] *= 1e-3
    for sound in (clicks, quiet):
        assert np.array_equal(heard(Clip(sound[None], RATE)), np.clip(sound, -16, 16))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_single_bad_samples_hide_no_cancelling(value):
    clip = _clip([SONG + 0.03 * OTHER, -SONG + 0.03 * OTHER])
    clip.samples[:, :: RATE // 4] = value
    meter = MixMeter(RATE, 2)
    for at in range(0, clip.samples.shape[1], RATE):
        meter.push(clip.samples[:, at : at + RATE])
    assert meter.mix().difference or value == 1e30
    assert not meter.silent


def test_few_steps_of_the_format_are_a_doubt(tmp_path):
    loud, quiet = SONG / np.std(SONG) * 0.1, SONG / np.std(SONG) * 2e-4
    for sound, form, doubted in (
        (loud, "PCM_16", False),
        (quiet, "PCM_16", True),
        (quiet, "PCM_24", False),
        (quiet, "FLOAT", False),
    ):
        soundfile.write(tmp_path / "a.wav", sound, RATE, form)
        with open_audio(tmp_path / "a.wav") as stream:
            assert sum(len(block) for block in stream.blocks()) == len(sound)
            assert bool(stream.doubt) == doubted


def test_short_or_empty_sound_is_mixed_by_the_mean():
    for length in (0, 1, 100, 3000):
        clip = Clip(np.ones((2, length), np.float32), RATE)
        assert heard(clip).shape == (length,)


def test_a_mix_says_what_it_did():
    assert Mix().notes == ()
    assert len(Mix(1, 2.0).notes) == 2
