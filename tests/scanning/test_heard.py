# SPDX-License-Identifier: MIT
"""What is judged is what is heard: layouts, levels and tracks, through every decoder."""

from __future__ import annotations

import av
import numpy as np
import pytest
import soundfile

from unsung import scan
from unsung.audio.read import read_clip
from unsung.audio.signals import comb, noise
from unsung.data.fingerprint import fingerprint_file
from unsung.explainers import explain
from unsung.runtime import load_bundle
from unsung.scanning import score_file
from unsung.scanning.stress import judge_with, middle
from unsung.types import Clip

RATE = 16000
SECONDS = 22.0
CLOSE = 0.1
"""Logits."""


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("default")


@pytest.fixture(scope="module")
def song():
    """Lines of a decoder in hiss: AI for the packaged detector. Shape: ``[time]``."""
    return comb(187.5, SECONDS, RATE, 0.01, 1) + noise(2, SECONDS, RATE, 0.1)


@pytest.fixture(scope="module")
def other():
    return noise(3, SECONDS, RATE, 0.1)


@pytest.fixture(scope="module")
def plain(song, bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "a.wav"
    soundfile.write(path, song, RATE, "FLOAT")
    score = score_file(path, bundle)[0]
    assert score.verdict == "ai"
    return score


def _layouts(song, other):
    silent = 0 * song
    yield "left", [song, silent]
    yield "right", [silent, song]
    yield "anti-phase", [song, -song]
    for db in (-20, -30, -40):
        mid = np.float32(10 ** (db / 20)) * other
        yield f"mid {db} dB", [song + mid, mid - song]
    yield "one of six", [song, song, song, silent, song, -song]
    yield "front of six", [song, -song, 0.03 * other, silent, silent, silent]
    yield "half", [song, song * np.where(np.arange(len(song)) < len(song) / 2, -1, 1)]
    yield "delay", [song, np.roll(song, 80)]


def test_an_inverted_channel_changes_nothing(song, other, bundle, tmp_path):
    """Two channels, the second in either polarity: just the same sound is judged."""
    path = tmp_path / "a.wav"
    for right in (song, 0.5 * song, other, song + other, 0.3 * song - other):
        logits = []
        for sign in (1, -1):
            soundfile.write(path, np.stack([song, sign * right], 1), RATE, "FLOAT")
            logits.append(score_file(path, bundle)[0].logit)
        assert logits[0] == logits[1]


def test_no_layout_hides_an_ai_song(song, other, plain, bundle, tmp_path):
    path = tmp_path / "a.wav"
    for name, channels in _layouts(song, other):
        samples = np.stack(channels).astype(np.float32)
        soundfile.write(path, samples.T, RATE, "FLOAT")
        score = score_file(path, bundle)[0]
        assert score.verdict == "ai", name
        assert score.n_audio_tracks == 1
        heard = judge_with(bundle)(Clip(samples, RATE))
        assert heard.verdict == "ai", name
        if "mid" not in name:
            assert score.logit == pytest.approx(plain.logit, abs=CLOSE), name
            assert heard.logit == pytest.approx(plain.logit, abs=CLOSE), name


@pytest.mark.parametrize("gain_db", [-60, -30, -20, -10, 10, 20, 40, 60, 70, 90, 120, 150])
@pytest.mark.parametrize("fast", [False, True])
def test_gain_does_not_move_the_logit(song, plain, gain_db, fast, bundle, tmp_path):
    path = tmp_path / "a.wav"
    made = (song * 10.0 ** (gain_db / 20)).astype(np.float32)
    soundfile.write(path, made, RATE, "FLOAT")
    score = score_file(path, bundle, fast=fast)[0]
    assert score.logit == pytest.approx(plain.logit, abs=CLOSE)
    assert (score.verdict, score.reason) == ("ai", "")
    assert judge_with(bundle)(Clip(made[None], RATE)).logit == pytest.approx(plain.logit, abs=CLOSE)


def test_integers_as_floats_keep_their_verdict(song, plain, bundle, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.rint(song * 32768), RATE, "FLOAT")
    score = score_file(tmp_path / "a.wav", bundle)[0]
    assert score.logit == pytest.approx(plain.logit, abs=0.3)  # as 16 bits hold it
    assert score.verdict == "ai" and score.notes


def test_samples_that_were_cut_take_human_back_and_many_take_all_back(
    song, other, bundle, tmp_path
):
    path = tmp_path / "a.wav"
    for sound, every, expected in (
        (other, 0, "human"),
        (other, 100_000, "undecided"),
        (song, 100_000, "ai"),
        (song, 500, "undecided"),
    ):
        made = sound.copy()
        if every:
            made[::every] = 1e6
        soundfile.write(path, made, RATE, "FLOAT")
        score = score_file(path, bundle)[0]
        assert (score.verdict, bool(score.reason)) == (expected, expected == "undecided")


def _forms(song, other):
    """Yield sound that is not judged as it stands. Shape: ``[channel, time]``."""
    clicks = song.copy()
    clicks[::100_000] = 1e6
    for gain in (2e-3, 1.0, 1e3, 1e7):
        yield np.stack([song]) * gain
        yield np.stack([song, -song]) * gain
        yield np.stack([song + 0.01 * other, 0.01 * other - song]) * gain
    yield np.stack([clicks])
    yield np.stack([clicks, -clicks])


def test_every_command_hears_the_same(song, other, bundle, tmp_path):
    plain_path, path = tmp_path / "plain.wav", tmp_path / "a.wav"
    soundfile.write(plain_path, song, RATE, "FLOAT")
    words = fingerprint_file(str(plain_path))
    for number, samples in enumerate(_forms(song, other)):
        made = samples.astype(np.float32)
        soundfile.write(path, made.T, RATE, "FLOAT")
        score = score_file(path, bundle)[0]
        assert score.verdict == "ai", number
        explained = explain(str(path), seconds=SECONDS, turn=False)
        others = {
            "explain": explained.judged.logit,
            "stress": judge_with(bundle)(middle(path, SECONDS)).logit,
            "array": scan(made, RATE).logit,
            "clip": judge_with(bundle)(read_clip(path)).logit,
        }
        assert others == pytest.approx(dict.fromkeys(others, score.logit), abs=1e-3), number
        if np.abs(made).max() / np.abs(made).mean() < 100:  # no clicks
            assert np.bitwise_count(words ^ fingerprint_file(str(path))).mean() < 1, number


def _tracks(path, sounds, codec, default=None):
    """Write mono sounds as tracks of one file; one may be flagged as the default."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, rate=RATE, layout="mono") for _ in sounds]
        for at, stream in enumerate(streams):
            if default is not None:
                stream.disposition = int(at == default)
        for stream, sound in zip(streams, sounds, strict=True):
            for at in range(0, len(sound), 1024):
                part = np.ascontiguousarray(sound[None, at : at + 1024], np.float32)
                frame = av.AudioFrame.from_ndarray(part, "fltp", "mono")
                frame.sample_rate, frame.pts = RATE, at
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("form", "codec"), [("m4a", "aac"), ("mkv", "aac"), ("mkv", "flac"), ("ogg", "flac")]
)
def test_the_track_that_is_heard_is_judged(form, codec, song, other, bundle, tmp_path):
    silent, path = 0 * song, tmp_path / f"a.{form}"
    _tracks(path, [song], codec)
    alone = score_file(path, bundle)[0]
    assert (alone.verdict, alone.n_audio_tracks, alone.notes) == ("ai", 1, ())
    _tracks(path, [silent, silent, song], codec)
    third = score_file(path, bundle)[0]
    assert (third.n_audio_tracks, third.verdict) == (3, "ai")
    assert third.logit == pytest.approx(alone.logit, abs=CLOSE) and third.notes
    _tracks(path, [silent, silent], codec)
    assert score_file(path, bundle)[0].error.type == "SilentAudio"
    if form != "ogg":  # has no such flag
        for default, expected in ((1, "ai"), (0, "human")):
            _tracks(path, [other, song], codec, default)
            assert score_file(path, bundle)[0].verdict == expected


@pytest.mark.parametrize("form", ["m4a", "ogg", "mp3"])
def test_what_a_codec_leaves_of_anti_phase_is_not_judged(form, song, bundle, tmp_path):
    from unsung.audio.write import encode

    codec = {"m4a": "aac", "ogg": "vorbis", "mp3": "mp3"}[form]
    path = tmp_path / f"a.{form}"
    path.write_bytes(encode(np.stack([song, -song]).astype(np.float32), RATE, codec, 128))
    score = score_file(path, bundle)[0]
    assert score.verdict == "ai" and score.notes
