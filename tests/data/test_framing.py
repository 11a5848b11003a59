# SPDX-License-Identifier: MIT
"""Frames: their count, place and content; silence; whole sets, resumed and over processes."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from unsung.audio import read_clip
from unsung.audio.signals import silence, tone
from unsung.data import preprocess as module
from unsung.data import read_manifest
from unsung.data.framing import Framing, crop_start, cut_frames, trim_silence
from unsung.data.preprocess import preprocess
from unsung.errors import DatasetError, ManifestError, TooShort, UnknownName, UsageError
from unsung.types import Clip

from .music import track, write_song

RATE = 16000


def clip(samples, rate=RATE):
    return Clip(np.atleast_2d(np.asarray(samples, np.float32)), rate)


def ramp(n):
    return np.arange(1, n + 1, dtype=np.float32) / n


@settings(deadline=None, max_examples=50)
@given(st.integers(1000, 5000), st.integers(100, 1000))
def test_frames_are_the_whole_ones_side_by_side(n, length):
    frames = cut_frames(clip(ramp(n), 1000), Framing(length / 1000, 1000))
    assert frames.shape == (n // length, length)
    assert np.array_equal(frames.ravel(), ramp(n)[: frames.size])


def test_one_second_at_22050_from_other_rates_and_channels():
    stereo = np.stack([tone(440, 3.7, 44100), np.zeros(round(3.7 * 44100))])
    frames = cut_frames(clip(stereo, 44100), Framing())
    assert frames.shape == (3, 22050) and frames.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(frames[1]))
    assert np.argmax(spectrum) == 440 and frames.max() == pytest.approx(0.25, abs=0.01)
    assert cut_frames(clip(stereo, 44100), Framing(most=2)).shape[0] == 2


@given(st.integers(1, 10**7), st.integers(1, 10**6))
def test_the_three_quarter_point_is_that_of_sonics(total, length):
    if total >= length:
        rng = np.random.default_rng(0)
        assert crop_start(total, length, "three-quarter", rng) == int((total - length) / 4 * 3)
        assert crop_start(total, length, "middle", rng) == (total - length) // 2
        assert 0 <= crop_start(total, length, "random", rng) <= total - length


def test_single_crops():
    sound = clip(ramp(1000), 100)
    take = {t: cut_frames(sound, Framing(2, 100, t))[0] for t in ("middle", "three-quarter")}
    assert np.array_equal(take["middle"], ramp(1000)[400:600])
    assert np.array_equal(take["three-quarter"], ramp(1000)[600:800])
    draws = {cut_frames(sound, Framing(2, 100, "random"), draw)[0][0] for draw in range(20)}
    assert len(draws) > 10
    again = [cut_frames(sound, Framing(2, 100, "random", seed=3), 7) for _ in range(2)]
    assert np.array_equal(*again)


def test_short_sounds_are_padded_or_refused():
    short = clip(ramp(50), 100)
    right = cut_frames(short, Framing(1, 100, "three-quarter"))[0]
    assert np.array_equal(right[:50], ramp(50)) and not right[50:].any()
    offsets = {
        int(np.flatnonzero(cut_frames(short, Framing(1, 100, "random"), d)[0])[0])
        for d in range(30)
    }
    assert len(offsets) > 5 and max(offsets) <= 50
    with pytest.raises(TooShort, match=r"at least one frame of 1 s, 0\.50 s of sound are left"):
        cut_frames(short, Framing(1, 100))
    with pytest.raises(TooShort, match=r"0\.00 s of sound"):
        cut_frames(clip(np.zeros(RATE * 3)), Framing(trim=True, take="middle"))


def test_silence_goes_from_beginning_middle_and_end():
    quiet, sound = silence(1.0, RATE), tone(440, 1.0, RATE)
    made = trim_silence(np.concatenate([quiet, sound, quiet, sound, quiet]), RATE)
    assert len(made) / RATE == pytest.approx(2.0, abs=0.06)
    assert np.sqrt((made**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_pauses_below_and_blips_below_the_limit():
    sound = tone(440, 1.0, RATE)
    short_pause = np.concatenate([sound, silence(0.15, RATE), sound])
    assert len(trim_silence(short_pause, RATE)) == pytest.approx(len(short_pause), abs=5)
    blip = np.concatenate([silence(1.0, RATE), sound[: RATE // 10], silence(1.0, RATE), sound])
    assert len(trim_silence(blip, RATE)) / RATE == pytest.approx(1.0, abs=0.03)
    assert len(trim_silence(0.012 * sound, RATE)) == 0  # RMS 0.4 %
    assert len(trim_silence(0.04 * sound, RATE)) == pytest.approx(RATE, abs=400)  # RMS 1.4 %
    assert len(trim_silence(0.04 * sound, RATE, level=0.02)) == 0


def test_wrong_wishes():
    with pytest.raises(UnknownName, match="did you mean 'middle'"):
        Framing(take="midle")
    with pytest.raises(UsageError, match="above 0"):
        Framing(seconds=0)
    with pytest.raises(UsageError, match="silence level"):
        Framing(silence_level=1.5)


@pytest.fixture
def rows(tmp_path):
    names = ("a.wav", "b.flac", "c.wav")
    made = [
        track(n, "ai", path=str(write_song(tmp_path / "src" / n, i, 3.5)), group=n, split="test")
        for i, n in enumerate(names)
    ]
    (tmp_path / "src" / "bad.wav").write_bytes(b"junk")
    return [*made, track("bad", path=str(tmp_path / "src" / "bad.wav"))]


@pytest.mark.parametrize("form", ["flac", "npy"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_set_becomes_frames_and_a_manifest(rows, tmp_path, form, jobs):
    out = tmp_path / "out"
    made = preprocess(rows, out, Framing(1.0, 16000), form, jobs=jobs)
    assert (made.n_files, made.n_frames, made.n_known) == (3, 9, 0)
    assert [name for name, _ in made.problems] == ["bad"]
    manifest = read_manifest(out / "manifest.jsonl")
    first = manifest.tracks[0]
    assert (first.id, first.label, first.split, first.group) == ("a.wav#0", "ai", "test", "a.wav")
    assert {t.recording for t in manifest} == {"a.wav", "b.flac", "c.wav"}
    assert (first.sample_rate_hz, first.duration_s, first.channels) == (16000, 1.0, 1)
    expected = cut_frames(read_clip(rows[0].path), Framing(1.0, 16000))
    for number, row in enumerate(manifest.tracks[:3]):
        found = np.load(row.path) if form == "npy" else soundfile.read(row.path)[0]
        np.testing.assert_allclose(found, expected[number], atol=0 if form == "npy" else 2**-15)


def test_a_second_run_decodes_nothing(rows, tmp_path, monkeypatch):
    out = tmp_path / "out"
    first = preprocess(rows[:3], out, Framing())
    monkeypatch.setattr(module, "read_clip", None)
    second = preprocess(rows[:3], out, Framing())
    assert second.n_known == 3 and second.head == first.head
    with pytest.raises(DatasetError, match="no file gave a frame"):
        preprocess(rows[:3], out, Framing(0.5))  # other settings: must decode, cannot here


def test_a_stopped_run_and_deleted_frames_are_completed(rows, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def stopping():
        yield from rows[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preprocess(stopping(), out, Framing())
    whole = preprocess(rows[:3], out, Framing())
    assert (whole.n_known, whole.n_frames) == (2, 9)
    Path(read_manifest(out / "manifest.jsonl").tracks[0].path).unlink()
    again = preprocess(rows[:3], out, Framing())
    assert again.n_known == 2 and again.head == whole.head
    assert all(Path(t.path).exists() for t in read_manifest(out / "manifest.jsonl"))


def test_work_goes_by_content(rows, tmp_path):
    out = tmp_path / "out"
    preprocess(rows[:1], out, Framing())
    count = sum(len(files) for _, _, files in os.walk(out / "frames"))
    shutil.copy(rows[0].path, tmp_path / "copy.wav")
    preprocess([*rows[:1], track("copy", path=str(tmp_path / "copy.wav"))], out, Framing())
    assert sum(len(files) for _, _, files in os.walk(out / "frames")) == count
    write_song(tmp_path / "copy.wav", 77, 3.5)
    preprocess([track("copy", path=str(tmp_path / "copy.wav"))], out, Framing())
    assert sum(len(files) for _, _, files in os.walk(out / "frames")) == 2 * count


def test_full_disk_and_unknown_form(rows, tmp_path, monkeypatch):
    with pytest.raises(UnknownName, match="did you mean 'flac'"):
        preprocess(rows, tmp_path / "out", Framing(), "flak")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "frame")

    monkeypatch.setattr(module, "_encoded", full)
    with pytest.raises(ManifestError, match="the disk is full"):
        preprocess(rows, tmp_path / "out", Framing())
    assert not (tmp_path / "out" / "manifest.jsonl").exists()
