# SPDX-License-Identifier: MIT
"""The private folder that uploads live in: mode 0700, emptied at once, removed at the end.

What a power cut leaves behind, the next server on the machine removes: a folder whose lock nobody
holds has no owner. (After a kill the workers remove it themselves, see `unsung.api.worker`.)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["Spool"]

_PREFIX, _LOCK = "unsung-serve-", "lock"
_SETTLED_S = 60.0
"""A younger folder may belong to a server that has not locked it yet."""


class Spool:
    """One server's folder for uploads."""

    def __init__(self, parent: str | None = None) -> None:
        place = Path(parent or tempfile.gettempdir())
        _sweep(place)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place)).resolve()  # mode 0700
        self._lock = _locked(self.path / _LOCK)

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Lend a folder for one request; it is gone afterwards, whatever happens."""
        path = self.new_folder()
        try:
            yield path
        finally:
            self.remove(path)

    def new_folder(self) -> Path:
        """Return a fresh folder that the caller removes."""
        return Path(tempfile.mkdtemp(prefix="in-", dir=self.path))

    @staticmethod
    def remove(path: Path) -> None:
        """Remove a folder with everything in it."""
        shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()


def _sweep(place: Path) -> None:
    """Remove what servers left that did not live to do it."""
    if not hasattr(os, "getuid"):  # not Unix: folders have no owner to go by
        return
    for path in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            state = path.lstat()
            ours = stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid()
            if ours and time.time() - state.st_mtime > _SETTLED_S:
                lock = _locked(path / _LOCK)
                if lock is not None:
                    shutil.rmtree(path, ignore_errors=True)
                    lock.close()


def _locked(path: Path) -> IO[bytes] | None:
    """Return the open file with its lock, or None where another process holds it."""
    try:
        import fcntl
    except ImportError:  # not Unix: no lock, and nothing is swept
        return None
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
