# SPDX-License-Identifier: MIT
"""Writes a multipart body (RFC 7578) to private files while it arrives, counting every byte.

Nothing of the client's becomes a path; the bound on the size does not rely on Content-Length, which
may be absent or wrong. Each file is hashed on the way, so that an answer can be held against it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from unsung.api.errors import BadUpload, NotReady, TooLarge, TooManyFiles, UploadTooSlow
from unsung.api.names import shown_name
from unsung.api.settings import Limits
from unsung.errors import UnsungError

__all__ = ["Upload", "read_body", "receive"]

FIELDS = ("file", "files")
_HOW = "send sound as multipart/form-data: curl -F file=@song.mp3"


@dataclass(frozen=True)
class Upload:
    """One file on our disk; ``name`` is what answers call it."""

    path: Path
    name: str
    sha256: str
    size_bytes: int


async def receive(request: Request, folder: Path, limits: Limits) -> list[Upload]:
    """Save all uploads of a request into a folder.

    Raises:
        BadUpload: not multipart, no file, damaged, or a field that is no file.
        TooLarge: more bytes than the server takes, all files together.
        TooManyFiles: more files than it takes.
        UploadTooSlow: it did not arrive in time.
    """
    kind, options = parse_options_header(request.headers.get("content-type", "").encode("latin-1"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
        raise BadUpload(f"expected multipart/form-data with a boundary; {_HOW}")
    saver = _Saver(folder, limits.files)
    parser = MultipartParser(boundary, saver.callbacks())  # type: ignore[arg-type]
    try:
        async for chunk in _chunks(request, limits):
            try:
                parser.write(chunk)
            except FormParserError as error:
                raise BadUpload(
                    f"expected a whole multipart body, it is damaged; {_HOW}"
                ) from error
    finally:
        saver.close()
    if not saver.ended:
        raise BadUpload(f"expected a whole multipart body, it ends before its last line; {_HOW}")
    if not saver.uploads:
        raise BadUpload(f"expected at least one file, got none; {_HOW}")
    return saver.uploads


async def read_body(request: Request, limits: Limits, most_bytes: int = 100_000) -> bytes:
    """Return a small body.

    Raises:
        TooLarge: more than ``most_bytes``.
        UploadTooSlow: it did not arrive in time.
    """
    body = bytearray()
    async for chunk in _chunks(request, limits):
        body += chunk
        if len(body) > most_bytes:
            raise TooLarge(f"expected at most {most_bytes} bytes here; upload sound as a file")
    return bytes(body)


async def _chunks(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """Yield the body under the bounds on size, silence and total time."""
    too_large = TooLarge(
        f"expected at most {limits.upload_mb:g} MB in one request, got more; "
        "send fewer files at once, or shorter pieces"
    )
    promised = request.headers.get("content-length", "")
    if promised.isdigit() and int(promised) > limits.upload_bytes:
        raise too_large
    count = 0
    loop = asyncio.get_running_loop()
    end_s = loop.time() + limits.upload_s
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(min(end_s, loop.time() + limits.stall_s)):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise UploadTooSlow(
                f"expected the body within {limits.upload_s:g} s and without a pause of "
                f"{limits.stall_s:g} s; send it again"
            ) from None
        if chunk is None:
            return
        count += len(chunk)
        if count > limits.upload_bytes:
            raise too_large
        if chunk:
            yield chunk


class _Saver:
    """Takes the parser's events; one file is open at a time."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._file: IO[bytes] | None = None
        self._header, self._value = b"", b""
        self._disposition = b""
        self.uploads: list[Upload] = []
        self.ended = False

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._header, self._value, self._disposition = b"", b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        field = options.get(b"name", b"").decode("utf-8", "replace")
        if field not in FIELDS or b"filename" not in options:
            raise BadUpload(
                f"expected files in the field 'file', got the field '{shown_name(field)}'; "
                "options such as fast go into the address: /v1/scan?fast=true"
            )
        if len(self.uploads) >= self._most:
            raise TooManyFiles(f"expected at most {self._most} files; use more requests, or jobs")
        self._name = shown_name(options[b"filename"].decode("utf-8", "replace"))
        self._path = self._folder / f"{len(self.uploads):04d}"
        self._digest, self._size = hashlib.sha256(), 0
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _disk(error) from error
        self._file = os.fdopen(handle, "wb", buffering=0)

    def _data(self, data: bytes, start: int, end: int) -> None:
        assert self._file is not None
        piece = memoryview(data)[start:end]
        try:
            left = piece
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise _disk(error) from error
        self._digest.update(piece)
        self._size += len(piece)

    def _part_end(self) -> None:
        self.close()
        self.uploads.append(Upload(self._path, self._name, self._digest.hexdigest(), self._size))

    def _end(self) -> None:
        self.ended = True


def _disk(error: OSError) -> UnsungError:
    return NotReady(f"the upload could not be stored ({error.strerror}); try again later")
