# SPDX-License-Identifier: MIT
"""Feeds the rows of a scan to whatever prints and writes them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unsung.audio.memory import keep_freed_memory
from unsung.cli._console import Status, tell, tell_left_out
from unsung.errors import UsageError, install_hint
from unsung.outputs import output_file, output_folder
from unsung.scanning import Row, Settings, scan_rows
from unsung.scanning.catalogue import KEPT
from unsung.scanning.limits import NO_LIMITS, Limits
from unsung.scanning.output import PARQUET, ParquetWriter, Writer
from unsung.scanning.resume import RESUME
from unsung.scanning.sidecar import Marker

if TYPE_CHECKING:
    from unsung.cli._report import ReportFolder
    from unsung.scanning import Progress
    from unsung.scanning.watch import Watch

__all__ = ["Keep", "quiet_libraries", "run"]


@dataclass(frozen=True)
class Keep:
    """What a scan of many tracks keeps, where it works, and what it insists on."""

    catalogue: Path | None = None
    retry_failed: bool = False
    watch: bool = False
    limits: Limits = NO_LIMITS
    ray: str | None = None
    sidecar: bool = False
    tags: bool = False
    threshold: bool = False


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
    keep: Keep = Keep(),
) -> None:
    """Scan, print each row as it finishes, and end with exit code 1 if some files failed."""
    if not inputs:
        raise UsageError("expected at least one file, folder or address; see unsung scan --help")
    _check_outputs(inputs, settings, resume=resume, parquet=parquet, report=report, keep=keep)
    keep_freed_memory()
    _check_rate(settings, required=keep.threshold)
    status = Status(inputs, shown=not quiet)
    marks = Marker(keep.sidecar, keep.tags, _say)
    with ExitStack() as stack:
        stack.enter_context(quiet_libraries())
        writers = [printer]
        if parquet is not None:
            writers.append(stack.enter_context(ParquetWriter(parquet)))
        pages = _pages(report, settings, opened)
        if pages is not None:
            stack.enter_context(pages)
        watch = _watch(inputs, keep)
        rows = _rows(
            watch or inputs,
            settings,
            jobs=jobs,
            resume=resume,
            status=status,
            keep=keep,
            marks=marks,
        )
        stack.enter_context(closing(rows))  # type: ignore[type-var]
        if watch is not None:
            stack.callback(watch.stop)
        with _ends_a_watch(watch):
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
        if not quiet and status.progress is not None:
            _say_rest(status.progress)
    if keep.catalogue is not None:
        _summary_page(keep.catalogue, settings, quiet)
    done = status.progress
    if marks.n_refused or (done is not None and (done.failed or done.damaged)):
        raise typer.Exit(1)


def _check_outputs(
    inputs: list[str],
    settings: Settings,
    *,
    resume: Path | None,
    parquet: Path | None,
    report: Path | None,
    keep: Keep,
) -> None:
    """Refuse outputs that would cost somebody a file, before anything is loaded."""
    read = [*inputs, settings.calibration]
    if resume is not None:
        output_file(resume, (*read, parquet), RESUME)
    if parquet is not None:
        output_file(parquet, (*read, resume), PARQUET)
    if keep.catalogue is not None or report is not None:
        from unsung.reports.page import PAGE

        if keep.catalogue is not None:
            output_folder(keep.catalogue, read, KEPT | {"summary.html": PAGE})
        if report is not None:
            output_folder(report, read, {"index.html": PAGE})


def _rows(
    inputs: list[str] | Watch,
    settings: Settings,
    *,
    jobs: int | None,
    resume: Path | None,
    status: Status,
    keep: Keep,
    marks: Marker,
) -> Iterator[Row]:
    if keep.watch and jobs is None and keep.ray is None:
        from unsung.scanning.pool import cores

        jobs = cores()
    mark = marks if marks.sidecar or marks.tags else None
    if keep.catalogue is None:
        return scan_rows(
            inputs,
            settings,
            jobs=jobs,
            resume=resume,
            on_progress=status,
            limits=keep.limits,
            ray=keep.ray,
            mark=mark,
            retry_failed=keep.retry_failed,
        )
    from unsung.scanning.catalogue import scan_catalogue

    return scan_catalogue(
        inputs,
        settings,
        keep.catalogue,
        retry_failed=keep.retry_failed,
        jobs=jobs,
        on_progress=status,
        limits=keep.limits.of_workers(),
        ray=keep.ray,
        mark=mark,
    )


@contextmanager
def _ends_a_watch(watch: Watch | None) -> Iterator[None]:
    """Take a stop (Ctrl-C, SIGTERM) as the end of a watch, not of any other scan."""
    try:
        yield
    except KeyboardInterrupt:
        if watch is None:
            raise


def _check_rate(settings: Settings, *, required: bool) -> None:
    """Say, before the work, that no track can get the verdict AI; refuse where that is required."""
    from unsung.runtime import load_bundle
    from unsung.scanning.calibration import recalibrated, unreachable

    bundle = recalibrated(load_bundle(settings.bundle), settings.calibration, settings.fast)
    why = unreachable(bundle, settings.false_alarm_rate)
    if why and required:
        raise UsageError(f"{why}; name one with --false-alarm-rate, or calibrate on more music")
    if why:
        tell(f"warning: {why}", err=True)


def _say(refusal: str) -> None:
    tell(f"not written: {refusal}", err=True)


def _say_rest(progress: Progress) -> None:
    """Say what the summary line has no word for."""
    if progress.duplicates:
        tell(f"{progress.duplicates} hold the same bytes as another track", err=True)
    if progress.quarantined:
        tell(
            f"{progress.quarantined} that failed before left out (of the skipped); "
            "--retry-failed tries them again",
            err=True,
        )
    tell_left_out(progress.left_out)


def _watch(inputs: list[str], keep: Keep) -> Watch | None:
    if not keep.watch:
        return None
    from unsung.scanning.watch import Watch

    return Watch(inputs)


def _summary_page(folder: Path, settings: Settings, quiet: bool) -> None:
    from unsung.reports.catalogue import write_catalogue
    from unsung.scanning.catalogue import CatalogueFolder
    from unsung.scanning.summary import summarise

    files = CatalogueFolder(folder)
    if not quiet and find_spec("pyarrow") is None:
        hint = install_hint("tables")
        tell(f"no Parquet in {files.parts}: in a clone of unsung run {hint}", err=True)
    if files.scores.stat().st_size:
        page = write_catalogue(summarise(files.scores, settings), files.summary)
        if not quiet:
            tell(f"summary: {page}", err=True)


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
