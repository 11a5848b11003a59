# SPDX-License-Identifier: MIT
"""The same sound is found under another codec, level, rate and cut; other sound is not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from unsung.audio import decode, encode
from unsung.audio.resample import resample
from unsung.data.cache import Cache
from unsung.data.duplicates import bit_error_rate, find_matches
from unsung.data.fingerprint import HOP, HOP_S, RATE_HZ, fingerprint, fingerprint_file, fingerprints
from unsung.errors import UsageError
from unsung.types import Failure

from .music import melody, track, write_song

RATE = 22050


def through(codec, kbps):
    def coded(sound):
        clip = decode(encode(sound[None], RATE, codec, kbps))
        return clip.mono(), clip.sample_rate_hz

    return coded


VARIANTS = {
    "mp3 64k": through("mp3", 64),
    "opus 48k": through("opus", 48),
    "gain -20 dB": lambda s: (s * np.float32(0.1), RATE),
    "16 kHz": lambda s: (resample(s, RATE, 16000), 16000),
    "8 kHz": lambda s: (resample(s, RATE, 8000), 8000),
    "cut of 5 s": lambda s: (s[round(1.77 * RATE) :][: 5 * RATE], RATE),
    "cut, mp3 64k": lambda s: through("mp3", 64)(s[round(1.77 * RATE) :][: 5 * RATE]),
    "noise 20 dB": lambda s: (
        s + np.random.default_rng(0).normal(0, s.std() / 10, len(s)).astype("f4"),
        RATE,
    ),
}


@pytest.fixture(scope="module")
def songs():
    return [fingerprint(melody(seed), RATE) for seed in range(12)]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_finds_its_song_and_no_other(songs, name):
    sound, rate = VARIANTS[name](melody(3))
    matches = find_matches([*songs, fingerprint(sound, rate)])
    assert [(m.a, m.b) for m in matches] == [(3, 12)]
    expected_s = 1.77 if "cut" in name else 0.0
    assert matches[0].offset_s == pytest.approx(expected_s, abs=0.08)


def test_different_songs_do_not_match(songs):
    assert find_matches(songs) == []
    rates = [bit_error_rate(a, b, 0)[0] for a in songs for b in songs if a is not b]
    assert min(rates) > 0.4  # unrelated bits: one half


def test_words_are_those_of_a_slow_twin():
    """Every bit by the paper's formula, with loops and a plain DFT of the band's bins."""
    sound = melody(1, 0.5, RATE_HZ)
    words = fingerprint(sound)
    window = np.hanning(2048).astype(np.float32)
    edges = np.round(np.geomspace(300, 2000, 34) * 2048 / RATE_HZ).astype(int)
    energies = []
    for start in (0, HOP, 2 * HOP):
        power = np.abs(np.fft.rfft(sound[start : start + 2048] * window)) ** 2
        energies.append([power[a:b].sum() for a, b in pairwise(edges)])
    for frame in (0, 1):
        word = 0
        for band in range(32):
            now = energies[frame + 1][band] - energies[frame + 1][band + 1]
            before = energies[frame][band] - energies[frame][band + 1]
            word = word << 1 | int(now > before)
        assert bin(word ^ int(words[frame])).count("1") <= 1  # float32 against float64


def test_bit_error_rate_by_hand():
    a = np.array([1, 3, 7, 15], np.uint32)
    assert bit_error_rate(a, a, 0) == (0.0, 4)
    assert bit_error_rate(a, a, 1) == (3 / 96, 3)  # one bit in each of three words
    assert bit_error_rate(a, np.array([0, 3], np.uint32), 0) == (0.0, 1)  # silence counts nothing
    assert bit_error_rate(a, a, 4) == (1.0, 0)
    assert bit_error_rate(a, a[2:], 2) == (0.0, 2)
    assert bit_error_rate(a[2:], a, -2) == (0.0, 2)


def test_silence_and_short_sounds_match_nothing():
    silent = fingerprint(np.zeros(RATE * 5, np.float32), RATE)
    assert find_matches([silent, silent]) == []
    assert len(fingerprint(np.ones(100, np.float32))) == 0
    assert find_matches([np.zeros(0, np.uint32)] * 2) == [] and find_matches([]) == []
    short = fingerprint(melody(1)[: 2 * RATE], RATE)
    assert find_matches([short, short]) == []
    assert len(find_matches([short, short], min_overlap_s=1.0)) == 1


def test_an_index_in_parts_finds_the_same(songs, monkeypatch):
    words = [*songs, fingerprint(VARIANTS["mp3 64k"](melody(5))[0], RATE)]
    whole = find_matches(words)
    monkeypatch.setattr("unsung.data.duplicates._PART", 1000)
    assert find_matches(words) == whole and len(whole) == 1


def test_limits_must_make_sense():
    with pytest.raises(UsageError, match=r"between 0 and 0\.5"):
        find_matches([], max_error=0.6)


def test_files_are_heard_once(tmp_path, monkeypatch):
    rows = [
        track(n, path=str(write_song(tmp_path / n, i))) for i, n in enumerate(("a.wav", "b.flac"))
    ]
    (tmp_path / "c.wav").write_bytes(b"junk")
    rows.append(track("c", path=str(tmp_path / "c.wav")))
    with Cache(tmp_path / "x.sqlite") as cache:
        first = list(fingerprints(rows, cache))
        monkeypatch.setattr("unsung.data.fingerprint.fingerprint_file", None)
        again = list(fingerprints(rows[:2], cache))
    assert isinstance(first[2][1], Failure)
    for (_, a), (_, b) in zip(first, again, strict=False):
        assert np.array_equal(a, b) and len(a) == pytest.approx(4 / HOP_S, abs=20)


def test_a_file_is_heard_up_to_a_limit(tmp_path):
    path = write_song(tmp_path / "a.wav", seconds=6.0)
    whole, part = fingerprint_file(str(path)), fingerprint_file(str(path), 3.0)
    assert len(part) == pytest.approx(len(whole) - 3 / HOP_S, abs=2)
    assert np.array_equal(whole[: len(part) - 20], part[: len(part) - 20])
