# SPDX-License-Identifier: MIT
"""Small changes do what they say, in a stream as on the whole, and leave the music as it is."""

from __future__ import annotations

import numpy as np
import pytest

from unsung.runtime import load_bundle
from unsung.runtime.stable import CHANGES, LEAST, StableScores, agreeing, changed

RATE = 16000


def tone(hz, seconds=2.0):
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def level_db(sound):
    return 20 * np.log10(np.sqrt(np.mean(np.square(sound, dtype=np.float64))) + 1e-12)


def peak_hz(sound):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 20))
    return spectrum.argmax() * RATE / (1 << 20)


@pytest.mark.parametrize(
    ("name", "kept_hz", "lost_hz"),
    [("low-pass at 7 kHz", 5000, 7700), ("high-pass at 1 kHz", 2000, 400)],
)
def test_filters_keep_and_take(name, kept_hz, lost_hz):
    middle = slice(RATE // 2, RATE)
    kept, lost = changed(tone(kept_hz), name, RATE), changed(tone(lost_hz), name, RATE)
    assert level_db(kept[middle]) == pytest.approx(level_db(tone(kept_hz)[middle]), abs=0.1)
    assert level_db(lost[middle]) < level_db(tone(lost_hz)[middle]) - 40


def test_faster_moves_every_line_by_half_a_percent():
    sound = changed(tone(2000, 4.0), "0.5 % faster", RATE)
    assert peak_hz(sound) == pytest.approx(2010, abs=0.5)
    assert len(sound) == pytest.approx(4.0 * RATE / 1.005, abs=200)


def test_noise_lies_where_it_should_and_is_the_same_each_time():
    sound = tone(1000)
    noise = changed(sound, "noise 40 dB below", RATE) - sound
    assert level_db(noise) - level_db(sound) == pytest.approx(-40, abs=0.3)
    assert np.array_equal(noise, changed(sound, "noise 40 dB below", RATE) - sound)


@pytest.mark.parametrize(("seconds", "left_out_s"), [(60.0, 5.0), (20.0, 5.0), (8.0, 2.0)])
def test_later_leaves_out_half_a_window_or_a_quarter(seconds, left_out_s):
    sound = np.arange(round(seconds * RATE), dtype=np.float32)
    later = changed(sound, "half a window later", RATE)
    assert later[0] == pytest.approx(left_out_s * RATE, abs=1)
    assert later[-1] == sound[-1]


@pytest.mark.parametrize("name", [name for name in CHANGES if "noise" not in name])
def test_a_stream_gives_what_the_whole_gives(name):
    sound = np.random.default_rng(0).standard_normal(25 * RATE).astype(np.float32)
    change = CHANGES[name](RATE)
    blocks = [change.push(part) for part in np.array_split(sound, 13)] + [change.flush()]
    whole = changed(sound, name, RATE)
    streamed = np.concatenate(blocks)
    assert len(streamed) == len(whole)
    assert np.allclose(streamed, whole, atol=1e-4)


def test_an_empty_block_changes_nothing():
    empty = np.zeros(0, np.float32)
    for make in CHANGES.values():
        change = make(RATE)
        assert len(change.push(empty)) == 0 and len(change.flush()) == 0


def test_agreement_counts_from_the_threshold_on():
    logits = {"a": 2.0, "b": 1.0, "c": 0.99, "d": None}
    assert agreeing(logits, 1.0) == ["a", "b"]
    assert agreeing(logits, None) == []
    assert 0 < LEAST <= len(CHANGES)


def test_scores_come_for_every_change_at_any_rate():
    bundle = load_bundle()
    found = {}
    for rate in (16000, 44100):
        scores = StableScores(bundle, rate)
        time = np.arange(6 * rate) / rate
        sound = sum(np.sin(2 * np.pi * hz * time) for hz in np.arange(300, 7900, 430))
        scores.push((0.02 * sound).astype(np.float32))
        found[rate] = scores.finish()
        assert list(found[rate]) == list(CHANGES)
        assert all(logit is not None and np.isfinite(logit) for logit in found[rate].values())
    # Pure tones have nothing between them, so only the order of size can agree over rates.
    assert set(found[16000]) == set(found[44100])


def test_silence_has_no_score():
    scores = StableScores(load_bundle(), 16000)
    scores.push(np.zeros(6 * 16000, np.float32))
    assert set(scores.finish().values()) == {None}
