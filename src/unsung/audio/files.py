# SPDX-License-Identifier: MIT
"""Opens inputs as files with errors that say what to do, and hashes them."""

from __future__ import annotations

import hashlib
import stat
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from unsung.audio._sniff import shown
from unsung.errors import AudioError, NotAudio, UnreadableAudio

__all__ = ["open_file", "sha256_file"]


def open_file(path: str | Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        UnreadableAudio: it is missing, may not be read, or is a pipe or device.
        NotAudio: it is a folder.
    """
    path = Path(path)
    name = shown(str(path))
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            next(path.iterdir(), None)  # a folder that cannot be listed says why
            raise NotAudio(
                f"{name}: expected a sound file, this is a folder; "
                "scan a folder by its name to take all files in it"
            )
        if not stat.S_ISREG(mode):
            raise UnreadableAudio(
                f"{name}: expected a regular file, this is a pipe or device; "
                "save its content to a file first, or give '-' to read standard input"
            )
        return path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise _refused(name, error) from error


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as hex, read in pieces.

    Raises:
        UnreadableAudio: as `open_file`.
        NotAudio: as `open_file`.
    """
    try:
        with open_file(path) as file:
            return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
    except OSError as error:
        raise _refused(shown(str(path)), error) from error


def _refused(name: str, error: OSError | ValueError) -> AudioError:
    if isinstance(error, FileNotFoundError):
        return UnreadableAudio(f"{name}: no such file; check the path")
    if isinstance(error, PermissionError):
        return UnreadableAudio(
            f"{name}: this user may not read the file (permission denied); "
            "change its permissions or its owner"
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UnreadableAudio(f"{name}: the file cannot be opened ({reason}); check path and disk")
