# SPDX-License-Identifier: MIT
"""Looks once at a file's structure: where its sound lies, whether it is cut, what is not believed.

A length is a fact where the structure counts it (bytes of a chunk, pages, an index, a Xing tag),
not where it would be guessed from the first packets.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from unsung.audio._chunks import Sound, au_sound, chunked, form_of, missing
from unsung.audio._id3 import MOST_FRAMES, between_tags
from unsung.audio._mp3 import Mp3Head, mp3_head
from unsung.audio._mp4 import MP4_TYPES, mp4_cut, mp4_untrue
from unsung.audio._ogg import ogg
from unsung.audio._part import Part

__all__ = ["HEAD_BYTES", "Promise", "promise"]

HEAD_BYTES = 8192
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"
_MOST_METADATA = 1 << 20  # bytes of FLAC blocks that decoders are given: no picture is needed


@dataclass(frozen=True)
class Promise:
    """What the container says, and which bytes the decoders are given.

    Attributes:
        container: its name; empty where it is not known here.
        cut: why it is certainly incomplete ("" if it is not).
        untrue: a number in its header that cannot be true ("" without one).
        notes: what is no fault but worth saying.
        mp3: what the first MP3 frame says.
        vorbis: its first stream is Vorbis, which FFmpeg decodes twice as fast.
        flood: its comments are more than FFmpeg reads in reasonable time.
        head: replaces the file's own bytes up to ``start``.
        start: where the sound's file begins, behind tags.
        end: where it ends, before tags.
        links: stretches of the sounds that stand one behind the other, where there are several.
    """

    container: str = ""
    cut: str = ""
    untrue: str = ""
    notes: tuple[str, ...] = ()
    mp3: Mp3Head | None = None
    vorbis: bool = False
    flood: bool = False
    head: bytes = b""
    start: int = 0
    end: int | None = None
    links: tuple[tuple[int, int], ...] = ()

    def parts(self, file: BinaryIO) -> list[Part]:
        """Return what the decoders read: one part, or one for each link of a chain."""
        if self.links:
            return [Part(file, b"", start, end) for start, end in self.links]
        return [Part(file, self.head, self.start, self.end)]


def promise(file: BinaryIO) -> Promise:
    """Look at a seekable file's structure without decoding it; the position is kept."""
    position = file.tell()
    size = file.seek(0, os.SEEK_END)
    try:
        start, end = between_tags(file)
        if start > size:
            return Promise("mp3", "it ends inside its ID3 tag")
        part = Part(file, b"", start, end)
        head = part.read(HEAD_BYTES)
        found = replace(_by_kind(cast(BinaryIO, part), head, part.size), end=end)
        links = tuple((begin + start, stop + start) for begin, stop in found.links)
        return replace(found, start=found.start + start, links=links)
    except (struct.error, IndexError):
        return Promise()
    finally:
        file.seek(position)


def _by_kind(file: BinaryIO, head: bytes, size: int) -> Promise:  # noqa: PLR0911
    mark = head[:4]
    form = form_of(head)
    if form is not None:
        return _of_sound(form.container, chunked(file, form, head, size))
    if mark == b".snd":
        return _of_sound("au", au_sound(head, size))
    if mark == b"OggS":
        return _ogg(file, head, size)
    if head[4:8] in MP4_TYPES:
        return Promise("mp4", mp4_cut(file, size), mp4_untrue(file, size))
    if mark == b"\x1aE\xdf\xa3":
        return Promise("matroska", _matroska(head, size))
    if mark == b"fLaC":
        return _flac(file, head)
    mp3 = mp3_head(file, size)
    return Promise("mp3", mp3=mp3) if mp3 else Promise()


def _of_sound(container: str, sound: Sound) -> Promise:
    notes = ("the header states less sound than the file has; all of it counts",)
    return Promise(
        container, sound.cut, notes=notes if sound.more else (), head=sound.head, start=sound.start
    )


def _ogg(file: BinaryIO, head: bytes, size: int) -> Promise:
    pages = ogg(file, size)
    kind = max(head.find(b"\x03vorbis"), head.find(b"OpusTags"))
    flood = False
    if kind >= 0:
        at = kind + (7 if head[kind] == 3 else 8)
        vendor = int.from_bytes(head[at : at + 4], "little")
        flood = int.from_bytes(head[at + 4 + vendor :][:4], "little") > MOST_FRAMES
    notes = ("the last Ogg page is not marked as the end of the stream",)
    return Promise(
        "ogg",
        pages.cut,
        notes=notes if pages.open_ended else (),
        vorbis=b"\x01vorbis" in head[:256],
        flood=flood,
        links=pages.links if len(pages.links) > 1 else (),
    )


def _flac(file: BinaryIO, head: bytes) -> Promise:
    """Leave out of the way of the decoders what stands between STREAMINFO and the first frame."""
    at, last, comments = 4, False, 0
    while not last:
        file.seek(at)
        block = file.read(8)
        last, kind, length = block[0] > 127, block[0] & 127, int.from_bytes(block[1:4], "big")
        if kind == 4:
            file.seek(at + 8 + int.from_bytes(block[4:8], "little"))
            comments += int.from_bytes(file.read(4), "little")
        at += 4 + length
    if at < _MOST_METADATA and comments <= MOST_FRAMES:
        return Promise("flac")
    flood = comments > MOST_FRAMES
    return Promise("flac", flood=flood, head=b"fLaC\x80" + head[5:42], start=at)


def _matroska(head: bytes, size: int) -> str:
    at = head.find(_MATROSKA_SEGMENT)
    if at < 0 or at + 12 > len(head):
        return ""
    first = head[at + 4]
    width = 9 - first.bit_length()
    length = int.from_bytes(head[at + 4 : at + 4 + width], "big") & ((1 << (7 * width)) - 1)
    if length == (1 << (7 * width)) - 1:  # a live stream: unknown
        return ""
    return missing(length, size - at - 4 - width)
