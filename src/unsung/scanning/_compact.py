# SPDX-License-Identifier: MIT
"""Takes lines out of a file that nobody may ever find half written."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO

__all__ = ["compacted", "sync_folder"]

_PIECE_BYTES = 1 << 20


def compacted(path: Path, held: IO[bytes], offsets: Iterable[int], end: int) -> bool:
    """Leave lines out: write the others beside the file, and let that take its place.

    Where there is no room for that, or no right, the file stays as it is.

    Args:
        path: the file.
        held: the same file, open and locked; closed when it was replaced.
        offsets: where the lines begin.
        end: length of the file.

    Returns:
        Whether ``held`` was closed.
    """
    target = path.resolve()
    part = target.with_name(target.name + ".part")
    try:
        with target.open("rb") as old, part.open("wb") as new:
            for offset in (*sorted(offsets), end):
                while left := offset - old.tell():
                    new.write(old.read(min(left, _PIECE_BYTES)))
                old.readline()
            new.flush()
            os.fsync(new.fileno())
        shutil.copymode(target, part)
        if os.name == "nt":
            held.close()  # an open file cannot be replaced there
        part.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        return held.closed
    held.close()  # not before: until now its lock kept other scans away
    sync_folder(target.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make a new file's name survive a power loss, where the system lets a folder be synced."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
