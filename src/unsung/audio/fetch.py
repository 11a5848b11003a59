# SPDX-License-Identifier: MIT
"""Fetches a URL or standard input into a private temporary file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, BinaryIO

from unsung.core.http import elsewhere, opener
from unsung.core.text import is_url
from unsung.errors import FetchError
from unsung.scratch import Scratch

__all__ = ["local_file", "open_url", "private_file", "stdin_file"]

_PIECE_BYTES = 1 << 18
_AGENT = "unsung (audio scanner)"


@contextmanager
def open_url(
    url: str,
    max_bytes: int = 2_000_000_000,
    timeout_s: float = 30,
    total_s: float = 1800,
) -> Iterator[Path]:
    """Download an http(s) address; the file is deleted when the ``with`` ends.

    Args:
        url: where the sound is; redirects to other schemes are refused.
        max_bytes: more than this is refused.
        timeout_s: longest wait for the server's next bytes.
        total_s: longest time for everything, against servers that drip.

    Raises:
        FetchError: not reachable, refused, too large, too slow or cut.
    """
    if not is_url(url):
        raise FetchError(f"{url}: expected an address that begins with http:// or https://")
    with private_file() as (path, file):
        _download(url, file, max_bytes, timeout_s, total_s)
        yield path


@contextmanager
def stdin_file(max_bytes: int = 2_000_000_000) -> Iterator[Path]:
    """Save standard input to a temporary file, which decoders can seek in.

    Raises:
        FetchError: more than ``max_bytes`` came, or standard input is closed.
    """
    source: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if source is None:
        raise FetchError("-: expected sound on standard input, it is closed; pipe a file into it")
    with private_file() as (path, file):
        count = 0
        # Raw where it can be: a thread that waits in a buffered read would not let Python end.
        source = getattr(source, "raw", source)
        while piece := source.read(_PIECE_BYTES):
            count += len(piece)
            if count > max_bytes:
                raise _too_large("-", max_bytes)
            file.write(piece)
        file.close()
        yield path


def local_file(source: str) -> AbstractContextManager[Path]:
    """Return a path to a file, what an address gives, or standard input (``-``)."""
    if source == "-":
        return stdin_file()
    return open_url(source) if is_url(source) else nullcontext(Path(source))


@contextmanager
def private_file() -> Iterator[tuple[Path, IO[bytes]]]:
    """Lend an empty file that only this user can read, open for writing; then it is gone."""
    with Scratch("sound") as folder:
        path = folder / "sound"
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            yield path, file


def _download(url: str, file: IO[bytes], max_bytes: int, timeout_s: float, total_s: float) -> None:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request

    try:
        request = Request(url, headers={"User-Agent": _AGENT})
        with opener().open(request, timeout=timeout_s) as response:
            _copy(url, response, file, max_bytes, total_s)
    except HTTPError as error:
        error.close()
        if 300 <= error.code < 400:
            raise elsewhere(url, error.headers.get("Location", "")) from error
        raise FetchError(
            f"{url}: the server answered {error.code} {error.reason}; check the address"
        ) from error
    except TimeoutError as error:
        raise FetchError(f"{url}: no answer within {timeout_s:g} s; try again later") from error
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            why = f"no answer within {timeout_s:g} s; try again later"
        else:
            why = f"not reachable ({error.reason}); check the address and the network"
        raise FetchError(f"{url}: {why}") from error
    except (HTTPException, OSError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise FetchError(f"{url}: the connection failed ({reason}); try again") from error
    finally:
        file.flush()


def _copy(url: str, response: Any, file: IO[bytes], max_bytes: int, total_s: float) -> None:
    promised = response.headers.get("Content-Length", "")
    expected = int(promised) if promised.isdigit() else None
    if expected is not None and expected > max_bytes:
        raise _too_large(url, max_bytes)
    deadline = time.monotonic() + total_s
    count = 0
    while piece := response.read1(_PIECE_BYTES):
        count += len(piece)
        if count > max_bytes:
            raise _too_large(url, max_bytes)
        if time.monotonic() > deadline:
            raise FetchError(f"{url}: not complete after {total_s:g} s; download it by hand")
        file.write(piece)
    if expected is not None and count < expected:
        raise FetchError(
            f"{url}: the connection closed after {count} of {expected} bytes; try again"
        )


def _too_large(url: str, max_bytes: int) -> FetchError:
    return FetchError(
        f"{url}: more than {max_bytes / 1e6:g} MB; raise the limit, or give a shorter piece"
    )
