# SPDX-License-Identifier: MIT
"""Facts beat headers: all sound is heard, whatever a header, a tag or an estimate says."""

import io
import struct

import numpy as np
import pytest

from unsung.audio.read import open_audio
from unsung.errors import TruncatedAudio

from .helpers import SNDFILE, drain, lag, m4a, music, save

RATE_HZ = 44100


def seconds(data: bytes):
    got, stream, _ = drain(io.BytesIO(data))
    return len(got) / stream.info.sample_rate_hz, got, stream


def shortened(tmp_path, kind):
    """Return a file of 6 s whose header counts 2 s."""
    if kind in ("w64", "caf"):
        codec = "pcm_s16le" if kind == "w64" else "pcm_s16be"
        data = bytearray(m4a(music(6), codec=codec, container=kind))
    else:
        data = bytearray(save(tmp_path / "x", music(6), kind=kind).read_bytes())
    two_s = 2 * RATE_HZ * 4
    if kind == "wav":
        struct.pack_into("<I", data, data.find(b"data") + 4, two_s)
    elif kind == "rf64":
        struct.pack_into("<Q", data, data.find(b"ds64") + 16, two_s)
    elif kind == "w64":
        struct.pack_into("<q", data, data.find(b"data\xf3") + 16, two_s + 24)
    elif kind == "aiff":
        struct.pack_into(">I", data, data.find(b"SSND") + 4, two_s + 8)
    elif kind == "au":
        struct.pack_into(">I", data, 8, two_s)
    elif kind == "caf":
        struct.pack_into(">q", data, data.find(b"data") + 4, two_s + 4)
    elif kind == "flac":
        word = int.from_bytes(data[18:26], "big") >> 36 << 36 | 2 * RATE_HZ
        data[18:26] = word.to_bytes(8, "big")
    else:
        at = max(data.find(b"Xing"), data.find(b"Info"))
        struct.pack_into(">I", data, at + 8, 80)
    return bytes(data)


@pytest.mark.parametrize("kind", ["wav", "rf64", "w64", "aiff", "au", "caf", "flac", "mp3"])
def test_sound_behind_the_stated_end_is_heard_and_told(tmp_path, kind):
    length_s, got, stream = seconds(shortened(tmp_path, kind))
    assert length_s == pytest.approx(6, abs=0.06)
    assert stream.problem is None
    assert stream.notes
    x = music(6).mean(0)
    late = lag(x[-RATE_HZ:], got[len(x) - RATE_HZ : len(x)])
    assert abs(late) < 3000  # exact but for an encoder's delay
    tail = np.roll(got[: len(x)], -late)[3 * RATE_HZ : 5 * RATE_HZ]
    assert np.corrcoef(tail, x[3 * RATE_HZ : 5 * RATE_HZ])[0, 1] > 0.98


def test_a_wav_beyond_four_gigabytes_is_heard_to_its_end(tmp_path):
    path = save(tmp_path / "x.wav", music(1, 8000, 1), 8000)
    size = (1 << 32) + 100_000
    with path.open("r+b") as file:
        file.truncate(44 + size)  # sparse
        file.seek(40)
        file.write(struct.pack("<I", size % (1 << 32)))
    with open_audio(path) as stream:
        assert stream.duration_s == pytest.approx(size / 16000, abs=1)
        stream.seek(stream.duration_s - 1)
        assert sum(len(block) for block in stream.blocks()) == pytest.approx(8000, abs=1)


@pytest.mark.parametrize("tail", [b"TAG" + bytes(125), bytes(100), b"LIST\x04\x00\x00\x00INFO"])
def test_what_stands_behind_the_sound_is_no_sound(tmp_path, tail):
    for kind in SNDFILE:
        rate_hz = 48000 if kind == "opus" else RATE_HZ
        data = save(tmp_path / "x", music(2, rate_hz), rate_hz, kind).read_bytes()
        got, stream, _ = drain(io.BytesIO(data + tail))
        assert len(got) / rate_hz == pytest.approx(2, abs=0.03), kind
        assert not any("states" in note for note in stream.notes), kind


def links(tmp_path, kind, rates):
    made = []
    for number, (rate_hz, channels) in enumerate(rates):
        x = music(3 + number, rate_hz, channels)
        made.append(save(tmp_path / f"{number}", x, rate_hz, kind).read_bytes())
    return b"".join(made)


@pytest.mark.parametrize("kind", ["ogg", "opus"])
@pytest.mark.parametrize(
    "rates",
    [
        ((48000, 2), (48000, 2)),
        ((48000, 2), (24000, 2), (48000, 2)),
        ((24000, 1), (48000, 2)),
        ((48000, 2), (24000, 1)),
    ],
)
def test_all_links_of_a_chain_are_heard(tmp_path, kind, rates):
    expected_s = sum(3 + number for number in range(len(rates)))
    data = links(tmp_path, kind, rates)
    for mono in (True, False):
        got, stream, _ = drain(io.BytesIO(data), mono=mono)
        assert got.shape[-1] / stream.info.sample_rate_hz == pytest.approx(expected_s, abs=0.1)
        assert stream.problem is None
        assert stream.duration_s is None  # no header counts it
    with open_audio(io.BytesIO(data)) as stream:
        stream.seek(expected_s - 1.0)
        heard = sum(len(block) for block in stream.blocks())
    assert heard / stream.info.sample_rate_hz == pytest.approx(1.0, abs=0.1)


def test_two_flac_files_in_one_are_both_heard(tmp_path):
    data = save(tmp_path / "x", music(2), kind="flac").read_bytes()
    assert seconds(data + data)[0] == pytest.approx(4, abs=0.01)


@pytest.mark.parametrize("rate_hz", [44100, 22050])
def test_streams_without_a_count_have_no_length_before_they_are_heard(rate_hz):
    first, second = (
        m4a(music(3), codec="aac", container="adts"),
        m4a(music(3, rate_hz), rate_hz, "aac", "adts"),
    )
    length_s, _, stream = seconds(first + second)
    assert stream.duration_s is None
    assert length_s == pytest.approx(6, abs=0.2)


def test_tags_around_an_mp3_are_no_sound(tmp_path):
    mp3 = save(tmp_path / "x", music(4), kind="mp3").read_bytes()
    at = max(mp3.find(b"Xing"), mp3.find(b"Info"))
    bare = mp3[mp3.find(b"\xff\xfb", at) :]
    pad = bytes(150_000)
    ape = pad + b"APETAGEX" + struct.pack("<IIII", 2000, len(pad) + 32, 1, 0) + bytes(8)
    id3 = b"ID3\x04\x00\x10" + bytes([0, 4, 0, 0]) + bytes(65536)
    id3 += b"3DI\x04\x00\x10" + bytes([0, 4, 0, 0])
    tlen = b"TLEN" + struct.pack(">IH", 7, 0) + b"\x00600000"
    tlen = b"ID3\x03\x00\x00" + bytes([0, 0, 0, len(tlen)]) + tlen
    for data in (mp3, bare):
        for file in (data + ape, data + id3, tlen + data, data + ape + b"TAG" + bytes(125)):
            length_s, _, stream = seconds(file)
            assert length_s == pytest.approx(4, abs=0.1)
            assert stream.problem is None
            assert stream.duration_s is None or stream.duration_s == pytest.approx(4, abs=0.01)
    length_s, _, stream = seconds(b"junk" * 50 + bare)
    assert length_s == pytest.approx(4, abs=0.1)
    assert stream.problem is None


def test_an_ogg_without_an_end_mark_is_complete_and_one_cut_in_a_page_is_not(tmp_path):
    data = bytearray(save(tmp_path / "x", music(3), kind="ogg").read_bytes())
    last = data.rfind(b"OggS")
    length_s, _, stream = seconds(bytes(data[:last]))
    assert stream.problem is None
    assert stream.notes
    assert 1 < length_s < 3
    assert isinstance(seconds(bytes(data[:-20]))[2].problem, TruncatedAudio)


def test_more_than_an_index_states_is_told():
    data = m4a(music(2), codec="aac", container="matroska")
    at = data.find(b"\x44\x89\x88") + 3  # the stated duration, in ms
    data = data[:at] + struct.pack(">d", 900.0) + data[at + 8 :]
    length_s, _, stream = seconds(data)
    assert length_s == pytest.approx(2, abs=0.05)
    assert any("0.9 s" in note for note in stream.notes)


def test_a_stream_that_begins_in_the_middle_costs_nothing_before_it(monkeypatch):
    """PyAV raises an IndexError for the packets of such a stream."""
    from unsung.audio import _ffmpeg

    class Late:
        def __init__(self, container):
            self._container, self._left = container, 3

        def __getattr__(self, name):
            return getattr(self._container, name)

        def demux(self, stream):
            for packet in self._container.demux(stream):
                yield packet
                self._left -= 1
                if not self._left:
                    raise IndexError("tuple index out of range")

    data = m4a(music(2), codec="aac", container="mpegts")
    opened = _ffmpeg.av.open
    monkeypatch.setattr(_ffmpeg.av, "open", lambda *a, **k: Late(opened(*a, **k)))
    length_s, _, stream = seconds(data)
    assert length_s == pytest.approx(2, abs=0.1)
    assert stream.problem is None
    assert stream.notes
