# SPDX-License-Identifier: MIT
"""A file as the decoders see it: without its name and tags, with a header that tells the truth."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from unsung.errors import UnreadableAudio

__all__ = ["OPENING_S", "Part"]

OPENING_S = 2.0
"""Processor time that header and index may take: those of a film or an audiobook take 0.1 s."""

_TOO_SLOW = (
    "its tags or its index take longer to read than those of any sound; export it again without"
)


class Part:
    """The bytes ``head`` and then those of the file from ``start`` to ``end``, read as one file.

    Without a name FFmpeg goes by the content alone. A disk that fails ends the file for the
    decoders, in whose callbacks no error may be raised; ``failure`` then says why.
    """

    def __init__(
        self, file: BinaryIO, head: bytes = b"", start: int = 0, end: int | None = None
    ) -> None:
        self._file, self._head, self._start = file, head, start
        end = file.seek(0, os.SEEK_END) if end is None else end
        self.size = len(head) + max(0, end - start)
        self.failure = ""
        self._at = 0
        self._until_s: float | None = None

    def read(self, size: int = -1) -> bytes:
        """Return up to so many bytes from here on."""
        if self._until_s is not None and time.thread_time() > self._until_s:
            self.failure = self.failure or _TOO_SLOW
            return b""
        left = max(0, self.size - self._at)
        size = left if size < 0 else min(size, left)
        data = self._head[self._at : self._at + size]
        if len(data) < size:
            data += self._behind_head(self._at + len(data), size - len(data))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the place from which the next byte comes."""
        return self._at

    def behind(self, at: int) -> Part:
        """Return what of a part without a head of its own begins so many bytes later."""
        return Part(self._file, b"", self._start + at, self._start + self.size)

    @staticmethod
    def readable() -> bool:
        """Say yes: PyAV asks."""
        return True

    @staticmethod
    def seekable() -> bool:
        """Say yes: PyAV asks."""
        return True

    @contextmanager
    def opening(self, limit_s: float = OPENING_S) -> Iterator[None]:
        """Bound the processor time of what is read in this block.

        Raises:
            UnreadableAudio: it took longer, so that the file seemed to end.
        """
        self._until_s = time.thread_time() + limit_s
        try:
            yield
        finally:
            self._until_s = None
            if self.failure is _TOO_SLOW:
                self.failure = ""
                raise UnreadableAudio(_TOO_SLOW)

    def _behind_head(self, at: int, size: int) -> bytes:
        try:
            self._file.seek(self._start + at - len(self._head))
            return self._file.read(size)
        except OSError as error:
            self.failure = f"reading failed ({error.strerror or error})"
            return b""
