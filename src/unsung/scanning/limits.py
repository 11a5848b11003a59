# SPDX-License-Identifier: MIT
"""What one file may cost: seconds of work and bytes, so that no file holds up a catalogue.

The time limit needs a process that can be killed: with one, every file is scored in a worker
process, also with ``jobs=1``. When not to use: on a single file that you know to be long.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unsung.errors import UnsungError, UsageError

__all__ = ["NO_LIMITS", "FileTooLarge", "Limits", "TimeLimit", "check_size"]


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

    >>> Limits(time_s=0)
    Traceback (most recent call last):
        ...
    unsung.errors.UsageError: expected a time limit above 0 s, got 0; try 120
    """

    time_s: float | None = None
    size_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.time_s is not None and not self.time_s > 0:
            raise UsageError(f"expected a time limit above 0 s, got {self.time_s}; try 120")
        if self.size_bytes is not None and self.size_bytes < 1:
            raise UsageError(
                f"expected a size limit of at least 1 byte, got {self.size_bytes}; try 500 MB"
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
