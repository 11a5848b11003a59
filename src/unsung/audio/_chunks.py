# SPDX-License-Identifier: MIT
"""Walks the chunks of WAV, RF64, W64, AIFF and CAF to the sound: is it cut, or is there more?

Where the header is wrong (a length too small, a pad byte that is not there) a right one is made, so
that the decoders read the sound as it is.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from unsung.audio._sniff import foreign

__all__ = ["Sound", "au_sound", "chunked", "form_of", "missing"]

_UNKNOWN_32 = (0xFFFFF000, 0x7FFFF000)
"""Chunk sizes from here on are what tools write to a pipe, where the length is not known."""
_MOST_CHUNKS = 10_000
_FORMAT_BYTES = 65536  # a format chunk has some 40
_LEAST_BYTES = 4096  # less behind the sound is padding
_W64 = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0O\x8e\xdb\x8a"  # what follows a W64 chunk's four letters
_NAME = re.compile(rb"[A-Za-z][\w ]{3}", re.ASCII)
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")


@dataclass(frozen=True)
class Form:
    """How one container writes its chunks; ``whole``: a length counts the chunk's own head."""

    container: str
    first: int
    length: str
    format: bytes
    sound: bytes
    pad: int
    name: int = 4
    whole: bool = False

    @property
    def head(self) -> int:
        """Bytes of name and length."""
        return self.name + struct.calcsize(self.length)


_RIFF = Form("wav", 12, "<I", b"fmt ", b"data", 2)
_RIFX = Form("wav", 12, ">I", b"fmt ", b"data", 2)
_AIFF = Form("aiff", 12, ">I", b"COMM", b"SSND", 2)
_CAF = Form("caf", 8, ">q", b"desc", b"data", 1)
_WAVE64 = Form("w64", 40, "<q", b"fmt " + _W64, b"data" + _W64, 8, 16, whole=True)


@dataclass(frozen=True)
class Sound:
    """``cut`` is why the sound is certainly incomplete; ``head`` and ``start`` make the file right.

    ``head`` is put in the place of everything before ``start``; empty where the header is right.
    ``more`` says that the header states too little.
    """

    cut: str = ""
    head: bytes = b""
    start: int = 0
    more: bool = False


def form_of(head: bytes) -> Form | None:
    """Name the chunked container that begins so, None for others."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return _RIFF
    if head[:4] == b"RIFX" and head[8:12] == b"WAVE":
        return _RIFX
    if head[:4] == b"FORM" and head[8:11] == b"AIF":
        return _AIFF
    if head[:4] == b"caff":
        return _CAF
    return _WAVE64 if head[:4] == b"riff" and head[24:28] == b"wave" else None


def chunked(file: BinaryIO, form: Form, head: bytes, size: int) -> Sound:
    """Find the sound, hold its stated length against the file and correct what is wrong."""
    described, long_length, expected, gap, inside = b"", 0, form.first, False, ""
    for at, name, length in _walk(file, form, form.first, size):
        gap |= at - form.head < expected  # a pad byte is not there
        expected = at + length + -(at + length) % form.pad
        inside = _text(name) if at + length > size else ""
        if name == b"ds64":
            file.seek(at)
            long_length = struct.unpack("<QQ", file.read(16))[1]
        elif name == form.format and length <= _FORMAT_BYTES:
            file.seek(at - form.head)
            described = file.read(form.head + length) + bytes(-length % form.pad)
        elif name == form.sound:
            if head[:4] == b"RF64" and length == 0xFFFFFFFF:
                length = long_length  # noqa: PLW2901
            rest = size - at
            unknown = _open_ended(form, length)
            cut = "" if unknown else missing(length, rest)
            more = not (unknown or cut) and _more(file, form, at + length, size)
            wide = unknown and form is _RIFF and rest > _UNKNOWN_32[0]
            if not described or not (more or wide or gap):
                return Sound(cut)
            stated = rest if more or unknown else length
            return Sound(cut, _head(form, head, described, stated), at, more)
    return Sound(f"it ends inside its chunk '{inside}', before any sound" if inside else "")


def au_sound(head: bytes, size: int) -> Sound:
    """Do the same for AU, which has a header and no chunks."""
    start, length = struct.unpack_from(">II", head, 4)
    if _open_ended(_AIFF, length):
        return Sound()
    if start + length > size:
        return Sound(missing(length, size - start))
    if size - start - length < _LEAST_BYTES:
        return Sound()
    return Sound(head=head[:8] + b"\xff" * 4 + head[12:24], start=24, more=True)


def missing(length: int, there: int) -> str:
    """Return that a header states more bytes than there are, "" where it does not."""
    if length <= there:
        return ""
    return f"the header promises {length} bytes of sound, {max(0, there)} are there"


def _walk(file: BinaryIO, form: Form, at: int, size: int) -> Iterator[tuple[int, bytes, int]]:
    """Yield where each chunk's content begins, its name and its stated length."""
    for _ in range(_MOST_CHUNKS):
        if at + form.head > size:
            return
        file.seek(at)
        piece = file.read(form.head)
        name = piece[: form.name]
        length = struct.unpack_from(form.length, piece, form.name)[0]
        length -= form.head if form.whole else 0
        yield at + form.head, name, length
        if length < 0:
            return
        at += form.head + length
        if not _unpadded(file, form, at):
            at += -at % form.pad


def _unpadded(file: BinaryIO, form: Form, at: int) -> bool:
    """Say whether the next chunk begins at an odd place: its name is text here and there alone."""
    if form.pad != 2 or not at % 2:
        return False
    file.seek(at)
    here = file.read(5)
    common = (form.format, form.sound, b"LIST", b"fact")
    return _NAME.fullmatch(here[:4]) is not None and here[1:] not in common


def _open_ended(form: Form, length: int) -> bool:
    if form.length[1] != "I":
        return length < 0 or length >= 1 << 62
    return length == 0 or length >= _UNKNOWN_32[0] or _UNKNOWN_32[1] <= length <= 0x7FFFFFFF


def _more(file: BinaryIO, form: Form, at: int, size: int) -> bool:
    """Say whether bytes that are no chunk, no tag and no other file stand behind the sound."""
    at += -at % form.pad
    if size - at < _LEAST_BYTES:
        return False
    file.seek(at)
    rest = file.read(512)
    if rest.startswith(_TAGS) or foreign(rest):
        return False
    begin, name, length = next(_walk(file, form, at, size))
    return not (_text(name) and 0 <= length <= size - begin)


def _text(name: bytes) -> str:
    """Return a chunk's name, "" where a walk that went astray found no text."""
    letters = name[:4].decode("latin-1")
    return letters.strip() if letters.isascii() and letters.isprintable() else ""


def _head(form: Form, head: bytes, described: bytes, length: int) -> bytes:
    """Return a header that states so many bytes of sound."""
    if form is _RIFF:
        return _riff_head(described, length)
    most = 0xFFFFFFFE if form.length[1] == "I" else length
    stated = min(length, most) + (form.head if form.whole else 0)
    begin = bytearray(head[: form.first])
    if form.length[1] == "I":
        begin[4:8] = struct.pack(form.length, min(length + 4096, most))
    elif form is _WAVE64:
        begin[16:24] = struct.pack("<q", length + 4096)
    return bytes(begin) + described + form.sound + struct.pack(form.length, stated)


def _riff_head(described: bytes, length: int) -> bytes:
    """Return the head of an RF64 file, which has room for any length."""
    long = struct.pack("<4sIQQQI", b"ds64", 28, length + len(described) + 56, length, 0, 0)
    return b"RF64\xff\xff\xff\xffWAVE" + long + described + b"data\xff\xff\xff\xff"
