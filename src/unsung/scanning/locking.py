# SPDX-License-Identifier: MIT
"""One scan a file: a lock of the operating system, which no crash leaves behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Any

from unsung.errors import UsageError

__all__ = ["lock"]


def lock(file: IO[Any], path: Path) -> None:
    """Hold an open file until it is closed or the process ends, however it ends.

    Raises:
        UsageError: another process holds it.
    """
    try:
        _lock(file.fileno())
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise OSError("replaced since it was opened")
    except OSError as error:
        raise UsageError(
            f"{path}: another scan is writing this file; wait until it ends, or give this one "
            "a file of its own"
        ) from error


if sys.platform == "win32":  # pragma: no cover

    def _lock(handle: int) -> None:
        import msvcrt

        os.lseek(handle, 0x7FFF0000, os.SEEK_SET)  # beyond the rows: others may still read them
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:

    def _lock(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
