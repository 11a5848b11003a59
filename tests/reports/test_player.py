# SPDX-License-Identifier: MIT
import base64
import io

import av
import numpy as np
import pytest
import soundfile

from unsung.reports import player
from unsung.reports.player import embed


def tone(path, seconds, channels=2, rate=22050):
    t = np.arange(int(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate)
    return path


def decode(uri):
    kind, _, body = uri.partition(";base64,")
    assert kind == "data:audio/ogg"
    with av.open(io.BytesIO(base64.b64decode(body))) as source:
        stream = source.streams.audio[0]
        frames = [f.to_ndarray() for f in source.decode(audio=0)]
        return stream.rate, stream.channels, np.concatenate(frames, axis=1)[0], source.metadata


def test_sound_comes_back_mono_with_its_pitch_and_length(tmp_path):
    made = embed(tone(tmp_path / "a.flac", 3.0), 400_000)
    rate, channels, wave, _ = decode(made.uri)
    assert channels == 1 and not made.cut
    assert made.seconds == pytest.approx(3.0, abs=0.05)
    assert len(wave) / rate == pytest.approx(3.0, abs=0.05)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    assert np.argmax(spectrum) * rate / len(wave) == pytest.approx(440, abs=1)


def test_size_stays_within_the_room(tmp_path):
    path = tone(tmp_path / "a.wav", 40.0)
    for room in (120_000, 200_000):
        assert len(embed(path, room).uri) <= room


def test_too_little_room_cuts_and_says_so(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 40 * 22050)
    soundfile.write(tmp_path / "a.wav", noise, 22050)
    made = embed(tmp_path / "a.wav", 80_000)
    assert made.cut and 0 < made.seconds < 40 and len(made.uri) <= 80_000


def test_at_most_the_longest(tmp_path, monkeypatch):
    monkeypatch.setattr(player, "LONGEST_S", 2.0)
    made = embed(tone(tmp_path / "a.wav", 5.0), 400_000)
    assert made.cut and made.seconds == pytest.approx(2.0, abs=0.05)


def test_tags_of_the_file_are_not_copied(tmp_path):
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as out:
        out.title = "secret title"
        out.write(np.zeros(16000))
    made = embed(path, 400_000)
    assert b"secret" not in base64.b64decode(made.uri.partition(",")[2])


@pytest.mark.parametrize("content", [None, b"", b"not sound at all" * 50])
def test_no_sound_gives_a_reason(tmp_path, content):
    path = None
    if content is not None:
        path = tmp_path / "x.mp3"
        path.write_bytes(content)
    made = embed(path, 400_000)
    assert made.uri == "" and made.note.startswith("No player")


def test_missing_file_gives_a_reason(tmp_path):
    assert "could not be read" in embed(tmp_path / "none.wav", 400_000).note
