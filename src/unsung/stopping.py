# SPDX-License-Identifier: MIT
"""Every way to stop a command is Ctrl-C: SIGTERM and SIGHUP raise where it would be raised.

A stop is a `KeyboardInterrupt`, so whatever closes files and ends processes for Ctrl-C does it for
all of them. A library's user keeps his own handlers: only `stoppable` installs ours.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Stopped", "finishing", "ignore_stops", "stoppable"]

SAME_STOP_S = 2.0
"""Signals that follow so soon are the same stop: terminals, `timeout` and systemd send several."""

_STOPS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last on Windows
    if hasattr(signal, name)
]


class Stopped(KeyboardInterrupt):
    """A signal asked this process to end; ``number`` is that signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Handler:
    """Raises `Stopped` at once, or at the end of `finishing`; again when told again later."""

    def __init__(self) -> None:
        self.finishing = 0
        self.begin()

    def begin(self) -> None:
        """Forget earlier signals."""
        self._waiting: int | None = None
        self._first: tuple[int, float] | None = None

    def __call__(self, number: int, _: Any) -> None:
        now_s = time.monotonic()
        number, since_s = self._first = self._first or (number, now_s)
        if since_s < now_s <= since_s + SAME_STOP_S:
            return
        self._waiting = number
        self.release()

    def release(self) -> None:
        """Raise the stop that is due."""
        if self._waiting is not None and not self.finishing:
            number, self._waiting = self._waiting, None
            raise Stopped(number)


_handler = _Handler()


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` in the main thread for each signal that asks for an end.

    What a parent had ignored (`nohup`, a background job) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [n for n in _STOPS if signal.getsignal(n) is not signal.SIG_IGN]
    _handler.begin()
    before = {number: signal.signal(number, _handler) for number in heard}
    try:
        yield
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)


@contextmanager
def finishing() -> Iterator[None]:
    """Put a stop off until the ``with`` ends: a file that is closed here is closed whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _handler.finishing += 1
    try:
        yield
    finally:
        _handler.finishing -= 1
        _handler.release()


def ignore_stops() -> None:
    """Leave stops to the parent, which ends this worker in order: they reach whole groups."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
