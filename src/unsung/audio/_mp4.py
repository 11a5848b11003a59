# SPDX-License-Identifier: MIT
"""Walks the boxes of an MP4: is it cut, and can its index be true?

FFmpeg makes room for as many samples as an index states, whatever the file's size.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["MP4_TYPES", "mp4_cut", "mp4_untrue"]

MP4_TYPES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof")

_MOST_PACKETS = 10_000_000
"""Packets of one track: 60 hours of AAC. Each costs FFmpeg some 36 bytes."""

_MOST_BOXES = 1_000_000
_INNER = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")


@dataclass
class _Table:
    """What one track's index states: samples, bytes of each (0: listed), runs of times."""

    samples: int = 0
    width: int = 0
    timed: int = 0
    pcm: bool = False  # one sample a tick: FFmpeg keeps these by the chunk


def mp4_cut(file: BinaryIO, size: int) -> str:
    """Return why the file is certainly incomplete, or ""."""
    seen_index = False
    for name, at, length in _boxes(file, 0, size):
        if at + length > size:
            what = "" if seen_index else ", before its index"
            return f"it ends inside the box '{name.decode('latin-1')}'{what}"
        seen_index = seen_index or name == b"moov"
    return ""


def mp4_untrue(file: BinaryIO, size: int) -> str:
    """Return the number of an index that cannot be true, or ""."""
    tables, fragments = [_Table()], 0
    for number, (name, at, length) in enumerate(_all_boxes(file, 0, size)):
        if number > _MOST_BOXES:
            return f"it has more than {_MOST_BOXES} boxes"
        file.seek(at)
        if name == b"stbl":
            tables.append(_Table())
        elif name == b"trun":
            fragments += int.from_bytes(file.read(8)[4:8], "big")
        elif name == b"stsz":
            width, count = struct.unpack(">4xII", file.read(12))
            tables[-1].width, tables[-1].samples = width, count
            if not width and 4 * count > length:
                return f"its index states {count} samples and lists {length // 4}"
        elif name in (b"stts", b"ctts"):
            _add_times(tables[-1], file.read(min(length, 8 * _MOST_PACKETS)), name)
    for table in tables:
        if table.width * table.samples > size:
            return f"its index states {table.samples} samples of {table.width} bytes"
        if not table.pcm and max(table.samples, table.timed) > min(_MOST_PACKETS, size):
            return f"its index states {max(table.samples, table.timed)} packets"
    return f"its fragments state {fragments} packets" if fragments > size else ""


def _add_times(table: _Table, content: bytes, name: bytes) -> None:
    runs = int.from_bytes(content[4:8], "big")
    data = content[8 : 8 + 8 * runs]
    counts = [count for count, _ in struct.iter_unpack(">II", data[: len(data) // 8 * 8])]
    table.timed = max(table.timed, sum(counts))
    if name == b"stts":
        table.pcm = len(counts) == 1 and data[4:8] == b"\x00\x00\x00\x01"


def _all_boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes of a stretch and those inside them that lead to an index."""
    for name, inner, length in _boxes(file, at, end):
        yield name, inner, length
        if name in _INNER:
            yield from _all_boxes(file, inner, min(end, inner + length))


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and length of each box's content; what is no box any more ends it."""
    while at + 8 <= end:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            length, head = struct.unpack(">Q", file.read(8))[0], 16
        if length == 0:  # to the end of the file
            length = end - at
        if length < head or not name.strip(b" \xa9").isalnum():
            return
        yield name, at + head, length - head
        at += length
