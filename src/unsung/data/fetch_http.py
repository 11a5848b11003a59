# SPDX-License-Identifier: MIT
"""Downloads a file over HTTP so that nothing is lost: resume, retry, checksum, full disk.

A download grows in `NAME.part`; whatever ends it, the next call goes on there (Range requests with
If-Range, RFC 9110). pooch compares the checksum and decides what is there already.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from unsung.data._atomic import FULL
from unsung.data.fetch_web import Again, Settings, broken, open_url, pause
from unsung.errors import FetchError, MissingExtra
from unsung.outputs import named

__all__ = ["Remote", "Report", "get_file", "resume"]

Report = Callable[[str, int, int], None]
"""Called with file name, bytes so far and bytes in all (0 if unknown)."""

_PIECE_BYTES = 1 << 18


@dataclass(frozen=True)
class Remote:
    """One file on a server: name below the folder, address, size (0 unknown), checksum or ""."""

    name: str
    url: str
    size_bytes: int = 0
    checksum: str = ""


def get_file(file: Remote, folder: Path, settings: Settings, report: Report) -> Path:
    """Return the file below the folder, downloading what of it is missing.

    Raises:
        MissingExtra: pooch is not installed.
        FetchError: not reachable, refused, wrong bytes, a file of this name but other bytes is
            there, or the disk is full; what came stays in `NAME.part`, except after a wrong
            checksum.
    """
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise MissingExtra("pooch", "data", "downloading corpora") from error
    target = folder / file.name
    _refuse_other(target, file.checksum)
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    pooch.get_logger().setLevel("ERROR")

    def download(url: str, output: Any, _: Any) -> None:
        _check_room(file, part)
        resume(url, part, settings, lambda done, total: report(file.name, done, total))
        part.replace(Path(output))

    try:
        pooch.retrieve(
            file.url,
            known_hash=file.checksum or None,
            fname=target.name,
            path=target.parent,
            downloader=download,
        )
    except ValueError as error:
        raise FetchError(
            f"{file.url}: the bytes are not the published ones ({error}); "
            "they were deleted, fetch again"
        ) from error
    finally:
        if not part.exists():
            _tag_file(part).unlink(missing_ok=True)
    return target


def _refuse_other(target: Path, checksum: str) -> None:
    """Leave a file alone that has the name of what is fetched, but other bytes."""
    kind, _, expected = checksum.rpartition(":")
    if not expected or not target.exists():
        return
    with named(target), target.open("rb") as stream:
        found = hashlib.file_digest(stream, kind or "sha256").hexdigest()
    if found != expected:
        raise FetchError(
            f"{target}: stands there with other bytes than the published ones and is left as it "
            "is; fetch into another folder, or move it away"
        )


def resume(url: str, part: Path, settings: Settings, report: Callable[[int, int], None]) -> None:
    """Download into `part`, going on behind what it holds, until it is complete.

    Raises:
        FetchError: see `get_file`; `part` keeps what came.
    """
    failed = 0
    while True:
        before = _size(part)
        try:
            return _attempt(url, part, settings.timeout_s, report)
        except Again as again:
            failed = 1 if _size(part) > before else failed + 1
            if failed > settings.retries:
                raise FetchError(
                    f"{url}: {again} (tried {failed} times); {_size(part)} bytes are kept in "
                    f"{part}: run the same command again to go on"
                ) from again
            pause(again, failed, settings)


def _attempt(url: str, part: Path, timeout_s: float, report: Callable[[int, int], None]) -> None:
    have = _size(part)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        with suppress(OSError):
            headers["If-Range"] = _tag_file(part).read_text(encoding="ascii")
    with open_url(url, headers, timeout_s) as answer:
        status, span = answer.status, answer.headers.get("Content-Range", "")
        if status == 416:
            if span.rpartition("/")[2] == str(have):
                return  # everything was there already
            part.unlink(missing_ok=True)
            raise Again("the file on the server is another than before", 0)
        if status == 206 and not span.startswith(f"bytes {have}-"):
            part.unlink(missing_ok=True)
            raise Again(f"asked for bytes from {have}, got '{span}'", 0)
        have = have if status == 206 else 0  # 200: the server sends all of it again
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else 0
        try:
            with part.open("ab" if have else "wb") as file:
                if not have:
                    _remember(part, answer.headers)
                _copy(answer, file, have, total, report)
        except OSError as error:
            if error.errno in FULL:
                raise _full(part, total) from error
            raise
    if total and _size(part) < total:
        raise Again(f"the connection closed after {_size(part)} of {total} bytes")


def _copy(
    answer: Any, file: IO[bytes], have: int, total: int, report: Callable[[int, int], None]
) -> None:
    from http.client import HTTPException

    report(have, total)
    while True:
        try:
            piece = answer.read1(_PIECE_BYTES)
        except (HTTPException, OSError) as error:
            file.flush()
            raise Again(broken(error)) from error
        if not piece:
            return
        file.write(piece)
        have += len(piece)
        report(have, total)


def _remember(part: Path, headers: Any) -> None:
    """Keep what identifies the file, so that a changed one is not glued to the old start."""
    tag = headers.get("ETag", "")
    tag = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    if tag:
        _tag_file(part).write_text(tag, encoding="ascii", errors="replace")
    else:
        _tag_file(part).unlink(missing_ok=True)


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _check_room(file: Remote, part: Path) -> None:
    missing = file.size_bytes - _size(part)
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise FetchError(
            f"{file.name}: needs {missing / 1e9:.1f} GB more on the disk of {part.parent}, "
            f"{free / 1e9:.1f} GB are free; free some or choose another folder"
        )


def _full(part: Path, total: int) -> FetchError:
    more = f" of {total}" if total else ""
    return FetchError(
        f"{part}: the disk is full after {_size(part)}{more} bytes; they are kept: free some "
        "space and run the same command again to go on"
    )
