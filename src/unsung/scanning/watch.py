# SPDX-License-Identifier: MIT
"""Watches folders: yields each file once it has stopped growing, and again when it changes.

By looking again and again, not by the system's notices: those do not cross network folders and
are lost while nobody listens. What was finished before a restart is known from the resume file,
by path, size and time, so nothing is remembered here but the files that still grow. What cannot be
looked at (a loop of links, a dead mount) comes once, too, as a row that fails; the watch goes on.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from unsung.audio.sources import Source, barred, search
from unsung.errors import UsageError
from unsung.scanning.keys import KeyIndex
from unsung.scanning.quarantine import file_key

__all__ = ["INTERVAL_S", "SETTLE_S", "Watch"]

INTERVAL_S = 5.0
"""Seconds between two looks; one look at a million files takes some seconds by itself."""

SETTLE_S = 5.0
"""Seconds without a change after which a file counts as complete."""


class Watch:
    """An endless input of a scan; `stop` ends it from any thread.

    Args:
        folders: what to look into, in depth.
        interval_s: between two looks.
        settle_s: a file is taken when its size and time have stood still for so long.

    Raises:
        UsageError: one of them is no folder, or the times make no sense.
    """

    def __init__(
        self,
        folders: Sequence[str],
        *,
        interval_s: float = INTERVAL_S,
        settle_s: float = SETTLE_S,
    ) -> None:
        for folder in folders:
            if not os.path.isdir(folder):  # noqa: PTH112  # inputs are text
                raise UsageError(f"--watch expects folders, got {folder!r}; give a folder that is")
        if not (interval_s > 0 and settle_s >= 0):
            raise UsageError(f"expected times above 0 s, got {interval_s} and {settle_s}")
        self._folders = list(folders)
        self._interval_s, self._settle_s = interval_s, settle_s
        self._end = threading.Event()
        self._given = KeyIndex()  # path -> size and time it was given with
        self._growing: dict[str, tuple[int, float]] = {}

    def stop(self) -> None:
        """End the watch: the scan finishes what it has begun."""
        self._end.set()

    def __iter__(self) -> Iterator[Source]:
        while not self._end.is_set():
            yield from self._look()
            self._end.wait(self._interval_s)

    def _look(self) -> Iterator[Source]:
        """Yield what has come to rest since the last look."""
        seen: set[str] = set()
        for source in chain.from_iterable(search(name, Counter()) for name in self._folders):
            if self._end.is_set():
                return
            found, state, age_s = _state(source)
            if found is not None and self._rests(found.path, state, age_s, seen):
                yield found
        self._growing = {path: self._growing[path] for path in seen}

    def _rests(self, path: str, state: int, age_s: float, growing: set[str]) -> bool:
        """Say whether a file is new or changed and has stood still; note it when it has not."""
        name = file_key(path)
        if self._given.get(name) == state:
            return False
        before, since_s = self._growing.get(path, (None, 0.0))
        if before != state:
            since_s = time.monotonic()
            if age_s > self._settle_s:  # it was at rest long before this look
                since_s -= self._settle_s
        if time.monotonic() - since_s >= self._settle_s:
            self._given.put(name, state)
            return True
        self._growing[path] = (state, since_s)
        growing.add(path)
        return False


def _state(source: Source) -> tuple[Source | None, int, float]:
    """Return a source, a number that changes when it does, and its age; None if it is gone."""
    if source.kind == "file":
        try:
            state = os.stat(source.path)  # noqa: PTH116
            key = file_key(str(state.st_size), state.st_mtime_ns)
            return source, key, time.time() - state.st_mtime
        except FileNotFoundError:
            return None, 0, 0.0
        except OSError:
            source = barred(source.path)
    return source, file_key(source.reason), 0.0
