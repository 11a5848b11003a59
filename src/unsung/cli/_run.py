# SPDX-License-Identifier: MIT
"""Feeds the rows of a scan to whatever prints and writes them."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unsung.cli._console import Status
from unsung.cli._report import ReportFolder
from unsung.errors import UsageError
from unsung.scanning import Settings, scan_rows
from unsung.scanning.output import ParquetWriter

if TYPE_CHECKING:
    from unsung.scanning.output import Writer

__all__ = ["run"]


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
    status = Status(inputs, shown=not quiet)
    with ExitStack() as stack:
        writers = [printer]
        if parquet is not None:
            writers.append(stack.enter_context(ParquetWriter(parquet)))
        pages = stack.enter_context(ReportFolder(report, settings, opened)) if report else None
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
        status.finish(settings.false_alarm_rate)
    if status.progress is not None and status.progress.failed:
        raise typer.Exit(1)
