# SPDX-License-Identifier: MIT
"""Reads from a container's own structure how long the sound should be, and whether it is cut."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from unsung.audio._mp3 import Mp3Head, mp3_head

__all__ = ["Promise", "promise"]

_UNKNOWN_32 = (0xFFFFF000, 0x7FFFF000)
"""Chunk sizes from here on are what tools write to a pipe, where the length is not known."""
_OGG_TAIL_BYTES = 2 * 65307  # two pages of the largest size
_MP4_TYPES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof")
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"


@dataclass(frozen=True)
class Promise:
    """What the container says: ``cut`` is why it is certainly incomplete ("" if it is not).

    ``note``: what a reader of the row must know.
    ``joined``: Ogg streams stand one behind the other, of which libsndfile reads the first.
    """

    container: str = ""
    cut: str = ""
    mp3: Mp3Head | None = None
    vorbis: bool = False
    joined: bool = False
    note: str = ""


def promise(file: BinaryIO, head: bytes) -> Promise:
    """Look at a seekable file's structure without decoding it; the position is kept."""
    position = file.tell()
    size = file.seek(0, os.SEEK_END)
    try:
        return _by_kind(file, head, size)
    except (struct.error, IndexError, OSError):
        return Promise()
    finally:
        file.seek(position)


def _by_kind(file: BinaryIO, head: bytes, size: int) -> Promise:  # noqa: PLR0911
    mark = head[:4]
    if mark in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return Promise("wav", _riff(file, head, size))
    if mark == b"FORM":
        return Promise("aiff", _aiff(file, size))
    if mark == b".snd":
        start, length = struct.unpack_from(">II", head, 4)
        return Promise("au", "" if _open_ended(length) else _missing(start, length, size))
    if mark == b"OggS":
        cut, joined = _ogg(file, head, size)
        return Promise("ogg", cut, vorbis=b"\x01vorbis" in head[:256], joined=joined)
    if head[4:8] in _MP4_TYPES:
        return Promise("mp4", _mp4(file, size))
    if mark == b"\x1aE\xdf\xa3":
        return Promise("matroska", _matroska(head, size))
    if mark == b"fLaC":
        return Promise("flac")
    mp3 = mp3_head(file, head, size)
    return Promise("mp3", mp3.cut, mp3) if mp3 else Promise()


def _missing(start: int, length: int, size: int) -> str:
    if start + length <= size:
        return ""
    there = max(0, size - start)
    return f"the header promises {length} bytes of sound, {there} are there"


def _open_ended(length: int) -> bool:
    return length == 0 or length >= _UNKNOWN_32[0] or _UNKNOWN_32[1] <= length <= 0x7FFFFFFF


def _riff(file: BinaryIO, head: bytes, size: int) -> str:
    order = ">" if head[:4] == b"RIFX" else "<"
    at, long_length, name = 12, 0, b""
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack(order + "4sI", file.read(8))
        if name == b"ds64":
            long_length = struct.unpack("<QQ", file.read(16))[1]
        if name == b"data":
            if head[:4] == b"RF64" and length == 0xFFFFFFFF:
                return _missing(at + 8, long_length, size)
            return "" if _open_ended(length) else _missing(at + 8, length, size)
        at += 8 + length + length % 2
    if at <= size or not name.isascii() or not name.decode("ascii").isprintable():
        return ""  # a walk that went astray proves nothing
    return f"it ends inside its chunk '{name.decode('ascii').strip()}', before any sound"


def _aiff(file: BinaryIO, size: int) -> str:
    at = 12
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack(">4sI", file.read(8))
        if name == b"SSND":
            return "" if _open_ended(length) else _missing(at + 8, length, size)
        at += 8 + length + length % 2
    return ""


def _ogg(file: BinaryIO, head: bytes, size: int) -> tuple[str, bool]:
    """Return why it is cut and whether the last page is of another stream than the first."""
    file.seek(max(0, size - _OGG_TAIL_BYTES))
    tail = file.read()
    at = tail.rfind(b"OggS\x00")
    if at < 0:
        return "its last pages are not Ogg any more", False
    joined = len(tail) >= at + 18 and tail[at + 14 : at + 18] != head[14:18]
    inside = "it ends inside an Ogg page"
    if at + 27 > len(tail) or at + 27 + tail[at + 26] > len(tail):
        return inside, joined
    segments = tail[at + 26]
    body = sum(tail[at + 27 : at + 27 + segments])
    if at + 27 + segments + body > len(tail):
        return inside, joined
    ended = tail[at + 5] & 4
    return "" if ended else "the last Ogg page is not marked as the end of the stream", joined


def _mp4(file: BinaryIO, size: int) -> str:
    at, seen_index = 0, False
    while at + 8 <= size:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0]
        if length == 0:  # to the end of the file
            return ""
        if length < 8 or not name.strip().isalnum():
            return ""  # padding or junk after the last box: not for us to judge
        if at + length > size:
            what = "" if seen_index else ", before its index"
            return f"it ends inside the box '{name.decode('latin-1')}'{what}"
        seen_index = seen_index or name == b"moov"
        at += length
    return ""


def _matroska(head: bytes, size: int) -> str:
    at = head.find(_MATROSKA_SEGMENT)
    if at < 0 or at + 12 > len(head):
        return ""
    first = head[at + 4]
    width = 9 - first.bit_length()
    length = int.from_bytes(head[at + 4 : at + 4 + width], "big") & ((1 << (7 * width)) - 1)
    if length == (1 << (7 * width)) - 1:  # a live stream: unknown
        return ""
    return _missing(at + 4 + width, length, size)
