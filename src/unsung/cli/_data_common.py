# SPDX-License-Identifier: MIT
"""What the data verbs share: options, a progress line, the lines about files left out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli._console import ProgressLine, tell

if TYPE_CHECKING:
    from unsung.types import Failure

__all__ = ["CacheFile", "Listed", "Processes", "Ticker", "cache_path", "say_problems"]

Listed = Annotated[
    Path,
    typer.Argument(metavar="MANIFEST", help="Manifest (.jsonl, .parquet) or table (.csv, .tsv)."),
]
CacheFile = Annotated[
    Path | None,
    typer.Option(
        "--cache", help="Where facts of file contents are kept; by default shared by all sets."
    ),
]
Processes = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default one a core.")
]
_EXAMPLES = 5


class Ticker(ProgressLine):
    """A line that counts files."""

    def __init__(self, quiet: bool) -> None:
        super().__init__(not quiet)
        self._start_s = time.monotonic()

    def __call__(self, word: str, count: int, bad: int = 0) -> None:
        """Draw the newest counts, a few times a second."""
        speed = count / max(time.monotonic() - self._start_s, 1e-9)
        failed = f", {bad} failed" if bad else ""
        self.draw(f"{word}: {count} files{failed}, {speed:.0f} files/s")


def cache_path(given: Path | None, *read: Path) -> Path:
    """Return the cache that was asked for, or the shared one.

    Raises:
        UsageError: it is read by the command, or stands there and is no cache.
    """
    from unsung.data.cache import CACHE, default_cache
    from unsung.outputs import output_file

    return default_cache() if given is None else output_file(given, read, CACHE)


def say_problems(problems: Iterable[tuple[str, Failure]]) -> bool:
    """Name the first files that failed, on standard error; say whether there were any."""
    failed = list(problems)
    for name, why in failed[:_EXAMPLES]:
        tell(f"left out: {name}: {why.message}", err=True)
    if len(failed) > _EXAMPLES:
        tell(f"left out: {len(failed) - _EXAMPLES} more", err=True)
    return bool(failed)
