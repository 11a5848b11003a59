# SPDX-License-Identifier: MIT
"""What one file may cost: seconds of work, memory and bytes, so that no file holds up a catalogue.

Time and memory are bounded in worker processes, which can be killed: by default to 10 minutes a
file and to 1 GiB. With a limit of either, every file is scored in one, also with ``jobs=1``.
Without, a few files are scored in the caller's process: there the checks of `unsung.audio` before
anything is decoded (sample rate, channels, index and tags against the file's size) are the bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from unsung.errors import UnsungError, UsageError

__all__ = [
    "MEMORY_BYTES",
    "NO_LIMITS",
    "TIME_S",
    "FileTooLarge",
    "Limits",
    "TimeLimit",
    "check_size",
]


TIME_S = 600.0
"""Time of one file where none is given: a track of hours takes seconds."""

MEMORY_BYTES = 1 << 30
"""Memory of a worker where none is given: a track of any length takes a tenth of it."""

LEAST_MEMORY_BYTES = 1 << 28


class TimeLimit(UnsungError):
    """A file took longer than the time limit; the process that worked on it was killed."""


class FileTooLarge(UnsungError):
    """A file is larger than the size limit; it was not opened."""


@dataclass(frozen=True)
class Limits:
    """Limits on one file; None is no limit.

    Attributes:
        time_s: wall-clock seconds from handing a file to a process until its row is back,
            fetching included.
        size_bytes: largest file that is opened or fetched.
        memory_bytes: address space that a worker may take on top of what it holds when it is
            ready; only Linux keeps to it.

    >>> Limits(time_s=0)
    Traceback (most recent call last):
        ...
    unsung.errors.UsageError: expected a time limit above 0 s, got 0; try 120
    """

    time_s: float | None = None
    size_bytes: int | None = None
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.time_s is not None and not self.time_s > 0:
            raise UsageError(f"expected a time limit above 0 s, got {self.time_s}; try 120")
        if self.size_bytes is not None and self.size_bytes < 1:
            raise UsageError(
                f"expected a size limit of at least 1 byte, got {self.size_bytes}; try 500 MB"
            )
        if self.memory_bytes is not None and self.memory_bytes < LEAST_MEMORY_BYTES:
            raise UsageError(
                f"expected a memory limit of at least {LEAST_MEMORY_BYTES / 1e6:g} MB, "
                f"got {self.memory_bytes / 1e6:g} MB; try {MEMORY_BYTES / 1e6:.0f}"
            )

    def of_workers(self) -> Limits:
        """Return the limits with the defaults of worker processes where none are given."""
        return replace(
            self,
            time_s=self.time_s or TIME_S,
            memory_bytes=self.memory_bytes or MEMORY_BYTES,
        )


NO_LIMITS = Limits()


def check_size(shown: str, size_bytes: int | None, limits: Limits) -> None:
    """Refuse what is larger than the limit.

    Raises:
        FileTooLarge: it is.
    """
    if limits.size_bytes is not None and size_bytes is not None and size_bytes > limits.size_bytes:
        raise FileTooLarge(
            f"{shown}: {size_bytes / 1e6:.1f} MB, the limit is {limits.size_bytes / 1e6:g} MB; "
            "raise --max-size for this file"
        )


def size_of(path: Path) -> int | None:
    """Return the size of a file in bytes, or None where the system does not tell."""
    try:
        return path.stat().st_size
    except OSError:
        return None
