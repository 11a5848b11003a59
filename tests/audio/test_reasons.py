# SPDX-License-Identifier: MIT
"""The reason that a file is refused for is the cause, not what follows from it."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from unsung import errors
from unsung.audio.read import open_audio, read_clip, read_sound

from .helpers import m4a, music

RATE_HZ = 16000


def sound(seconds: float = 6.0) -> np.ndarray:
    return (0.2 * np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ))).astype("f4")


def encoded(path: Path, codec: str, form: str, rate_hz: int = RATE_HZ) -> bytes:
    with av.open(str(path), "w", format=form) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray((32767 * sound()).astype("i2")[None], "s16", "mono")
        frame.sample_rate = RATE_HZ
        resampled = av.AudioResampler(stream.format.name, "mono", rate_hz).resample(frame)
        for part in (*resampled, None):
            out.mux(stream.encode(part))
    return path.read_bytes()


def chunk(name: bytes, data: bytes, *, pad: bool, order: str = "<") -> bytes:
    return name + struct.pack(order + "I", len(data)) + data + b"\0" * (pad and len(data) % 2)


def wav(pad: bool) -> bytes:
    pcm = (20000 * sound(2.0)).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    parts = ((b"LIST", b"INFOISFT\x03\0\0\0abc"), (b"JUNK", b"xyz"), (b"fmt ", form),
             (b"bext", bytes(5)), (b"data", pcm))  # fmt: skip
    body = b"WAVE" + b"".join(chunk(*part, pad=pad) for part in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def aiff(pad: bool) -> bytes:
    pcm = (20000 * sound(2.0)).astype(">i2").tobytes()
    rate = struct.pack(">HQ", 0x3FFF + 13, RATE_HZ << 50)  # an 80-bit float
    comm = struct.pack(">hIh", 1, len(pcm) // 2, 16) + rate
    parts = ((b"NAME", b"abc"), (b"COMM", comm), (b"AUTH", b"q"), (b"SSND", bytes(8) + pcm))
    body = b"AIFF" + b"".join(chunk(*part, pad=pad, order=">") for part in parts)
    return b"FORM" + struct.pack(">I", len(body)) + body


@pytest.mark.parametrize("make", [wav, aiff])
@pytest.mark.parametrize("opened", [False, True])
def test_odd_chunks_are_read_with_and_without_their_pad_byte(
    tmp_path: Path, make: Callable[[bool], bytes], opened: bool
) -> None:
    clips = []
    for pad in (True, False):
        path = tmp_path / f"{pad}.snd"
        path.write_bytes(make(pad))
        if opened:
            with path.open("rb") as file:
                clips.append(read_clip(file))
                assert not file.closed
        else:
            clips.append(read_clip(path))
    assert clips[0].duration_s == 2.0
    np.testing.assert_array_equal(clips[0].samples, clips[1].samples)


def test_other_riff_files_are_not_called_cut(tmp_path: Path) -> None:
    path = tmp_path / "bank.sf2"
    path.write_bytes(
        b"RIFF" + struct.pack("<I", 5000) + b"sfbk" + chunk(b"LIST", bytes(9), pad=False)
    )
    with pytest.raises(errors.UnreadableAudio):
        read_clip(path)


def scrambled(data: bytes, part: float = 1.0, lead: int = 0) -> bytes:
    """Set the scrambling bits of a share of the audio packets of an MPEG-TS, from the end on."""
    pids = [
        int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF for at in range(0, len(data), 188)
    ]
    mine = [number for number, pid in enumerate(pids) if pid == 0x100]
    made = bytearray(data)
    for number in mine[round((1 - part) * len(mine)) :]:
        made[188 * number + 3] |= 0xC0
        made[188 * number + 40 : 188 * number + 188] = bytes(range(148))
    return b"".join(bytes(lead) + made[at : at + 188] for at in range(0, len(made), 188))


def test_encrypted_transport_streams_are_told_by_their_packets() -> None:
    clear = m4a(music(2.0), codec="aac", container="mpegts")
    sample_aes = clear.replace(b"\x0f\xe1\x00\xf0", b"\xcf\xe1\x00\xf0")
    assert sample_aes != clear
    for locked in (scrambled(clear), scrambled(clear, lead=4), scrambled(clear, 0.7), sample_aes):
        with pytest.raises(errors.EncryptedAudio):
            open_audio(io.BytesIO(locked))
    open_audio(io.BytesIO(clear)).close()
    open_audio(io.BytesIO(scrambled(clear, 0.1))).close()


@pytest.mark.parametrize(("container", "codec"), [("matroska", "aac"), ("webm", "libopus")])
def test_encrypted_matroska_is_told_by_its_tracks(container: str, codec: str) -> None:
    clear = m4a(music(2.0, 48000), 48000, codec, container)
    at = clear.index(b"\x73\xc5\x88")  # the track's number of eight bytes gives its room
    room = {
        b"\x6d\x80\x86\x62\x40\x83\x50\x35\x80\xec\x80": True,  # encryption
        b"\x6d\x80\x86\x62\x40\x83\x50\x31\x80\xec\x80": False,  # an order of encodings
    }
    for words, locked in room.items():
        data = clear[:at] + words + clear[at + 11 :]
        try:
            open_audio(io.BytesIO(data)).close()
            found = False
        except errors.EncryptedAudio:
            found = True
        except errors.AudioError:
            found = False
        assert found == locked
    for cut in range(1, at + 200, 7):  # no piece of a header breaks the look at it
        with pytest.raises(errors.AudioError):
            open_audio(io.BytesIO(clear[:cut]))


@pytest.mark.parametrize("kind", [b"enca", b"drms", b"aavd"])
@pytest.mark.parametrize("index_first", [True, False])
def test_locked_sound_is_named(tmp_path: Path, kind: bytes, index_first: bool) -> None:
    data = encoded(tmp_path / "a.m4a", "aac", "ipod")
    assert data.count(b"mp4a\0\0\0\0\0\0\0\1") == 1
    data = data.replace(b"mp4a\0\0\0\0\0\0\0\1", kind + b"\0\0\0\0\0\0\0\1")
    if index_first:
        at, moov = data.index(b"mdat") - 4, data.index(b"moov") - 4
        data = data[:at] + data[moov:] + data[at:moov]
    (tmp_path / "locked.m4a").write_bytes(data)
    with pytest.raises(errors.EncryptedAudio):
        open_audio(tmp_path / "locked.m4a")


def test_windows_media_says_that_it_is_locked(tmp_path: Path) -> None:
    data = encoded(tmp_path / "a.wma", "pcm_s16le", "asf")
    open_audio(tmp_path / "a.wma").close()
    mark = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e") + struct.pack("<Q", 24)
    (tmp_path / "locked.wma").write_bytes(data[:30] + mark + data[30:])
    with pytest.raises(errors.EncryptedAudio):
        open_audio(tmp_path / "locked.wma")


@pytest.mark.parametrize(
    ("codec", "form", "name"), [("aac", "ipod", "a.m4a"), ("flac", "flac", "a.flac")]
)
def test_damage_inside_is_no_cut_and_is_counted(
    tmp_path: Path, codec: str, form: str, name: str
) -> None:
    data = bytearray(encoded(tmp_path / name, codec, form))
    start, end = len(data) // 3, len(data) // 2
    data[start:end] = np.random.default_rng(1).integers(0, 256, end - start, "u1").tobytes()
    (tmp_path / name).write_bytes(data)
    with open_audio(tmp_path / name) as stream:
        heard = sum(block.size for block in stream.blocks())
    assert 0 < heard < 6 * RATE_HZ
    assert isinstance(stream.problem, errors.DamagedAudio)


@pytest.mark.parametrize(
    ("codec", "form", "name", "rate_hz"),
    [("g722", "g722", "a.g722", 16000), ("pcm_mulaw", "mulaw", "a.UL", 8000),
     ("pcm_alaw", "alaw", "a.al", 8000), ("pcm_s16le", "s16le", "a.sln", 8000)],
)  # fmt: skip
def test_streams_without_header_are_read_by_their_name(
    tmp_path: Path, codec: str, form: str, name: str, rate_hz: int
) -> None:
    data = encoded(tmp_path / name, codec, form, rate_hz)
    with open_audio(tmp_path / name) as stream:
        assert stream.info.sample_rate_hz == rate_hz and stream.notes
        heard_s = sum(block.size for block in stream.blocks()) / rate_hz
    assert heard_s == pytest.approx(6.0, abs=0.1)
    (tmp_path / "a.xyz").write_bytes(data)
    with pytest.raises(errors.AudioError):
        open_audio(tmp_path / "a.xyz")


@pytest.mark.parametrize("content", [b"some words, no sound\n" * 50, bytes(5000)])
def test_a_name_alone_makes_no_sound(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ul").write_bytes(content)
    with pytest.raises(errors.AudioError):
        open_audio(tmp_path / "a.ul")


FAULTS = ("NotAudio", "EncryptedAudio", "DamagedAudio", "TruncatedAudio", "TooShort", "SilentAudio",
          "NotFinite")  # fmt: skip


@pytest.mark.parametrize(("cause", "effect"), list(itertools.combinations(FAULTS, 2)))
def test_one_order_of_reasons(cause: str, effect: str) -> None:
    first, second = getattr(errors, cause)("a"), getattr(errors, effect)("b")
    assert errors.first_reason(second, None, first) is first
    assert errors.first_reason(first, second) is first
    assert errors.first_reason(None) is None


@pytest.mark.parametrize(
    ("samples", "cut", "kind"),
    [
        (sound(0.1), False, "TooShort"),
        (sound(4.0), True, None),
        (sound(0.5), True, "TruncatedAudio"),
        (np.zeros(3 * RATE_HZ, "f4"), False, "SilentAudio"),
        (np.zeros(3 * RATE_HZ, "f4"), True, "TruncatedAudio"),
        (np.full(3 * RATE_HZ, np.nan, "f4"), False, "NotFinite"),
    ],
)
def test_what_a_command_reads_is_refused_for_the_first_reason(
    tmp_path: Path, samples: np.ndarray, cut: bool, kind: str | None
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE_HZ, "FLOAT")
    if cut:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
    if kind is None:
        assert np.isfinite(read_sound(path).samples).all()
    else:
        with pytest.raises(getattr(errors, kind)):
            read_sound(path)
