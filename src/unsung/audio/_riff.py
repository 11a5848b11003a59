# SPDX-License-Identifier: MIT
"""Reads WAV and AIFF whose odd chunks lack the pad byte: puts it in on the way to the decoders."""

from __future__ import annotations

import io
import os
import re
import struct
from typing import BinaryIO, cast

__all__ = ["padded"]

_FORMS = {b"RIFF": ("<", b"WAVE"), b"RIFX": (">", b"WAVE"), b"FORM": (">", b"AIF")}
_NAME = re.compile(rb"[A-Za-z][\w ]{3}", re.ASCII)
_SOUND = (b"data", b"SSND")
_COMMON = (*_SOUND, b"fmt ", b"COMM", b"LIST", b"fact")
_MOST_CHUNKS = 1000


def padded(file: BinaryIO, own: bool = False) -> BinaryIO:
    """Return the file, or a view of it in which each odd chunk before the sound has its pad byte.

    Whether a pad byte is there is asked of the chunk behind it: its name is text at one place only.
    The position is kept. With ``own`` the view closes the file.
    """
    position = file.tell()
    try:
        gaps = _gaps(file)
    except (OSError, struct.error):
        gaps = []
    file.seek(position)
    if not gaps:
        return file
    view = cast(BinaryIO, io.BufferedReader(_Padded(file, gaps, own)))
    view.seek(position)
    return view


def _gaps(file: BinaryIO) -> list[int]:
    """Return where a pad byte is missing, as positions in the file."""
    file.seek(0)
    head = file.read(12)
    order, form = _FORMS.get(head[:4], ("", b""))
    if not order or not head[8:12].startswith(form):
        return []
    gaps: list[int] = []
    size, at = file.seek(0, os.SEEK_END), 12
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        name, length = struct.unpack(order + "4sI", file.read(8))
        if name in _SOUND:
            return gaps
        at += 8 + length
        if length % 2 and at < size:
            file.seek(at)
            here = file.read(5)
            if _NAME.fullmatch(here[:4]) and here[1:] not in _COMMON:
                gaps.append(at)
            else:
                at += 1
    return gaps


class _Padded(io.RawIOBase):
    """A file read as if a zero byte stood at each gap."""

    def __init__(self, file: BinaryIO, gaps: list[int], own: bool) -> None:
        self._file, self._own, self._at = file, own, 0
        self._gaps = [gap + number for number, gap in enumerate(gaps)]  # places in the view
        self._size = file.seek(0, os.SEEK_END) + len(gaps)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not len(view) or self._at >= self._size:
            return 0
        if self._at in self._gaps:
            view[0] = 0
            self._at += 1
            return 1
        ahead = [gap - self._at for gap in self._gaps if gap > self._at]
        self._file.seek(self._at - sum(gap < self._at for gap in self._gaps))
        data = self._file.read(min([len(view), *ahead]))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if self._own:
            self._file.close()
        super().close()
