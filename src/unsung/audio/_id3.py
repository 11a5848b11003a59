# SPDX-License-Identifier: MIT
"""Finds the tags before and behind the sound (ID3, APE, Lyrics3), which no decoder needs to see."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["MOST_FRAMES", "between_tags", "flooded", "id3_end"]

MOST_FRAMES = 2000
"""Fields of one tag that FFmpeg is given: it compares each with all before (20,000 take 4 s)."""

_MOST_BYTES = 1 << 24  # pictures included; a larger tag is left out
_LEAST_FRAME = 24  # bytes of a frame that makes a field of its own
_ID3_AT_END = b"3DI"


def between_tags(file: BinaryIO) -> tuple[int, int]:
    """Return where the sound begins and ends between the tags; the position moves.

    A tag that states more bytes than the file has begins the sound behind the file's end.
    """
    end = size = file.seek(0, os.SEEK_END)
    start = id3_end(file)
    while (before := _before_tag(file, end)) < end and before >= start:
        end = before
    return start, max(end, min(start, size))


def id3_end(file: BinaryIO, at: int = 0) -> int:
    """Return where the ID3v2 tags that begin here end; ``at`` itself where there are none."""
    for _, end in _id3_tags(file, at):
        at = end
    return at


def flooded(file: BinaryIO) -> bool:
    """Say whether the ID3v2 tags in front are too large for FFmpeg or have too many frames."""
    left = MOST_FRAMES
    for at, end in _id3_tags(file, 0):
        left -= _frames(file, at, end)
        if left <= 0 or end > _MOST_BYTES:
            return True
    return False


def _id3_tags(file: BinaryIO, at: int) -> Iterator[tuple[int, int]]:
    while True:
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or max(head[6:10]) > 127:
            return
        end = at + 10 + _size(head[6:10]) + (10 if head[5] & 0x10 else 0)
        yield at, end
        at = end


def _frames(file: BinaryIO, start: int, end: int) -> int:
    """Count a tag's frames, as many as could be in it where they cannot be walked."""
    file.seek(start)
    head = file.read(10)
    letters = 3 if head[3:4] == b"\x02" else 4
    at = start + 10
    for count in range(MOST_FRAMES):
        file.seek(at)
        frame = file.read(letters + 4)
        name = frame[:letters]
        if at >= end - 10 or not name.strip(b"\x00"):
            return count  # the end, or padding up to it
        if not name.isalnum():
            return (end - start) // _LEAST_FRAME
        if letters == 3:
            at += 6 + int.from_bytes(frame[3:6], "big")
        elif head[3] == 4 and max(frame[4:8]) < 128:
            at += 10 + _size(frame[4:8])
        else:
            at += 10 + int.from_bytes(frame[4:8], "big")
    return MOST_FRAMES


def _size(syncsafe: bytes) -> int:
    b = syncsafe
    return b[0] << 21 | b[1] << 14 | b[2] << 7 | b[3]


def _before_tag(file: BinaryIO, end: int) -> int:
    """Return where the tag that ends here begins; ``end`` itself where none does."""
    file.seek(max(0, end - 128))
    tail = file.read(min(128, end))
    if len(tail) == 128 and tail[:3] == b"TAG":
        return end - 128
    if tail[-32:-24] == b"APETAGEX":
        length: int
        length, _, flags = struct.unpack("<III", tail[-20:-8])
        return end - length - (32 if flags >> 31 else 0)
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return end - 15 - int(tail[-15:-9])
    if tail[-10:-7] == _ID3_AT_END and max(tail[-4:]) < 128:
        return end - 20 - _size(tail[-4:])
    return end
