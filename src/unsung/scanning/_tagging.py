# SPDX-License-Identifier: MIT
"""Splits the tags of MP3 and FLAC into ours and all else, so that all else can be kept to the byte.

What is not ours is never rebuilt, only copied: frames with their headers, padding, blocks, the
vendor. A tag that can be read in two ways is edited only where both ways see the same; one that
cannot be read to its last byte is refused.

Sources: id3.org "ID3 tag version 2.4.0 – Main Structure" and 2.3.0; RFC 9639 section 8 (FLAC).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from unsung.errors import UnsungError

__all__ = ["FlacTags", "Id3Tags", "TagError", "read_tags"]

_FRAME = re.compile(rb"[A-Z][A-Z0-9]{3}")
_STREAMINFO, _COMMENT, _LAST_KNOWN = 0, 4, 6  # FLAC block types
_LAST = 0x80
_SMALL = 128  # sizes below are the same number in both ways of writing them


class TagError(UnsungError):
    """Tags cannot be written into this file; it was left as it is."""


@dataclass(frozen=True)
class Id3Tags:
    """An ID3v2.3 or 2.4 tag, or none; our frames stand first, so that no padding need be judged.

    Attributes:
        version: 3 or 4.
        ours: what our frames say.
        foreign: every other byte of the tag's body in order, padding included.
        plain: whether sizes are plain numbers: always in 2.3, in 2.4 as iTunes wrongly writes them.
        unsure: whether both ways of reading the sizes fit; they differ in nothing but the last.
        end: where the sound begins in the file.
    """

    version: int
    ours: dict[str, str]
    foreign: bytes
    plain: bool
    unsure: bool
    end: int

    def written(self, values: Mapping[str, str]) -> bytes:
        """Return the tag with other values of ours."""
        frames = b"".join(self._frame(name, value) for name, value in values.items())
        body = frames + self.foreign
        return b"ID3" + bytes((self.version, 0, 0)) + _to_syncsafe(len(body)) + body

    def _frame(self, name: str, value: str) -> bytes:
        if self.version == 4:
            data = b"\x03" + f"{name}\0{value}".encode("utf-8", "replace")
        else:
            text = "".join(f"\ufeff{part}" for part in (name + "\0", value))
            data = b"\x01" + text.encode("utf-16-le", "replace")
        if self.unsure and len(data) >= _SMALL:
            raise TagError("its ID3 tag states sizes that can be read in two ways; use --sidecar")
        size = len(data).to_bytes(4, "big") if self.plain else _to_syncsafe(len(data))
        return b"TXXX" + size + b"\0\0" + data


@dataclass(frozen=True)
class FlacTags:
    """The blocks of a FLAC file; the first comment block holds ours."""

    ours: dict[str, str]
    foreign: tuple[tuple[int, bytes], ...]
    vendor: bytes
    comments: tuple[bytes, ...]
    behind: bytes
    place: int
    end: int

    def written(self, values: Mapping[str, str]) -> bytes:
        """Return all blocks with other values of ours."""
        lines = [
            *self.comments,
            *(f"{k}={v}".encode("utf-8", "replace") for k, v in values.items()),
        ]
        data = len(self.vendor).to_bytes(4, "little") + self.vendor
        data += len(lines).to_bytes(4, "little")
        data += b"".join(len(line).to_bytes(4, "little") + line for line in lines) + self.behind
        if len(data) >= 1 << 24:
            raise TagError("its comments leave no room; use --sidecar")
        blocks = [*self.foreign]
        blocks.insert(self.place, (_COMMENT, data))
        text = b"fLaC"
        for number, (kind, block) in enumerate(blocks, start=1):
            mark = kind | (_LAST if number == len(blocks) else 0)
            text += bytes((mark,)) + len(block).to_bytes(3, "big") + block
        return text


def read_tags(file: BinaryIO, names: Collection[str]) -> Id3Tags | FlacTags | None:
    """Read the tags at the beginning of a file; None where the format is another.

    Args:
        file: an MP3 or FLAC file at its first byte.
        names: of our tags.

    Raises:
        TagError: the tags are damaged, or of a form whose bytes cannot all be accounted for.
    """
    head = file.read(10)
    if head[:4] == b"fLaC":
        file.seek(4)
        return _flac(file, names)
    if head[:3] == b"ID3":
        return _id3(file, head, names)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:  # layer III
        return Id3Tags(4, {}, b"", plain=False, unsure=False, end=0)
    return None


def _id3(file: BinaryIO, head: bytes, names: Collection[str]) -> Id3Tags:
    version, flags = head[3], head[5]
    if version not in (3, 4) or flags:  # 2.2, unsynchronised, extended header, footer
        raise TagError(
            f"an ID3v2.{version} tag with flags {flags:#04x} cannot be edited safely; use --sidecar"
        )
    if len(head) < 10 or any(byte & 0x80 for byte in head[6:]):
        raise _damaged("ID3 tag")
    size = _syncsafe(head[6:])
    body = file.read(size)
    if len(body) < size:
        raise _damaged("ID3 tag")
    plain = _frames(body, plain=True)
    strict = None if version == 3 else _frames(body, plain=False)
    frames = plain if strict is None else strict
    if frames is None:
        raise _damaged("ID3 tag")
    ours, foreign, at = dict[str, str](), b"", 0
    for start, end in frames:
        found = _our_frame(body[start:end], names)
        if found is not None:
            foreign, at = foreign + body[at:start], end
            ours[found[0]] = found[1]
    unsure = strict is not None and plain is not None and strict != plain
    return Id3Tags(version, ours, foreign + body[at:], strict is None, unsure, 10 + size)


def _frames(body: bytes, *, plain: bool) -> list[tuple[int, int]] | None:
    """Return where each frame begins and ends; None unless nothing but zeros stands behind them."""
    at, found = 0, []
    while at + 10 <= len(body) and body[at]:
        raw = body[at + 4 : at + 8]
        if not plain and any(byte & 0x80 for byte in raw):
            return None
        end = at + 10 + (int.from_bytes(raw, "big") if plain else _syncsafe(raw))
        if not _FRAME.fullmatch(body[at : at + 4]) or end > len(body):
            return None
        found.append((at, end))
        at = end
    return None if any(body[at:]) else found


def _our_frame(frame: bytes, names: Collection[str]) -> tuple[str, str] | None:
    """Return name and value of a user text frame that is ours."""
    encodings = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
    if frame[:4] != b"TXXX" or frame[8:10] != b"\0\0" or len(frame) < 11 or frame[10] > 3:
        return None
    encoding = encodings[frame[10]]
    try:
        name, _, value = frame[11:].decode(encoding).partition("\0")
    except UnicodeDecodeError:
        return None
    return (name, value.removeprefix("\ufeff").rstrip("\0")) if name in names else None


def _flac(file: BinaryIO, names: Collection[str]) -> FlacTags:
    blocks: list[tuple[int, bytes]] = []
    last = False
    while not last:
        head = file.read(4)
        size = int.from_bytes(head[1:], "big")
        data = file.read(size)
        if len(head) < 4 or len(data) < size or head[0] & ~_LAST > _LAST_KNOWN:
            raise _damaged("FLAC header")
        last = bool(head[0] & _LAST)
        blocks.append((head[0] & ~_LAST, data))
    end = file.tell()
    sync = file.read(2)
    if blocks[0][0] != _STREAMINFO or (sync and sync not in (b"\xff\xf8", b"\xff\xf9")):
        raise _damaged("FLAC header")
    place = next((n for n, (kind, _) in enumerate(blocks) if kind == _COMMENT), None)
    if place is None:
        return FlacTags({}, tuple(blocks), b"unsung", (), b"", 1, end)
    _, old = blocks.pop(place)
    vendor, lines, behind = _comments(old)
    ours, kept = dict[str, str](), []
    for line in lines:
        name, _, value = line.decode("utf-8", "surrogateescape").partition("=")
        if name.upper() in names:
            ours[name.upper()] = value
        else:
            kept.append(line)
    return FlacTags(ours, tuple(blocks), vendor, tuple(kept), behind, place, end)


def _comments(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Return vendor, comments and what stands behind them in the block."""
    at = 0

    def taken() -> bytes:
        nonlocal at
        start = at + 4
        end = start + int.from_bytes(data[at:start], "little")
        if start > len(data) or end > len(data):
            raise _damaged("block of comments")
        at = end
        return data[start:end]

    vendor = taken()
    if at + 4 > len(data):
        raise _damaged("block of comments")
    count, at = int.from_bytes(data[at : at + 4], "little"), at + 4
    lines = [taken() for _ in range(count)]
    return vendor, lines, data[at:]


def _damaged(what: str) -> TagError:
    return TagError(f"its {what} is damaged, or cannot be read to its end; use --sidecar")


def _syncsafe(data: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(data, (21, 14, 7, 0), strict=True))


def _to_syncsafe(number: int) -> bytes:
    if number >= 1 << 28:
        raise TagError("a tag of 256 MB or more cannot be written; use --sidecar")
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
