# SPDX-License-Identifier: MIT
"""Unpacks zip and tar archives into a folder, and nowhere else.

Names that lead out of the folder, links and devices are refused. Each file appears whole or not at
all; a second call writes only what is missing, so an interrupted one costs nothing.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from unsung.data._atomic import FULL
from unsung.errors import FetchError

__all__ = ["is_archive", "unpack"]

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)


def is_archive(path: Path) -> bool:
    """Say whether a file is a zip or tar archive, by its bytes and not its name."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpack(archive: Path, folder: Path) -> int:
    """Unpack below the folder; return how many files the archive holds.

    An archive that lies in a subfolder (`fake_songs/part_01.zip`) is unpacked there, unless its own
    names begin with that subfolder.

    Raises:
        FetchError: damaged, encrypted, no archive, a name that leads elsewhere, or a full disk.
    """
    base = archive.parent.relative_to(folder).as_posix() if archive.parent != folder else ""
    count = 0
    try:
        with _members(archive) as members:
            for name, size, stream in members:
                place = name if not base or name.startswith(f"{base}/") else f"{base}/{name}"
                _write(folder, place, size, stream, archive)
                count += 1
    except RuntimeError as error:
        raise FetchError(f"{archive}: cannot be unpacked ({error}); unpack it by hand") from error
    except _BROKEN as error:
        raise FetchError(
            f"{archive}: the archive is damaged ({error}); delete it and fetch again"
        ) from error
    except OSError as error:
        if error.errno in FULL:
            raise FetchError(
                f"{folder}: the disk is full while unpacking {archive.name}; what was unpacked is "
                "kept: free some space and run the same command again"
            ) from error
        raise FetchError(
            f"{archive}: the archive is damaged or cannot be read ({error}); "
            "delete it and fetch again"
        ) from error
    return count


_Member = tuple[str, int, IO[bytes]]


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            _check_room(archive, sum(item.file_size for item in zipped.infolist()))
            yield _zip_members(archive, zipped)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tarred:
            yield _tar_members(archive, tarred)
    else:
        raise FetchError(
            f"{archive}: expected a zip or tar archive, the bytes are something else; "
            "delete it and fetch again"
        )


def _zip_members(archive: Path, zipped: zipfile.ZipFile) -> Iterator[_Member]:
    for item in zipped.infolist():
        if item.is_dir():
            continue
        if stat.S_ISLNK(item.external_attr >> 16):
            raise _refused(archive, item.filename, "is a link")
        with zipped.open(item) as stream:
            yield item.filename, item.file_size, stream


def _tar_members(archive: Path, tarred: tarfile.TarFile) -> Iterator[_Member]:
    for item in tarred:
        if item.isdir():
            continue
        stream = tarred.extractfile(item) if item.isreg() else None
        if stream is None:
            raise _refused(archive, item.name, "is a link or a device")
        with stream:
            yield item.name, item.size, stream


def _write(folder: Path, name: str, size: int, stream: IO[bytes], archive: Path) -> None:
    parts = PurePosixPath(name).parts
    if "__MACOSX" in parts or parts[-1].startswith("._"):
        return  # what macOS adds for itself
    windows = PureWindowsPath(name)
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or "\\" in name:
        raise _refused(archive, name, "is an absolute name")
    target = folder.joinpath(*parts)
    if ".." in parts or not target.resolve().is_relative_to(folder.resolve()):
        raise _refused(archive, name, f"leads out of {folder}")
    if target.is_file() and target.stat().st_size == size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    if target.exists():
        raise FetchError(
            f"{target}: stands there with another content than in {archive.name} and is left as "
            "it is; fetch into another folder, or move it away"
        )
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 18)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _check_room(archive: Path, needed: int) -> None:
    free = shutil.disk_usage(archive.parent).free
    if needed > free:
        raise FetchError(
            f"{archive.name}: unpacks to {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; "
            "free some space and run the same command again"
        )


def _refused(archive: Path, name: str, why: str) -> FetchError:
    return FetchError(
        f"{archive}: its member '{name}' {why}; nothing outside the folder is ever written, "
        "so the rest was not unpacked: look into the archive before you trust it"
    )
