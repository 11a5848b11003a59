# SPDX-License-Identifier: MIT
"""Scans any number of inputs: lazily, on all cores, resumable; one row for each file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from unsung.audio.sources import Source, expand
from unsung.errors import UsageError
from unsung.runtime import Bundle, load_bundle
from unsung.scanning import pool
from unsung.scanning.resume import ResumeFile
from unsung.scanning.settings import FALSE_ALARM_RATE, PRIOR, Row, Settings
from unsung.scanning.worker import Scorer, Task
from unsung.types import Score

__all__ = ["FEW", "Inputs", "Progress", "scan", "scan_paths", "scan_rows"]

FEW = 8
"""Up to so many files one process is faster: starting another costs as much as scanning them."""

Inputs = str | Path | Source | Iterable[str | Path | Source]


@dataclass(frozen=True)
class Progress:
    """How far a scan has come; ``audio_s`` is the length of the tracks judged so far."""

    done: int = 0
    failed: int = 0
    skipped: int = 0
    audio_s: float = 0.0
    elapsed_s: float = 0.0

    def after(self, row: Row, elapsed_s: float) -> Progress:
        """Return the counts with one more finished row."""
        failed, skipped = row.score.error is not None, row.skipped
        judged_s = 0.0 if failed or skipped else row.score.duration_s or row.score.covered_s
        return Progress(
            self.done + (not skipped),
            self.failed + failed,
            self.skipped + skipped,
            self.audio_s + judged_s,
            elapsed_s,
        )


def scan(
    inputs: Inputs,
    *,
    bundle: str | Path | Bundle = "default",
    false_alarm_rate: float = FALSE_ALARM_RATE,
    prior: float = PRIOR,
    fast: bool = False,
    calibration: Path | None = None,
    jobs: int | None = None,
    resume: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Score]:
    """Yield a score for each track behind the inputs, in the order in which they finish.

    Args:
        inputs: files, folders, patterns, playlists, manifests, addresses, ``-``; may be an
            endless generator, of which only a few items are taken ahead.
        bundle: name of a packaged detector, the folder of one, or a loaded one.
        false_alarm_rate: share of human recordings that the AI threshold may call AI.
        prior: assumed share of AI tracks, for the probability only.
        fast: listen to three windows of ten seconds.
        calibration: file of `unsung calibrate` whose thresholds replace the bundle's.
        jobs: processes; by default one for up to 8 files, else one a core.
        resume: JSON Lines file to append to; what it holds is skipped, errors are tried again.
        on_progress: called after each row, skipped ones included.

    Raises:
        UsageError: a setting is wrong. Nothing about a file is ever raised.
        BundleError: the detector cannot be loaded.
    """
    name = bundle if isinstance(bundle, str | Path) else bundle.path
    settings = Settings(name, false_alarm_rate, prior, fast, calibration=calibration)
    rows = scan_rows(inputs, settings, jobs=jobs, resume=resume, on_progress=on_progress)
    with closing(rows):  # type: ignore[type-var]
        for row in rows:
            if not row.skipped:
                yield row.score


def scan_rows(
    inputs: Inputs,
    settings: Settings,
    *,
    jobs: int | None = None,
    resume: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    load: Callable[[str | Path], Bundle] = load_bundle,
) -> Iterator[Row]:
    """Yield a row for each track: numbered as in the input, with its picture if asked for.

    ``load`` turns the bundle's name into a bundle; worker processes import it by its name.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"expected at least 1 job, got {jobs}; leave it out for one a core")
    started_s = time.monotonic()
    scorer = Scorer(settings, load=load)
    sources = enumerate(_sources(inputs))
    ahead = list(islice(sources, FEW + 1)) if jobs is None else []
    if jobs is None:
        jobs = 1 if len(ahead) <= FEW else pool.cores()
    progress = Progress()
    with ExitStack() as stack:
        store = stack.enter_context(ResumeFile(resume, scorer.stamp)) if resume else None
        if store is not None:
            scorer.known = store.keys
        rows = _rows(chain(ahead, sources), scorer, jobs)
        stack.enter_context(closing(rows))  # type: ignore[type-var]
        for found in rows:
            row = found if store is None else store.settle(found)
            progress = progress.after(row, time.monotonic() - started_s)
            if on_progress is not None:
                on_progress(progress)
            yield row


def scan_paths(
    inputs: Inputs,
    *,
    bundle: str | Path | Bundle = "default",
    false_alarm_rate: float = FALSE_ALARM_RATE,
    prior: float = PRIOR,
    fast: bool = False,
    calibration: Path | None = None,
    jobs: int | None = None,
    resume: Path | None = None,
) -> Score | list[Score]:
    """Scan and wait: one `Score` for one file, a list in the order of the input for the rest.

    A folder, pattern, playlist or list of paths gives a list, even of one. A file with a fault
    gives a score with its ``error``; nothing is raised. The arguments are those of `scan`.
    """
    name = bundle if isinstance(bundle, str | Path) else bundle.path
    settings = Settings(name, false_alarm_rate, prior, fast, calibration=calibration)
    rows = sorted(scan_rows(inputs, settings, jobs=jobs, resume=resume), key=lambda r: r.index)
    alone = isinstance(inputs, str | Path | Source) and len(rows) == 1
    shown = inputs.path if isinstance(inputs, Source) else str(inputs)
    if alone and rows[0].score.path == shown:
        return rows[0].score
    return [row.score for row in rows]


def _rows(sources: Iterator[tuple[int, Source]], scorer: Scorer, jobs: int) -> Iterator[Row]:
    if jobs == 1:
        for index, source in sources:
            yield scorer(Task(index, source))
        return
    init = {"settings": scorer.settings, "known": scorer.known, "load": scorer.load}
    yield from pool.run(sources, jobs, init, scorer.stamp)


def _sources(inputs: Inputs) -> Iterator[Source]:
    """Expand lazily: one item of the input at a time."""
    items = [inputs] if isinstance(inputs, str | Path | Source) else inputs
    for item in items:
        if isinstance(item, Source):
            yield item
        else:
            yield from expand([str(item)])
