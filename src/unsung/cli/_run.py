# SPDX-License-Identifier: MIT
"""Feeds the rows of a scan to whatever prints and writes them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unsung.cli._console import Status
from unsung.errors import UsageError
from unsung.scanning import Settings, scan_rows
from unsung.scanning.memory import keep_freed_memory
from unsung.scanning.output import ParquetWriter, Writer

if TYPE_CHECKING:
    from unsung.cli._report import ReportFolder

__all__ = ["quiet_libraries", "run"]


def run(
    inputs: list[str],
    settings: Settings,
    printer: Writer,
    *,
    jobs: int | None = None,
    resume: Path | None = None,
    parquet: Path | None = None,
    report: Path | None = None,
    opened: bool = False,
    quiet: bool = False,
) -> None:
    """Scan, print each row as it finishes, and end with exit code 1 if some files failed."""
    if not inputs:
        raise UsageError("expected at least one file, folder or address; see unsung scan --help")
    keep_freed_memory()
    status = Status(inputs, shown=not quiet)
    with ExitStack() as stack:
        stack.enter_context(quiet_libraries())
        writers = [printer]
        if parquet is not None:
            writers.append(stack.enter_context(ParquetWriter(parquet)))
        pages = _pages(report, settings, opened)
        if pages is not None:
            stack.enter_context(pages)
        rows = scan_rows(inputs, settings, jobs=jobs, resume=resume, on_progress=status)
        stack.enter_context(closing(rows))  # type: ignore[type-var]
        for row in rows:
            if row.skipped:
                continue
            status.judged(row.score)
            for writer in writers:
                writer.write(row.score)
            if pages is not None:
                pages.write(row)
            status.draw()
        status.finish(settings.false_alarm_rate)
    if status.progress is not None and status.progress.failed:
        raise typer.Exit(1)


def _pages(report: Path | None, settings: Settings, opened: bool) -> ReportFolder | None:
    if report is None:
        return None
    from unsung.cli._report import ReportFolder  # templates and drawing, only when asked for

    return ReportFolder(report, settings, opened)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep what C decoders print about damaged files off the terminal; the rows say it.

    Python's own standard error goes on as before; worker processes inherit the silence.
    """
    try:
        same = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):  # replaced, as tests and notebooks do
        same = False
    if not same:
        yield
        return
    kept, python_stderr = os.dup(2), sys.stderr
    void = os.open(os.devnull, os.O_WRONLY)
    try:
        with os.fdopen(os.dup(kept), "w", buffering=1, errors="backslashreplace") as own:
            os.dup2(void, 2)
            sys.stderr = own
            yield
    finally:
        sys.stderr = python_stderr
        os.dup2(kept, 2)
        os.close(kept)
        os.close(void)
