# SPDX-License-Identifier: MIT
"""One writer a file: a lock of the operating system, which no crash leaves behind.

The lock lies on the file itself. A lock file beside it, as filelock makes, would need a right to
write into the folder, stay behind on a share, and not notice that the file was replaced.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO, Any

from unsung.errors import UsageError

__all__ = ["in_use", "lock"]

_POLL_S = 0.1


def lock(file: IO[Any], path: Path, *, wait: bool = False) -> None:
    """Hold an open file until it is closed or the process ends, however it ends.

    Args:
        file: open for writing.
        path: its name, for messages and to see that it was not replaced meanwhile.
        wait: until another process lets go of it, instead of raising.

    Raises:
        UsageError: another process holds it, or it was replaced since it was opened.
    """
    try:
        while True:
            try:
                _lock(file.fileno())
                break
            except (BlockingIOError, PermissionError):
                if not wait:
                    raise
                time.sleep(_POLL_S)
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise OSError("replaced since it was opened")
    except OSError as error:
        raise UsageError(
            f"{path}: another run is writing this file; wait until it ends, or give this one "
            "a file of its own"
        ) from error


def in_use(path: Path) -> bool:
    """Say whether a process on this machine (or on a shared disk with locks) writes to a file."""
    try:
        with path.open("r+b") as file:
            lock(file, path)
    except UsageError:
        return True
    except OSError:
        return False
    return False


if sys.platform == "win32":  # pragma: no cover

    def _lock(handle: int) -> None:
        import msvcrt

        os.lseek(handle, 0x7FFF0000, os.SEEK_SET)  # beyond the rows: others may still read them
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:

    def _lock(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
