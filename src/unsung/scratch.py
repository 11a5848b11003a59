# SPDX-License-Identifier: MIT
"""Private temporary folders that do not outlive their process, however it ends.

A folder is removed by its owner, at the latest when the interpreter ends; after a kill -9 or a
power cut by the next one of ours that looks: a lock of the operating system tells whether its owner
lives, which no process number can. Without such locks (Windows) nothing is swept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import weakref
from pathlib import Path
from types import TracebackType

__all__ = ["Scratch", "sweep"]

_PREFIX, _LOCK = "unsung-", ".unsung-scratch"


class Scratch:
    """A fresh folder that this user alone can open (mode 0700).

    Args:
        kind: a word for people who look at the folder that it lies in.
        parent: where it is made; by default the system's folder for temporary files.
    """

    def __init__(self, kind: str, parent: str | Path | None = None) -> None:
        place = Path(parent or tempfile.gettempdir())
        sweep(place)
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{kind}-", dir=place)).resolve()
        self._end = weakref.finalize(self, _remove, self.path, _own(self.path))

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder with everything in it."""
        self._end()


def sweep(place: Path | None = None) -> None:
    """Remove what processes left that did not live to do it.

    Only folders of this user with our lock in them, and only when no process holds it: whatever
    else is called ``unsung-...`` belongs to somebody.
    """
    if not hasattr(os, "getuid"):
        return
    with contextlib.suppress(OSError):
        for path in Path(place or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                state = path.lstat()
                if stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid():
                    _remove(path, _taken(path / _LOCK))


def _own(folder: Path) -> int | None:
    """Lock a new folder; the lock has its name only once it is held, so none is ever free."""
    try:
        import fcntl
    except ImportError:
        return None
    handle = os.open(folder / f"{_LOCK}.new", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    (folder / f"{_LOCK}.new").rename(folder / _LOCK)
    return handle


def _taken(lock: Path) -> int:
    """Return the handle of a lock whose owner is gone.

    Raises:
        OSError: somebody holds it, or it is none of ours.
    """
    import fcntl

    handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{lock}: expected a file")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _remove(folder: Path, lock: int | None) -> None:
    """Remove a folder, its lock last: whoever is killed in here leaves one that can be swept."""
    with contextlib.suppress(OSError):
        for item in list(folder.iterdir()):
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item, ignore_errors=True)
            elif item.name != _LOCK:
                item.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)
