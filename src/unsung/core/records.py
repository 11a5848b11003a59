# SPDX-License-Identifier: MIT
"""JSON Lines that only grow and survive a kill: one line a record, whole or not at all.

What is safe when: after the death of the process, every line written (the system has it); after a
power loss, every line that was synced. A torn last line, or one of zero bytes as file systems leave
them, is cut off when the file is opened for more; readers pass over it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Self

from unsung.core.locks import lock
from unsung.errors import UnsungError, UsageError
from unsung.text import parse_json

__all__ = ["Journal", "Records", "read_records", "sync_folder"]

_BLOCK = 1 << 20


def read_records(
    path: Path,
    *,
    start: int = 0,
    skip_damaged: bool = False,
    error: type[UnsungError] = UsageError,
) -> Iterator[tuple[int, int, Any]]:
    """Yield (offset, offset of the next line, value) of every whole line; empty ones are left out.

    A last line without an end counts where it is whole, and is left out where it is not.

    Args:
        path: the file.
        start: the offset to begin at, where a line begins.
        skip_damaged: leave out lines that are no JSON, instead of raising.
        error: type of what is raised.

    Raises:
        UnsungError: of the type asked for: a line is no JSON.
        OSError: the file cannot be read.
    """
    with path.open("rb") as lines:
        lines.seek(start)
        end = start
        for number, line in enumerate(lines, start=1):
            at, end = end, end + len(line)
            try:
                value = _value(line)
            except ValueError as reason:
                if not line.endswith(b"\n"):
                    return  # torn, or being written
                if not skip_damaged:
                    raise error(
                        f"{path}, line {number}: expected JSON ({reason}); delete the line, what "
                        "it said is then made again"
                    ) from reason
                continue
            if line.strip():
                yield at, end, value


def _value(line: bytes) -> Any:
    if not line.strip():
        return None
    if not line.endswith(b"\n") and line[-1:] not in b'}]"':
        raise ValueError("a number or word that may go on")
    return parse_json(line)


class Records:
    """A file of records, open for more and held by this process alone; safe between threads.

    Args:
        path: the file; made when absent.
        head: how the first line of such a file begins: a file of one torn line is told by it.
        ours: says of the first record whether the file is what the caller means.
        what: what messages call the file.
        wait: for another process to let go of the file, instead of raising.
        sync_s: seconds of work that a power loss may cost, 0 to sync every line, None to leave it
            to the system.
        error: type of what is raised where the file holds something else.

    Raises:
        UsageError: another process writes to the file.
        UnsungError: of the type asked for: the file holds something else, and is left as it is.
        OSError: it cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        head: bytes = b"{",
        ours: Callable[[Any], bool] = lambda _: True,
        what: str = "an earlier run",
        wait: bool = False,
        sync_s: float | None = None,
        error: type[UnsungError] = UsageError,
    ) -> None:
        self.path, self._sync_s, self._guard = path, sync_s, threading.Lock()
        self._reader: IO[bytes] | None = None
        new = not path.exists()
        self._file = path.open("ab", buffering=0)
        try:
            lock(self._file, path, wait=wait)
            if not _fits(path, head, ours):
                raise error(
                    f"{path}: expected JSON Lines of {what}, got something else, which is left as "
                    "it is; give a new file"
                )
            self.size = self._mended()
            if new and sync_s is not None:
                sync_folder(path.parent)
        except BaseException:
            self._file.close()
            raise
        self._synced_s = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        if self._reader is not None:
            self._reader.close()

    def sync(self) -> None:
        """Wait until all records are on the disk."""
        os.fsync(self._file.fileno())
        self._synced_s = time.monotonic()

    def append(self, record: Any, **form: Any) -> int:
        """Write one record and return its offset; ``form`` goes to `json.dumps`.

        Raises:
            OSError: it cannot be written, as on a full disk; the records before it stay whole.
        """
        return self.append_line(json.dumps(record, **form).encode() + b"\n")

    def append_line(self, line: bytes) -> int:
        """Write one line that is JSON already; see `append`."""
        with self._guard:
            at = self.size
            left = memoryview(line)
            try:
                while left:  # a full disk takes a part first and refuses the rest
                    left = left[self._file.write(left) :]
                if self._sync_s is not None and self._due():
                    self.sync()
            except OSError:
                self._file.truncate(at)
                raise
            self.size += len(line)
            return at

    def at(self, offset: int) -> Any:
        """Return the record that begins at an offset."""
        with self._guard:
            if self._reader is None:
                self._reader = self.path.open("rb")
            self._reader.seek(offset)
            return parse_json(self._reader.readline())

    def close_without(self, offsets: Iterable[int]) -> bool:
        """Write all other lines beside the file, let that take its place, and close.

        Where there is no room for that, or no right, the file stays as it is, open.

        Returns:
            Whether it was replaced.
        """
        target = self.path.resolve()
        part = target.with_name(target.name + ".part")
        try:
            with target.open("rb") as old, part.open("wb") as new:
                for offset in (*sorted(offsets), self.size):
                    while left := offset - old.tell():
                        new.write(old.read(min(left, _BLOCK)))
                    old.readline()
                new.flush()
                os.fsync(new.fileno())
            shutil.copymode(target, part)
            if os.name == "nt":
                self.close()  # an open file cannot be replaced there
            part.replace(target)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            return self._file.closed
        self.close()  # not before: until now its lock kept others away
        sync_folder(target.parent)
        return True

    def _due(self) -> bool:
        return time.monotonic() - self._synced_s >= (self._sync_s or 0.0)

    def _mended(self) -> int:
        """Cut a torn last line off, end a whole one; return the length."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start, tail = size, b""
            while start and b"\n" not in tail:
                start = max(0, start - _BLOCK)
                file.seek(start)
                tail = file.read(min(_BLOCK, size - start)) + tail
        last = tail[tail.rfind(b"\n") + 1 :]
        if not last:
            return size
        try:
            _value(last)
        except ValueError:
            self._file.truncate(size - len(last))
            return size - len(last)
        self._file.write(b"\n")
        return size + 1


class Journal(Records):
    """Records that are objects, all of them also in memory as ``rows``; every line is synced.

    Args:
        path: the file; made when absent.
        error: type of what is raised where the file holds something else.

    Raises:
        UsageError: another process writes to it, or it cannot be opened.
        UnsungError: of the type asked for: a line is not a JSON object, other than a torn last one.
    """

    def __init__(self, path: Path, *, error: type[UnsungError] = UsageError) -> None:
        try:
            super().__init__(path, ours=lambda row: isinstance(row, dict), sync_s=0.0, error=error)
        except OSError as reason:
            raise UsageError(
                f"{path}: cannot be written ({reason.strerror}); choose another output"
            ) from reason
        try:
            self.rows: list[dict[str, Any]] = [r for _, _, r in read_records(path, error=error)]
            for row in self.rows:
                if not isinstance(row, dict):
                    raise error(f"{path}: expected an object a line, got {type(row).__name__}")
        except BaseException:
            self.close()
            raise

    def append(self, record: Any, **form: Any) -> int:
        """Add a row and see it onto the disk before anything else is done."""
        at = super().append(record, **{"ensure_ascii": False, **form})
        self.rows.append(dict(record))
        return at


def _fits(path: Path, head: bytes, ours: Callable[[Any], bool]) -> bool:
    with path.open("rb") as file:
        line = file.readline()
    try:
        return not line or ours(parse_json(line))
    except ValueError:
        start = line.rstrip(b"\0")
        return not line.endswith(b"\n") and head.startswith(start[: len(head)])


def sync_folder(folder: Path) -> None:
    """Make a new file's name survive a power loss, where the system lets a folder be synced."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
