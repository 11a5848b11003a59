# SPDX-License-Identifier: MIT
import io
import os
import struct
import sys

import numpy as np
import pytest

from unsung.audio.read import open_audio
from unsung.errors import DamagedAudio, EmptyAudio, NotAudio, TruncatedAudio, UnreadableAudio

from .helpers import drain, lag, m4a, music, save

ENCRYPTED_ZIP = b"PK\x03\x04\x14\x00\x09\x00\x08\x00" + b"\x9f\x11" * 200
CONTENTS = {
    "a password-protected ZIP archive": ENCRYPTED_ZIP,
    "a ZIP archive": b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + b"\x9f\x11" * 200,
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3" + b"\x00" * 500,
    "an HTML page": b"\n<!DOCTYPE html><html><head><title>404</title></head></html>",
    "an XML document": b"<?xml version='1.0'?><rss></rss>",
    "a JPEG picture": b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 300,
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + b"\x00" * 300,
    "a WebP picture": b"RIFF\x10\x00\x00\x00WEBPVP8 " + b"\x00" * 300,
    "a gzip archive": b"\x1f\x8b\x08" + b"\x00" * 300,
    "a tar archive": b"a.mp3".ljust(257, b"\x00") + b"ustar" + b"\x00" * 300,
    "a MIDI file": b"MThd\x00\x00\x00\x06" + b"\x00" * 100,
    "text": "Grüße, this is a letter.\n".encode() * 40,
    "a playlist": b"#EXTM3U\nhttp://127.0.0.1:9/x.mp3\n",
}


@pytest.mark.parametrize("what", CONTENTS)
@pytest.mark.parametrize("suffix", [".mp3", ".wav"])
def test_other_contents_are_named(tmp_path, what, suffix):
    path = tmp_path / f"song{suffix}"
    path.write_bytes(CONTENTS[what])
    with pytest.raises(NotAudio, match=f"expected a sound file, this is {what}"):
        open_audio(path)


def test_folder_missing_and_pipe(tmp_path):
    with pytest.raises(NotAudio, match="this is a folder"):
        open_audio(tmp_path)
    with pytest.raises(UnreadableAudio, match=r"gone\.mp3: no such file"):
        open_audio(tmp_path / "gone.mp3")
    with pytest.raises(UnreadableAudio, match="cannot be opened"):
        open_audio("a\x00b.mp3")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableAudio, match="pipe or device"):
        open_audio(tmp_path / "pipe")


def test_no_permission(tmp_path, monkeypatch):
    path = save(tmp_path / "x.wav", music(1))
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything: let the system call refuse instead
        from pathlib import Path

        def refuse(*args, **kwargs):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadableAudio, match="permission denied"):
        open_audio(path)


def test_zero_bytes_and_no_samples(tmp_path):
    (tmp_path / "x.mp3").write_bytes(b"")
    with pytest.raises(EmptyAudio, match="0 bytes"):
        open_audio(tmp_path / "x.mp3")
    for kind in ("wav", "aiff", "au"):
        path = save(tmp_path / "y", np.zeros((1, 0), np.float32), kind=kind)
        with pytest.raises(EmptyAudio, match="no samples"):
            open_audio(path)


@pytest.mark.parametrize("suffix", ["mp3", "wav", "m4a", "ogg", "flac"])
def test_noise_bytes_and_zero_bytes_are_unreadable(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(b"\x00" * 30000)
    with pytest.raises(UnreadableAudio, match="zero bytes only"):
        open_audio(path)
    path.write_bytes(b"\x9c" + np.random.default_rng(3).bytes(3000))
    with pytest.raises(UnreadableAudio, match=r"no decoder takes it \(\w+: .*; \w+: "):
        open_audio(path)


def test_noise_named_mp3_is_not_said_to_be_missing(tmp_path):
    path = tmp_path / "noise.mp3"
    path.write_bytes(np.random.default_rng(5).bytes(5000))
    with pytest.raises(UnreadableAudio) as refused:
        open_audio(path)
    assert "does not exist" not in str(refused.value)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    "kind", ["wav", "u8", "f64", "aiff", "au", "rf64", "flac", "mp3", "ogg", "opus"]
)
def test_cut_files_are_called_truncated_and_give_what_they_hold(tmp_path, kind, share):
    rate_hz = 48000 if kind == "opus" else 44100
    path = save(tmp_path / "x", music(10, rate_hz), rate_hz, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    got, stream, _ = drain(path)
    assert isinstance(stream.problem, TruncatedAudio)
    assert "expected a complete file" in str(stream.problem)
    assert share * 10 - 1.6 < len(got) / rate_hz < share * 10 + 0.6


@pytest.mark.parametrize("missing", [2, 100, 5000])
def test_even_a_small_cut_in_a_wav_is_seen(tmp_path, missing):
    path = save(tmp_path / "x.wav", music(1))
    path.write_bytes(path.read_bytes()[:-missing])
    got, stream, _ = drain(path)
    assert isinstance(stream.problem, TruncatedAudio)
    assert len(got) == (44100 * 4 - missing) // 4


def test_cut_mp4(tmp_path):
    front, back = m4a(music(6), front=True), m4a(music(6))
    got, stream, _ = drain(io.BytesIO(front[: len(front) // 2]))
    assert isinstance(stream.problem, TruncatedAudio)
    assert "ends inside the box 'mdat'" in str(stream.problem)
    assert 2 < len(got) / 44100 < 4
    with pytest.raises(TruncatedAudio, match="before its index; nothing can be decoded"):
        open_audio(io.BytesIO(back[: len(back) // 2]))


def test_cut_matroska():
    data = m4a(music(6, 48000), 48000, "libopus", "webm")
    got, stream, _ = drain(io.BytesIO(data[: len(data) // 2]))
    assert isinstance(stream.problem, TruncatedAudio)
    assert 1 < len(got) / 48000 < 5


def test_mp3_cut_inside_a_frame_without_a_length_tag(tmp_path):
    data = save(tmp_path / "x.mp3", music(4), kind="mp3").read_bytes()
    frames = data[data.find(b"\xff\xfb", max(data.find(b"Info"), data.find(b"Xing"))) :]
    _, stream, _ = drain(io.BytesIO(frames))
    assert stream.problem is None
    _, stream, _ = drain(io.BytesIO(frames[:-150]))
    assert "inside an MP3 frame" in str(stream.problem)
    tag = b"TLEN" + struct.pack(">IH", 6, 0) + b"\x0060000"
    header = b"ID3\x03\x00\x00" + bytes([0, 0, 0, len(tag)])
    _, stream, _ = drain(io.BytesIO(header + tag + frames))
    assert stream.problem is None  # a tag is somebody's word


def test_tags_at_the_end_are_no_cut(tmp_path):
    for kind in ("mp3", "flac", "wav"):
        path = save(tmp_path / "x", music(2), kind=kind)
        path.write_bytes(path.read_bytes() + b"TAG" + b"song".ljust(125, b"\x00"))
        got, stream, _ = drain(path)
        assert stream.problem is None, kind
        assert len(got) == 88200


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36])
def test_a_wav_written_to_a_pipe_is_complete(tmp_path, length):
    path = save(tmp_path / "x.wav", music(2))
    data = bytearray(path.read_bytes())
    at = data.find(b"data")
    data[at + 4 : at + 8] = struct.pack("<I", length)
    path.write_bytes(data)
    got, stream, _ = drain(path)
    assert stream.problem is None
    assert len(got) == 88200


@pytest.mark.parametrize("kind", ["flac", "mp3", "ogg"])
def test_a_hole_in_the_middle_is_stepped_over(tmp_path, kind, capfd):
    path = save(tmp_path / "x", music(10), kind=kind)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(data)
    got, stream, _ = drain(path)
    assert len(got) / 44100 > 8.5  # the end is reached
    assert stream.problem is None or isinstance(stream.problem, DamagedAudio)
    whole, _, _ = drain(save(tmp_path / "y", music(10), kind=kind))
    np.testing.assert_allclose(got[:88200], whole[:88200], atol=1e-3)
    late = lag(whole[-88200:], got[-88200:])  # lost packets shift what follows
    assert np.corrcoef(np.roll(got[-88200:], -late)[8000:-8000], whole[-80200:-8000])[0, 1] > 0.999


def test_damaged_packets_are_noted():
    data = bytearray(m4a(music(8), front=True))
    start = data.find(b"mdat") + len(data) // 3
    data[start : start + 4000] = np.random.default_rng(0).bytes(4000)
    got, stream, _ = drain(io.BytesIO(bytes(data)))
    assert isinstance(stream.problem, DamagedAudio) and "packets" in str(stream.problem)
    assert len(got) / 44100 > 6.5


def test_a_picture_only_file_is_no_sound():
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        stream = out.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(NotAudio, match="expected an audio stream, found video"):
        open_audio(file)


def test_a_list_cannot_make_the_decoder_open_other_files(tmp_path):
    save(tmp_path / "secret.wav", music(1))
    for text in ("ffconcat version 1.0\nfile secret.wav\n", " #EXTM3U\n#EXTINF:1,\nsecret.wav\n"):
        path = tmp_path / "x.mp3"
        path.write_text(text)
        with pytest.raises(NotAudio):
            open_audio(path)


def test_not_finite_samples_pass_without_a_warning(tmp_path):
    x = music(1)
    x[0, 100], x[1, 200], x[:, 300] = np.nan, np.inf, (np.inf, -np.inf)
    got, stream, _ = drain(save(tmp_path / "x.wav", x, kind="f32"))
    assert stream.problem is None
    assert np.isnan(got[[100, 300]]).all()
    assert np.isinf(got[200])


def test_messages_can_be_printed_whatever_the_name(tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mp3")
    with pytest.raises(UnreadableAudio) as caught:
        open_audio(name)
    str(caught.value).encode("utf-8")
    assert sys.getfilesystemencoding() != "utf-8" or r"\udcff" in str(caught.value)
