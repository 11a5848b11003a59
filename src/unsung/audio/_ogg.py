# SPDX-License-Identifier: MIT
"""Walks the pages of an Ogg file: is it cut, and do several sounds stand one behind the other?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Ogg", "ogg"]

_HEAD = 27
_FIRST, _LAST = 2, 4  # flags of a stream's first and last page
_RESYNC_BYTES = 2 * 65307  # two pages of the largest size


@dataclass(frozen=True)
class Ogg:
    """``links`` are the stretches of bytes of each sound; ``open_ended`` has no mark of an end."""

    cut: str = ""
    links: tuple[tuple[int, int], ...] = ()
    open_ended: bool = False


def ogg(file: BinaryIO, size: int) -> Ogg:
    """Hop from page to page; a link begins where streams begin behind pages of others."""
    starts, at, beginning, flags = [0], 0, True, 0
    while at < size:
        file.seek(at)
        head = file.read(_HEAD)
        if head[:5] != b"OggS\x00":
            found = _next_page(file, at, size)
            if found < 0:
                cut = "" if len(head) < _HEAD and at else "its last pages are not Ogg any more"
                return _found(starts, size, flags, cut or "it ends inside an Ogg page")
            at = found
            continue
        segments = file.read(head[26]) if len(head) == _HEAD else b""
        body = at + _HEAD + len(segments) + sum(segments)
        if len(head) < _HEAD or len(segments) < head[26] or body > size:
            return _found(starts, size, flags, "it ends inside an Ogg page")
        flags = head[5]
        if flags & _FIRST and not beginning:
            starts.append(at)
        beginning = bool(flags & _FIRST)
        at = body
    return _found(starts, size, flags, "")


def _found(starts: list[int], size: int, flags: int, cut: str) -> Ogg:
    links = tuple(zip(starts, [*starts[1:], size], strict=True))
    return Ogg(cut, links, not cut and not flags & _LAST)


def _next_page(file: BinaryIO, at: int, size: int) -> int:
    """Return where pages go on behind damage, -1 if they do not."""
    while at < size:
        file.seek(at)
        found = file.read(_RESYNC_BYTES).find(b"OggS\x00")
        if found >= 0:
            return at + found
        at += _RESYNC_BYTES - 4
    return -1
