# SPDX-License-Identifier: MIT
"""The same bytes are scored once, also when two processes meet them at the same moment.

Content is what the SHA-256 of the file says. A process that has hashed a file asks before it
decodes; the second asker is told that another is at work, and its row waits for that one's.
Bytes that cost a process (it hung, or died) are not tried again in the same scan; other failures
are, for the cause may be gone.
Near-duplicates (another encoding of the same song) are other contents: see `unsung data`.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

from unsung.scanning.resume import ResumeFile
from unsung.scanning.settings import Row, Stamp
from unsung.types import Failure, Score

__all__ = ["Claims"]

COSTLY = ("TimeLimit", "WorkerDied")


class Claims:
    """Who scores which content; `known` is asked from any thread, `settle` from one."""

    def __init__(self, store: ResumeFile, stamp: Stamp) -> None:
        self._store, self._stamp = store, stamp
        self._guard = threading.Lock()
        self._owner: dict[int, int] = {}  # content key -> index of the task that scores it
        self._expected: Counter[int] = Counter()  # rows that were told to wait for it
        self._parked: dict[int, list[Row]] = {}
        self._failed: dict[int, Score] = {}  # costly ones; others while rows still wait for them

    def known(self, index: int, sha256: str) -> bool:
        """Say whether the content has or gets its score elsewhere; else the asker owns it."""
        key = self._stamp.key(sha256)
        with self._guard:
            if self._store.holds(key):
                return True
            if key not in self._failed and self._owner.setdefault(key, index) == index:
                return False
            self._expected[key] += 1
            return True

    def settle(self, row: Row) -> list[Row]:
        """Store a finished row and all that waited for it; nothing, while it has to wait."""
        if row.known_at is not None or row.skipped:
            return [self._store.settle(row) if row.known_at is not None else row]
        if row.known_key is not None:
            return self._copy(row, row.known_key)
        done = self._store.settle(row)
        key = self._stamp.key(row.score.sha256) if row.score.sha256 else None
        with self._guard:
            if key is None or self._owner.get(key) != row.index:
                return [done]
            del self._owner[key]
            waiting = self._parked.pop(key, [])
            if row.score.error is not None and (self._expected[key] or _costly(row.score)):
                self._failed[key] = row.score
        return [done, *(copy for parked in waiting for copy in self._copy(parked, key))]

    def _copy(self, row: Row, key: int) -> list[Row]:
        """Give a row the score of its content, or that content's error."""
        with self._guard:
            failed = self._failed.get(key)
            if failed is None and not self._store.holds(key):
                self._parked.setdefault(key, []).append(row)
                return []
            self._expected[key] -= 1
            if self._expected[key] <= 0:
                del self._expected[key]
                if not _costly(failed):
                    self._failed.pop(key, None)
        return [self._store.settle(row if failed is None else _same_error(row, failed))]


def _costly(score: Score | None) -> bool:
    return score is not None and score.error is not None and score.error.type in COSTLY


def _same_error(row: Row, first: Score) -> Row:
    assert first.error is not None
    message = first.error.message.replace(first.path, row.score.path)
    score = replace(first, path=row.score.path, error=Failure(first.error.type, message))
    facts = replace(row.facts, duplicate_of=first.path) if row.facts is not None else None
    return replace(row, score=score, known_key=None, facts=facts)
