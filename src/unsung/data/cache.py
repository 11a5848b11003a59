# SPDX-License-Identifier: MIT
"""What was once computed of a file's content, kept by the hash of that content.

Two tables in one SQLite file: (path, size, modification time) → SHA-256 saves reading a file
that did not change; (SHA-256, kind) → value saves computing, wherever the file is and whatever it
is called. A file that changes size or time is read again. Not for secrets: paths stand in it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from unsung.errors import ManifestError
from unsung.outputs import Kind

__all__ = ["CACHE", "Cache", "default_cache"]

_TABLES = """
CREATE TABLE IF NOT EXISTS quick (path TEXT PRIMARY KEY, stamp TEXT, sha256 TEXT);
CREATE TABLE IF NOT EXISTS facts (sha256 TEXT, kind TEXT, value BLOB, PRIMARY KEY (sha256, kind));
"""
_COLUMNS = (
    "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
    "WHERE m.type IN ('table', 'view')"
)
_EVERY_S = 2.0
"""Longest time between two commits: what an interruption may cost."""


def _is_cache(path: Path) -> bool:
    """Say whether a data base holds our tables, or none yet."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            rows = base.execute(_COLUMNS).fetchall()
    except sqlite3.Error:
        return False
    with closing(sqlite3.connect(":memory:")) as own:
        own.executescript(_TABLES)
        return set(rows) <= set(own.execute(_COLUMNS))


CACHE = Kind("a cache of facts", (), _is_cache)
"""What `Cache` keeps, under any name."""


def default_cache() -> Path:
    """Return the cache that all commands share: ``unsung/audio.sqlite`` in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "unsung" / "audio.sqlite"


class Cache:
    """An open cache, to be used in a ``with`` by one process (a second one waits).

    Args:
        path: the SQLite file; made when absent. None keeps everything in memory.

    Raises:
        ManifestError: it is no cache, or the disk is full (then, and at every later write).
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._committed_s = time.monotonic()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path or ":memory:", timeout=60.0)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.executescript(_TABLES)
        except (sqlite3.Error, OSError) as error:
            raise self._refused(error) from error

    def sha256(self, location: str) -> str:
        """Return the hash of an unchanged file, or "" if it must be read."""
        stamp = _stamp(location)
        found = self._base.execute(
            "SELECT sha256 FROM quick WHERE path = ? AND stamp = ?", (_key(location), stamp)
        ).fetchone()
        return str(found[0]) if found and stamp else ""

    def get(self, sha256: str, kind: str) -> bytes | None:
        """Return a stored value."""
        found = self._base.execute(
            "SELECT value FROM facts WHERE sha256 = ? AND kind = ?", (sha256, kind)
        ).fetchone()
        return bytes(found[0]) if found else None

    def put(self, location: str, sha256: str, kind: str, value: bytes) -> None:
        """Store a value of a content, and that this path holds the content now."""
        try:
            self._base.execute(
                "INSERT OR REPLACE INTO quick VALUES (?, ?, ?)",
                (_key(location), _stamp(location), sha256),
            )
            self._base.execute(
                "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (sha256, kind, value)
            )
            if time.monotonic() - self._committed_s > _EVERY_S:
                self.commit()
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def commit(self) -> None:
        """Write what was put to the disk."""
        try:
            self._base.commit()
        except sqlite3.Error as error:
            raise self._refused(error) from error
        self._committed_s = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.commit()
        except ManifestError:
            if kind is None:  # else the first error says more
                raise
        finally:
            self._base.close()

    def _refused(self, error: Exception) -> ManifestError:
        reason = str(error)
        if "full" in reason or "disk I/O" in reason:
            advice = "free some space and run the same command again; what it holds is kept"
        else:
            advice = "give another file with --cache, or delete this one"
        return ManifestError(f"{self._path}: the cache cannot be used ({reason}); {advice}")


def _stamp(location: str) -> str:
    try:
        state = os.stat(location)  # noqa: PTH116  # str paths keep undecodable bytes
    except (OSError, ValueError):
        return ""
    return f"{state.st_size}:{state.st_mtime_ns}"


def _key(location: str) -> str:
    """Return an absolute path as text that SQLite takes, undecodable bytes escaped."""
    whole = os.path.abspath(location)  # noqa: PTH100  # resolve() asks the disk for every part
    return whole.encode("utf-8", "backslashreplace").decode()
