# SPDX-License-Identifier: MIT
"""The far end of a worker process: loads the bundle once, then one task in, one row out.

Tasks and rows are pickles over the standard streams, not `multiprocessing`: a user's script needs
no ``if __name__ == "__main__"`` guard, and the thread limits of the numeric libraries are set
before any of them loads.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from unsung.errors import UnsungError
from unsung.runtime import load_bundle
from unsung.scanning.calibration import recalibrated
from unsung.scanning.memory import keep_freed_memory
from unsung.scanning.one import failed, local, score_local, stamp_of
from unsung.scanning.settings import Row, Settings

if TYPE_CHECKING:
    from unsung.audio.sources import Source
    from unsung.runtime import Bundle

__all__ = ["Scorer", "Task", "main"]


@dataclass(frozen=True)
class Task:
    """One file to score. ``path`` replaces the source where the parent fetched it already."""

    index: int
    source: Source
    path: Path | None = None


@dataclass
class Scorer:
    """Turns tasks into rows, in this process; built from values that cross process borders.

    ``known`` holds the sorted resume keys, 8 bytes each, of what the resume file already has.
    """

    settings: Settings
    known: array[int] = field(default_factory=lambda: array("Q"))
    load: Callable[[str | Path], Bundle] = load_bundle
    bundle: Bundle | None = None

    def __post_init__(self) -> None:
        bundle = self.bundle or self.load(self.settings.bundle)
        self._bundle = recalibrated(bundle, self.settings.calibration, self.settings.fast)
        self._bundle.thresholds(self.settings.false_alarm_rate)  # a wrong rate fails here
        self.stamp = stamp_of(self._bundle, self.settings)

    def __call__(self, task: Task) -> Row:
        """Score one task; whatever happens to it becomes its row."""
        try:
            if task.path is not None:
                return self._row(task, task.path)
            with local(task.source) as path:
                return self._row(task, path)
        except Exception as error:
            return Row(task.index, failed(task.source.path, self.stamp, error))

    def _row(self, task: Task, path: Path) -> Row:
        score, picture = score_local(
            path,
            task.source.path,
            self._bundle,
            settings=self.settings,
            stamp=self.stamp,
            is_known=self._is_known,
        )
        key = self.stamp.key(score.sha256) if score.sha256 and score.error is None else 0
        known = key if score.verdict is None and key and self._holds(key) else None
        return Row(task.index, score, picture, known)

    def _is_known(self, sha256: str) -> bool:
        return self._holds(self.stamp.key(sha256))

    def _holds(self, key: int) -> bool:
        at = bisect_left(self.known, key)
        return at < len(self.known) and self.known[at] == key


def main() -> None:
    """Answer tasks until the parent closes the pipe (or is killed, which closes it too)."""
    keep_freed_memory()
    inbox = sys.stdin.buffer
    outbox = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # no library's print may reach the pipe
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        scorer = _ready(pickle.load(inbox), outbox)
        while scorer is not None:
            pickle.dump(scorer(pickle.load(inbox)), outbox, protocol=pickle.HIGHEST_PROTOCOL)
            outbox.flush()
    with contextlib.suppress(BrokenPipeError):
        outbox.close()


def _ready(init: dict[str, object], outbox: object) -> Scorer | None:
    """Build the scorer and tell the parent, with the error when there is one."""
    scorer: Scorer | None = None
    answer: Exception | None = None
    try:
        scorer = Scorer(**init)  # type: ignore[arg-type]
    except UnsungError as error:
        answer = UnsungError(str(error))  # plain: errors with own constructors do not unpickle
    pickle.dump(answer, outbox)  # type: ignore[arg-type]
    outbox.flush()  # type: ignore[attr-defined]
    return scorer
