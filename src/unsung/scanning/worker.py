# SPDX-License-Identifier: MIT
"""The far end of a worker process: loads the bundle once, then one task in, one row out.

Tasks and rows are pickles over the standard streams, not `multiprocessing`: a user's script needs
no ``if __name__ == "__main__"`` guard, and the thread limits of the numeric libraries are set
before any of them loads.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import sys
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unsung.audio.memory import bound_memory, keep_freed_memory
from unsung.errors import UnsungError
from unsung.runtime import load_bundle
from unsung.scanning import objects
from unsung.scanning.calibration import recalibrated
from unsung.scanning.limits import NO_LIMITS, Limits, check_size, size_of
from unsung.scanning.metadata import read_metadata
from unsung.scanning.one import failed, local, score_local, stamp_of
from unsung.scanning.settings import FileFacts, Metadata, Row, Settings
from unsung.stopping import ignore_stops
from unsung.types import Failure, Score

if TYPE_CHECKING:
    from unsung.audio.sources import Source
    from unsung.runtime import Bundle

__all__ = ["Claim", "Scorer", "Task", "facts_of", "main"]

GRACE_S = 10.0
"""A worker whose parent was killed ends itself so long after the time limit of its file."""


@dataclass(frozen=True)
class Task:
    """One file to score. ``path`` replaces the source where the parent fetched it already."""

    index: int
    source: Source
    path: Path | None = None


@dataclass(frozen=True)
class Claim:
    """A worker's question before it decodes: is this content scored, or being scored, elsewhere?"""

    index: int
    sha256: str


@dataclass
class Scorer:
    """Turns tasks into rows, in this process; built from values that cross process borders.

    ``known`` holds sorted resume keys, 8 bytes each, of contents that need no score; ``ask`` is
    asked instead where it is set, with a task's index and its content's hash.
    """

    settings: Settings
    known: array[int] = field(default_factory=lambda: array("Q"))
    load: Callable[[str | Path], Bundle] = load_bundle
    bundle: Bundle | None = None
    limits: Limits = NO_LIMITS
    ask: Callable[[int, str], bool] | None = None

    def __post_init__(self) -> None:
        bundle = self.bundle or self.load(self.settings.bundle)
        self._bundle = recalibrated(bundle, self.settings.calibration, self.settings.fast)
        self._bundle.thresholds(self.settings.false_alarm_rate)  # a wrong rate fails here
        self.stamp = stamp_of(self._bundle, self.settings)

    def __call__(self, task: Task) -> Row:
        """Score one task; whatever happens to it becomes its row."""
        shown = objects.shown(task.source.path)
        try:
            if task.path is not None:
                return self._row(task, shown, task.path)
            with self._lent(task.source) as path:
                return self._row(task, shown, path)
        except Exception as error:
            facts = facts_of(task.source, None)
            return Row(task.index, _hidden(failed(shown, self.stamp, error), task), facts=facts)

    @contextmanager
    def _lent(self, source: Source) -> Iterator[Path]:
        """Lend a path on this machine, not before the size is known to be within the limit."""
        if source.kind == "url":
            with objects.fetched(source.path, self.limits) as path:
                yield path
            return
        if source.kind == "file":
            check_size(source.path, size_of(Path(source.path)), self.limits)
        with local(source) as path:
            yield path

    def _row(self, task: Task, shown: str, path: Path) -> Row:
        facts = facts_of(task.source, path)
        if self.settings.metadata:
            facts = replace(facts, metadata=read_metadata(path))
        known = False

        def is_known(sha256: str) -> bool:
            nonlocal known
            known = self.ask(task.index, sha256) if self.ask else self._is_known(sha256)
            return known

        score, picture = score_local(
            path,
            shown,
            self._bundle,
            settings=self.settings,
            stamp=self.stamp,
            is_known=is_known,
        )
        key = self.stamp.key(score.sha256) if known and score.error is None else None
        return Row(task.index, _hidden(score, task), picture, key, facts=facts)

    def _is_known(self, sha256: str) -> bool:
        key = self.stamp.key(sha256)
        at = bisect_left(self.known, key)
        return at < len(self.known) and self.known[at] == key


def facts_of(source: Source, path: Path | None) -> FileFacts:
    """Look at the file before it is read: a change during the scan then shows."""
    now_ns = time.time_ns()
    target = Path(source.path) if source.kind == "file" else path
    try:
        state = target.stat() if target is not None else None
    except (OSError, ValueError):
        state = None
    if state is None:
        return FileFacts(scanned_ns=now_ns)
    modified_ns = state.st_mtime_ns if source.kind == "file" else None
    return FileFacts(state.st_size, modified_ns, now_ns, metadata=Metadata())


def _hidden(score: Score, task: Task) -> Score:
    """Take an address's secrets out of what is said about it."""
    if score.error is None or task.source.kind != "url":
        return score
    message = objects.hide(score.error.message, task.source.path)
    return replace(score, error=Failure(score.error.type, message))


def main() -> None:
    """Answer tasks until the parent closes the pipe (or is killed, which closes it too)."""
    keep_freed_memory()
    ignore_stops()
    inbox = sys.stdin.buffer
    outbox = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # no library's print may reach the pipe
    with contextlib.suppress(EOFError, BrokenPipeError):
        scorer = _ready(pickle.load(inbox), inbox, outbox)
        while scorer is not None:
            task = pickle.load(inbox)
            with _watchdog(scorer.limits.time_s):
                row = scorer(task)
            _send(row, outbox)
    with contextlib.suppress(BrokenPipeError):
        outbox.close()


def _ready(init: dict[str, Any], inbox: Any, outbox: Any) -> Scorer | None:
    """Build the scorer and tell the parent, with the error when there is one."""

    def ask(index: int, sha256: str) -> bool:
        _send(Claim(index, sha256), outbox)
        return bool(pickle.load(inbox))

    scorer: Scorer | None = None
    answer: Exception | None = None
    asks = init.pop("asks", False)
    try:
        scorer = Scorer(**init, ask=ask if asks else None)
        bound_memory(scorer.limits.memory_bytes)
    except UnsungError as error:
        answer = UnsungError(str(error))  # plain: errors with own constructors do not unpickle
    _send(answer, outbox)
    return scorer


def _send(item: object, outbox: Any) -> None:
    pickle.dump(item, outbox, protocol=pickle.HIGHEST_PROTOCOL)
    outbox.flush()


@contextmanager
def _watchdog(time_s: float | None) -> Iterator[None]:
    """End this process when a decoder hangs and nobody is left to kill it."""
    if time_s is None:
        yield
        return
    faulthandler.dump_traceback_later(time_s + GRACE_S, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
