# SPDX-License-Identifier: MIT
"""Tags into MP3 and FLAC: every other tag stays to the byte, or the file stays as it is."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
import soundfile

from unsung.audio.read import read_clip
from unsung.scanning.sidecar import NAMES, TagError, tag_values, write_tags
from unsung.types import Score

COVER = b"\x00image/png\x00\x03\x00" + bytes(range(256)) * 10 + b"\xff" * 900
HOLED = b"\x00image/png\x00\x03\x00" + b"\xff" * 80 + bytes(3000) + b"\xff" * 400


def judged(path, verdict="ai"):
    return Score(str(path), verdict=verdict, logit=3.0, detector="a b", reason="")


def sound(kind):
    samples = np.random.default_rng(0).standard_normal(22050).astype("f4") * 0.1
    out = io.BytesIO()
    soundfile.write(out, samples, 22050, format=kind)
    data = out.getvalue()
    return data[data.index(b"\xff\xf3") :] if kind == "MP3" else data


def plain(number):
    return number.to_bytes(4, "big")


def syncsafe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name, data, size=syncsafe, flags=b"\0\0"):
    return name + size(len(data)) + flags + data


def id3(version, *frames, padding=0, flags=0, size=None):
    body = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes((version, 0, flags)) + syncsafe(size or len(body)) + body


def texts(size):
    return (
        frame(b"TPE1", b"\x03" + b"Artist" * 30, size),
        frame(b"TALB", b"\x03Album", size),
        frame(b"TXXX", b"\x03UNSUNG_HERO\0of the song", size),
        frame(b"TXXX", b"\x03MY_UNSUNG_LOGIT\0mine", size),
        frame(b"XYZ1", bytes(range(200)), size),
    )


MP3 = sound("MP3")
APE = b"APETAGEX" + plain(2000)[::-1] + bytes(48) + b"APETAGEX" + bytes(24)
ID3V1 = b"TAG" + b"Title".ljust(125, b"\0")
LYRICS = b"LYRICSBEGINLYR00011la la la la 000030LYRICS200"
KEPT_MP3 = {
    "no tag": MP3,
    "2.3": id3(3, *texts(plain), frame(b"APIC", COVER, plain)) + MP3,
    "2.3 padded": id3(3, *texts(plain), frame(b"APIC", HOLED, plain), padding=1000) + MP3,
    "2.4": id3(4, *texts(syncsafe), frame(b"APIC", COVER)) + MP3,
    "2.4 padded": id3(4, *texts(syncsafe), frame(b"APIC", HOLED), padding=5000) + MP3,
    "2.4 last frame of 130, padded": id3(4, frame(b"TIT2", b"\x03" + b"a" * 129), padding=900)
    + MP3,
    "2.4 frame flags": id3(4, frame(b"TIT2", b"\0\0\0\x02\x03a", flags=b"\0\x01")) + MP3,
    "2.4 plain sizes": id3(4, *texts(plain), frame(b"APIC", COVER, plain)) + MP3,
    "2.4 plain, zeros in it": id3(4, *texts(plain), frame(b"APIC", HOLED, plain)) + MP3,
    "2.4 plain, padded": id3(4, frame(b"APIC", HOLED, plain), *texts(plain), padding=700) + MP3,
    "2.4 plain, ends in zeros": id3(4, frame(b"PRIV", b"me\0" + bytes(300), plain), padding=99)
    + MP3,
    "2.4 empty": id3(4, padding=100) + MP3,
    "two tags": id3(3, *texts(plain)) + id3(4, *texts(syncsafe)) + MP3,
    "ape, lyrics, id3v1 behind": id3(4, *texts(syncsafe)) + MP3 + APE + LYRICS + ID3V1,
    "id3v1 alone": MP3 + ID3V1,
}
REFUSED_MP3 = {
    "2.2": id3(2, b"TT2\0\0\x02\0a") + MP3,
    "2.4 unsynchronised": id3(4, *texts(syncsafe), flags=0x80) + MP3,
    "2.3 unsynchronised": id3(3, *texts(plain), flags=0x80) + MP3,
    "2.3 extended header": id3(3, plain(6) + bytes(6), *texts(plain), flags=0x40) + MP3,
    "2.4 extended header": id3(4, syncsafe(6) + b"\x01\0", *texts(syncsafe), flags=0x40) + MP3,
    "2.4 footer": id3(4, *texts(syncsafe), flags=0x10) + b"3DI\4\0\x10" + bytes(4) + MP3,
    "2.5": id3(5, *texts(plain)) + MP3,
    "zero, then more": id3(4, texts(syncsafe)[0], b"\0", texts(syncsafe)[1]) + MP3,
    "2.3 zeros, then more": id3(3, texts(plain)[0], bytes(50), texts(plain)[1]) + MP3,
    "plain and syncsafe mixed": id3(4, *texts(syncsafe), *texts(plain)) + MP3,
    "no frame's name": id3(3, frame(b"ti 2", b"\0a", plain)) + MP3,
    "frame leaves the tag": id3(3, b"TIT2" + plain(999) + b"\0\0\0a") + MP3,
    "tag leaves the file": id3(3, *texts(plain), size=1 << 24) + MP3,
    "size with bit 7": b"ID3\x03\0\0\0\0\x81\x00" + bytes(300) + MP3,
    "flac behind id3": id3(4, *texts(syncsafe)) + sound("FLAC"),
}


def comments(*lines, vendor=b"Lavf", behind=b"", count=None):
    data = len(vendor).to_bytes(4, "little") + vendor
    data += (len(lines) if count is None else count).to_bytes(4, "little")
    return data + b"".join(len(x).to_bytes(4, "little") + x for x in lines) + behind


def flac(*blocks, behind=b""):
    data = sound("FLAC")
    at, end, last = 4, 4, False
    while not last:
        last = bool(data[end] & 0x80)
        end += 4 + int.from_bytes(data[end + 1 : end + 4], "big")
    blocks = [(0, data[8 : at + 38]), *blocks]
    out = b"fLaC"
    for number, (kind, block) in enumerate(blocks, 1):
        out += bytes((kind | (0x80 if number == len(blocks) else 0),))
        out += len(block).to_bytes(3, "big") + block
    return out + data[end:] + behind


def blocks_of(data):
    at, last, found = 4, False, []
    while not last:
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        found.append((data[at] & 0x7F, data[at + 4 : at + 4 + size]))
        last = bool(data[at] & 0x80)
        at += 4 + size
    return found, data[at:]


PICTURE = bytes(3) + b"\x03" + bytes(28) + bytes(range(256))
LINES = (b"ARTIST=A", b"artist=B", b"UNSUNG_HEROES=kept", b"BAD=\xff\xfe", b"no equals sign", b"")
KEPT_FLAC = {
    "as libsndfile writes it": sound("FLAC"),
    "no comments": flac((3, bytes(18))),
    "comments": flac((4, comments(*LINES))),
    "comments last": flac((3, bytes(18)), (1, bytes(99)), (4, comments(*LINES))),
    "two comment blocks": flac((4, comments(*LINES)), (4, comments(b"SECOND=block"))),
    "pictures, application, padding": flac(
        (6, PICTURE), (2, b"abcd1234"), (4, comments(*LINES)), (1, bytes(99)), (6, PICTURE + b"x")
    ),
    "bytes behind the comments": flac((4, comments(*LINES, behind=b"\x01more"))),
    "id3v1 behind": flac((4, comments(*LINES)), behind=ID3V1),
}
REFUSED_FLAC = {
    "id3 in front": id3(3, *texts(plain)) + flac((4, comments(*LINES))),
    "unknown block": flac((4, comments(*LINES)), (77, b"what")),
    "more comments than there are": flac((4, comments(*LINES, count=99))),
    "a comment leaves its block": flac((4, comments(b"A=1")[:-1])),
    "no streaminfo first": b"fLaC" + b"\x04\0\0\x0c" + comments(b"")[:12] + flac()[4:],
    "lengths miss the sound": flac((1, bytes(9))).replace(b"\x81\0\0\x09", b"\x81\0\0\x05"),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "song.mp3"


@pytest.mark.parametrize("name", KEPT_MP3)
def test_every_byte_of_other_tags_in_mp3_stays(path, name):
    data = KEPT_MP3[name]
    path.write_bytes(data)
    before = read_clip(path)
    foreign = data[10:] if data[:3] == b"ID3" else data
    for verdict in ("ai", "human"):
        assert write_tags(judged(path, verdict)) is True
        assert path.read_bytes().endswith(foreign)
        assert write_tags(judged(path, verdict)) is False
    np.testing.assert_array_equal(read_clip(path).samples, before.samples)
    assert [p.name for p in path.parent.iterdir()] == ["song.mp3"]


@pytest.mark.parametrize("name", KEPT_MP3)
def test_another_reader_finds_the_same_frames(path, name):
    mutagen = pytest.importorskip("mutagen.id3")

    def read():
        try:
            return {key: repr(value) for key, value in mutagen.ID3(path).items()}
        except mutagen.ID3NoHeaderError:
            return {}

    path.write_bytes(KEPT_MP3[name])
    before = read()
    write_tags(judged(path))
    after = read()
    ours = {key for key in after if key.removeprefix("TXXX:") in NAMES}
    assert {key: value for key, value in after.items() if key not in ours} == before
    assert len(ours) == len(tag_values(judged(path)))


@pytest.mark.parametrize("name", KEPT_FLAC)
def test_every_block_and_comment_of_flac_stays(path, name):
    data = KEPT_FLAC[name]
    path.write_bytes(data)
    (blocks, rest), before = blocks_of(data), read_clip(path)
    for verdict in ("ai", "human"):
        assert write_tags(judged(path, verdict)) is True
        found, behind = blocks_of(path.read_bytes())
        assert behind == rest
        place = next(n for n, (kind, _) in enumerate(found) if kind == 4)
        old = next((block for kind, block in blocks if kind == 4), None)
        others = [b for n, b in enumerate(blocks) if old is None or b is not first(blocks)]
        assert found[:place] + found[place + 1 :] == others
        for line in LINES if old is not None and b"HEROES" in old else ():
            assert len(line).to_bytes(4, "little") + line in found[place][1]
        assert write_tags(judged(path, verdict)) is False
    np.testing.assert_array_equal(read_clip(path).samples, before.samples)


def first(blocks):
    return next(block for block in blocks if block[0] == 4)


@pytest.mark.parametrize("name", [*REFUSED_MP3, *REFUSED_FLAC])
def test_what_cannot_be_proven_is_left_alone(path, name):
    data = (REFUSED_MP3 | REFUSED_FLAC)[name]
    path.write_bytes(data)
    with pytest.raises(TagError, match=str(path)):
        write_tags(judged(path))
    assert path.read_bytes() == data
    assert [p.name for p in path.parent.iterdir()] == ["song.mp3"]


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "OGG", "CAF"])
def test_other_formats_are_left_alone(tmp_path, kind):
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(sound(kind))
    data = path.read_bytes()
    with pytest.raises(TagError, match="sidecar"):
        write_tags(judged(path))
    assert path.read_bytes() == data


def test_a_link_stays_a_link_and_a_second_name_is_refused(path):
    path.write_bytes(MP3)
    link = path.with_name("link.mp3")
    link.symlink_to(path.name)
    assert write_tags(judged(link)) is True
    assert link.is_symlink() and path.read_bytes() != MP3
    path.write_bytes(MP3)
    path.with_name("hard.mp3").hardlink_to(path)
    with pytest.raises(TagError, match="sidecar"):
        write_tags(judged(path))
    assert path.read_bytes() == MP3 and path.samefile(path.with_name("hard.mp3"))


def test_mode_owner_and_notes_are_carried_over(path):
    path.write_bytes(MP3)
    path.chmod(0o604)
    if getattr(os, "geteuid", lambda: 1)() == 0:
        os.chown(path, 1234, 4321)
    noted = hasattr(os, "setxattr")
    try:
        if noted:
            os.setxattr(path, "user.note", b"mine")
    except OSError:
        noted = False  # this file system has none
    before = path.stat()
    assert write_tags(judged(path)) is True
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert not noted or os.getxattr(path, "user.note") == b"mine"


def test_a_file_that_changes_meanwhile_is_left_alone(path, monkeypatch):
    path.write_bytes(MP3)
    real = os.utime

    def meanwhile(copy, *rest, **options):
        real(copy, *rest, **options)
        path.write_bytes(MP3 + ID3V1)

    monkeypatch.setattr(os, "utime", meanwhile)
    with pytest.raises(TagError, match="changed"):
        write_tags(judged(path))
    assert path.read_bytes() == MP3 + ID3V1
