# SPDX-License-Identifier: MIT
"""Tracks in object storage (s3, gs, ...) through fsspec: listed lazily, fetched one at a time.

Credentials come from where the storage's own tools take them (environment, configuration files,
the machine's role), never from the address: an address that carries some is refused, and what an
http(s) address carries of them (signatures, tokens) is left out of every row and message.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from unsung.audio.fetch import open_url, private_file
from unsung.audio.sources import EXTENSIONS, Source
from unsung.core.text import is_url
from unsung.errors import FetchError, MissingExtra, UnsungError, UsageError
from unsung.scanning.limits import Limits, check_size

__all__ = ["expand_objects", "fetched", "hide", "is_object", "shown"]

SCHEMES = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "az", "memory"))
"""Schemes that fsspec's common drivers take; each needs its own package (s3fs, gcsfs, adlfs)."""

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs"}
_PIECE_BYTES = 1 << 20
_SECRET = re.compile(
    r"sign|token|secret|credential|password|passwd|^key$|api_?key|access_?key|^sig$|^auth", re.I
)
_MOST_BYTES = 2_000_000_000
HIDDEN = "..."


def is_object(address: str) -> bool:
    """Say whether an address names an object store.

    >>> is_object("s3://bucket/a.mp3"), is_object("https://x.org/a.mp3"), is_object("C:/a.mp3")
    (True, False, False)
    """
    scheme, separator, _ = address.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def expand_objects(address: str) -> Iterator[Source]:
    """Yield the tracks under an address, folder by folder; a single object as it is.

    Nothing is raised for what is not there: it yields one source of kind "missing".

    Raises:
        UsageError: the address carries credentials.
        MissingExtra: no fsspec, or no driver for the scheme.
    """
    _refuse_credentials(address)
    filesystem, path = _open(address)
    scheme = address.partition("://")[0]
    found = False
    try:
        if filesystem.isfile(path):
            yield Source(address, "url", address)
            return
        for folder, _, names in filesystem.walk(path):
            for name in sorted(names):
                if posixpath.splitext(name)[1].lower() in EXTENSIONS:
                    found = True
                    item = f"{scheme}://{posixpath.join(folder, name).lstrip('/')}"
                    yield Source(item, "url", item)
    except Exception as error:
        yield _missing(address, f"cannot be listed ({type(error).__name__}: {error})")
        return
    if not found:
        yield _missing(address, "holds no object with a known audio extension")


@contextmanager
def fetched(address: str, limits: Limits) -> Iterator[Path]:
    """Lend a private copy of an object or an http(s) address; it is gone after the ``with``.

    Raises:
        FetchError: not there, not allowed, cut, or larger than any track.
        FileTooLarge: larger than the limit; nothing was fetched then.
    """
    most = min(limits.size_bytes or _MOST_BYTES, _MOST_BYTES)
    if not is_object(address):
        with open_url(address, max_bytes=most) as path:
            yield path
        return
    _refuse_credentials(address)
    filesystem, remote = _open(address)
    with private_file() as (path, file):
        _copy(filesystem, remote, file, address=address, limits=limits, most=most)
        file.close()
        yield path


def shown(address: str) -> str:
    """Return an address without its secrets, as rows and messages show it.

    >>> shown("https://me:pw@x.org/a.mp3?v=1&X-Amz-Signature=abc")
    'https://x.org/a.mp3?v=1&X-Amz-Signature=...'
    """
    if "://" not in address or ("?" not in address and "@" not in address):
        return address
    if not (is_object(address) or is_url(address)):
        return address
    parts = urlsplit(address)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if "@" not in parts.netloc and not any(_SECRET.search(name) for name, _ in pairs):
        return address
    query = urlencode(
        [(name, HIDDEN if _SECRET.search(name) else value) for name, value in pairs], safe="./:"
    )
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query).geturl()


def hide(text: str, address: str) -> str:
    """Take an address's secrets out of a text that may quote it in whole or in part."""
    text = text.replace(address, shown(address))
    parts = urlsplit(address)
    user = parts.netloc.rpartition("@")[0]
    secrets = [value for name, value in parse_qsl(parts.query) if _SECRET.search(name)]
    for secret in (*secrets, user, *user.split(":")):
        for form in (secret, quote(secret, safe="")):
            if len(form) >= 4:
                text = text.replace(form, HIDDEN)
    return text


def _copy(
    filesystem: Any, remote: str, file: Any, *, address: str, limits: Limits, most: int
) -> None:
    try:
        size = filesystem.info(remote).get("size")
        check_size(address, size, limits)
        count = 0
        with filesystem.open(remote, "rb") as source:
            while piece := source.read(_PIECE_BYTES):
                count += len(piece)
                if count > most:
                    raise FetchError(f"{address}: more than {most / 1e6:g} MB came; not a track")
                file.write(piece)
    except (UnsungError, MemoryError):
        raise
    except Exception as error:  # drivers raise errors of their own, none of them the file's fault
        raise FetchError(
            f"{address}: cannot be fetched ({type(error).__name__}: {error}); check the address "
            "and the rights of this machine"
        ) from error
    if size is not None and count < size:
        raise FetchError(f"{address}: {count} of {size} bytes came; try again")


def _open(address: str) -> tuple[Any, str]:
    scheme = address.partition("://")[0].lower()
    try:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise MissingExtra("fsspec", "objects", f"reading {scheme}://") from error
    try:
        filesystem, path = url_to_fs(address)
    except ImportError as error:
        raise MissingExtra(_PACKAGES.get(scheme, scheme), "objects", f"reading {scheme}://") from (
            error
        )
    except ValueError as error:
        raise UsageError(f"{shown(address)}: {error}") from error
    return filesystem, str(path)


def _refuse_credentials(address: str) -> None:
    parts = urlsplit(address)
    secret = any(_SECRET.search(name) for name, _ in parse_qsl(parts.query))
    if "@" in parts.netloc or secret:
        raise UsageError(
            f"{shown(address)}: expected an address without user, password or key; set them in "
            "the environment or the storage's own configuration"
        )


def _missing(address: str, reason: str) -> Source:
    name = shown(address)
    return Source(name, "missing", name, reason=f"{name}: {hide(reason, address)}")
