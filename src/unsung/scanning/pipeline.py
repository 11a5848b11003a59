# SPDX-License-Identifier: MIT
"""Scans any number of inputs: lazily, on all cores, resumable; one row for each file.

Nothing grows with the number of tracks but the resume file's index (48 bytes a track): inputs are
taken as processes fall idle, rows leave as they finish.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from unsung.audio.sources import Source, expand
from unsung.errors import UsageError
from unsung.runtime import Bundle, load_bundle
from unsung.scanning import objects, pool
from unsung.scanning.calibration import recalibrated
from unsung.scanning.duplicates import Claims
from unsung.scanning.limits import NO_LIMITS, Limits
from unsung.scanning.one import score_sound
from unsung.scanning.quarantine import Quarantine
from unsung.scanning.resume import ResumeFile
from unsung.scanning.settings import FALSE_ALARM_RATE, PRIOR, Row, Settings
from unsung.scanning.watch import Watch
from unsung.scanning.worker import Scorer, Task
from unsung.types import Failure, FloatArray, Score

__all__ = ["FEW", "Inputs", "Progress", "scan", "scan_paths", "scan_rows"]

FEW = 8
"""Up to so many files one process is faster: starting another costs as much as scanning them."""

Inputs = str | Path | Source | Iterable[str | Path | Source]


@dataclass(frozen=True)
class Progress:
    """How far a scan has come; ``audio_s`` is the length of the tracks judged so far.

    ``skipped`` counts what an earlier scan holds and what stands in ``quarantined``;
    ``duplicates`` counts tracks that took the score of the same bytes, ``damaged`` those whose
    verdict is on the part that could be heard; ``left_out`` the files of folders without a known
    extension, by extension, when all were looked at.
    """

    done: int = 0
    failed: int = 0
    skipped: int = 0
    audio_s: float = 0.0
    elapsed_s: float = 0.0
    quarantined: int = 0
    duplicates: int = 0
    damaged: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)

    def after(self, row: Row, elapsed_s: float) -> Progress:
        """Return the counts with one more finished row."""
        skipped = row.skipped or row.quarantined
        failed = row.score.error is not None and row.score.state == "failed" and not skipped
        copied = bool(row.facts and row.facts.duplicate_of) and not skipped
        judged_s = 0.0 if failed or skipped else row.score.duration_s or row.score.covered_s
        return Progress(
            self.done + (not skipped),
            self.failed + failed,
            self.skipped + skipped,
            self.audio_s + judged_s,
            elapsed_s,
            self.quarantined + row.quarantined,
            self.duplicates + copied,
            self.damaged + (row.score.damaged and not skipped),
        )


def scan(  # noqa: D417  # described at `scan_paths`
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
        bundle, false_alarm_rate, prior, fast, calibration, jobs, resume: see `scan_paths`.
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
    limits: Limits = NO_LIMITS,
    quarantine: Path | None = None,
    retry_failed: bool = False,
    ray: str | None = None,
    mark: Callable[[Row], Row] | None = None,
) -> Iterator[Row]:
    """Yield a row for each track: numbered as in the input, with its picture if asked for.

    Args:
        inputs: as for `scan`; also object storage (``s3://bucket/prefix``) and a `Watch`.
        settings: what every row is made with.
        jobs: processes; with ``ray``, tasks at once on a local cluster.
        resume: JSON Lines file to append to; what it holds is skipped. With it, the same bytes
            are scored once and the other rows are copies.
        on_progress: called after each row, skipped ones included.
        load: turns the bundle's name into a bundle; worker processes import it by its name.
        limits: seconds, memory and bytes that one file may cost; worker processes have defaults.
        quarantine: list of files that failed; they are left out until they change.
        retry_failed: try files again, too, that failed and have not changed.
        ray: address of a Ray cluster, or "local": its machines score, this one writes.
        mark: called with each new row before it is stored; returns the row to store and yield.

    Raises:
        UsageError: a setting is wrong, or another scan writes the same file.
        StoreFull: the resume file cannot grow; its rows are whole.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"expected at least 1 job, got {jobs}; leave it out for one a core")
    started_s = time.monotonic()
    scorer = Scorer(settings, load=load, limits=limits)
    left_out: Counter[str] = Counter()
    sources = enumerate(_sources(inputs, left_out))
    ahead = list(islice(sources, FEW + 1)) if jobs is None and ray is None else []
    if jobs is None and ray is None:
        jobs = 1 if len(ahead) <= FEW else pool.cores()
    progress = Progress()
    with ExitStack() as stack:
        store = held = None
        if resume is not None:
            opened = ResumeFile(resume, scorer.stamp, mark, retry_failed, listed=bool(quarantine))
            store = stack.enter_context(opened)
        if quarantine is not None:
            held = stack.enter_context(Quarantine(quarantine, retry=retry_failed))
        claims = Claims(store, scorer.stamp) if store is not None else None
        scorer.ask = claims.known if claims is not None else None
        items = _unknown(chain(ahead, sources), store, held)
        rows = _rows(items, scorer, jobs, ray, inputs.stop if isinstance(inputs, Watch) else None)
        stack.enter_context(closing(rows))  # type: ignore[type-var]
        for found in pool.hopeful(rows):
            for row in _settled(found, claims, mark):
                if held is not None:
                    held.note(row)
                progress = progress.after(row, time.monotonic() - started_s)
                if on_progress is not None:
                    on_progress(progress)
                yield row
        if on_progress is not None and left_out:
            on_progress(replace(progress, left_out=left_out))


def scan_paths(
    inputs: Inputs | FloatArray,
    sample_rate_hz: int | None = None,
    *,
    bundle: str | Path | Bundle = "default",
    false_alarm_rate: float = FALSE_ALARM_RATE,
    prior: float = PRIOR,
    fast: bool = False,
    calibration: Path | None = None,
    jobs: int | None = None,
    resume: Path | None = None,
) -> Score | list[Score]:
    """Scan and wait: one `Score` for one file or array, else a list in the order of the input.

    What is wrong with a file stands in its ``error``; ``verdict`` and ``evidence`` can be None.

    Args:
        inputs: file, folder, pattern, playlist, manifest or address, or several of them; or sound
            in memory, ``[time]`` or ``[channel, time]``, floats with full scale ±1.
        sample_rate_hz: of sound in memory; None for everything else.
        bundle: name of a packaged detector, the folder of one, or a loaded one.
        false_alarm_rate: share of human recordings that the AI threshold may call AI.
        prior: assumed share of AI tracks, for the probability only.
        fast: listen to three windows of ten seconds.
        calibration: file of `unsung calibrate` whose thresholds replace the bundle's.
        jobs: processes; by default one for up to 8 files, else one a core.
        resume: JSON Lines file to append to; what it holds is skipped, also what failed.

    Raises:
        TypeError: neither paths nor sound with its rate.
        UsageError: a setting is wrong, or an array of another shape or type.
        BundleError: the detector cannot be loaded.
    """
    name = bundle if isinstance(bundle, str | Path) else bundle.path
    settings = Settings(name, false_alarm_rate, prior, fast, calibration=calibration)
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind not in "OSU":
        if sample_rate_hz is None:
            raise TypeError("sound in memory needs its rate: scan(samples, sample_rate_hz)")
        ready = recalibrated(load_bundle(name), calibration, fast)
        return score_sound(inputs, sample_rate_hz, ready, settings)
    if sample_rate_hz is not None:
        raise TypeError("sample_rate_hz is for sound in memory; a file says its own")
    rows = sorted(scan_rows(inputs, settings, jobs=jobs, resume=resume), key=lambda r: r.index)
    alone = isinstance(inputs, str | Path | Source) and len(rows) == 1
    shown = inputs.path if isinstance(inputs, Source) else str(inputs)
    if alone and rows[0].score.path == shown:
        return rows[0].score
    return [row.score for row in rows]


def _rows(
    items: Iterator[pool.Item],
    scorer: Scorer,
    jobs: int | None,
    ray: str | None,
    stop: Callable[[], None] | None,
) -> Iterator[Row]:
    limits = scorer.limits
    if ray is None and jobs == 1 and limits.time_s is None and limits.memory_bytes is None:
        for item in items:
            yield item if isinstance(item, Row) else scorer(Task(*item))
        return
    limits = limits.of_workers()
    init = {"settings": scorer.settings, "load": scorer.load, "limits": limits}
    time_s = limits.time_s
    if ray is not None:
        from unsung.scanning import on_ray

        yield from on_ray.run(
            items, ray, jobs, init, scorer.stamp, known=scorer.ask, time_s=time_s, stop_inputs=stop
        )
    else:
        assert jobs is not None
        yield from pool.run(
            items, jobs, init, scorer.stamp, known=scorer.ask, time_s=time_s, stop_inputs=stop
        )


def _settled(row: Row, claims: Claims | None, mark: Callable[[Row], Row] | None) -> Iterable[Row]:
    if claims is not None:
        return claims.settle(row)
    return [row if mark is None or row.skipped else mark(row)]


def _unknown(
    sources: Iterator[tuple[int, Source]], store: ResumeFile | None, held: Quarantine | None
) -> Iterator[pool.Item]:
    """Turn what an earlier scan has dealt with into finished rows, without reading the files."""
    for index, source in sources:
        if source.kind == "file" and store is not None:
            at = store.find_file(source.path)
            if at is not None:
                yield Row(index, Score(source.path), known_at=at, skipped=True)
                continue
        if source.kind == "file" and held is not None and held.holds(source.path):
            left_out = Failure("Quarantined", "left out: it failed before and has not changed")
            yield Row(index, Score(source.path, error=left_out), skipped=True, quarantined=True)
            continue
        yield index, source


def _sources(inputs: Inputs, left_out: Counter[str]) -> Iterator[Source]:
    """Expand lazily: one item of the input at a time."""
    items = [inputs] if isinstance(inputs, str | Path | Source) else inputs
    for item in items:
        if isinstance(item, Source):
            yield item
        elif not isinstance(item, str | Path):
            raise TypeError(f"expected paths or one array of sound, got {type(item).__name__}")
        elif objects.is_object(str(item)):
            yield from objects.expand_objects(str(item))
        else:
            yield from expand([str(item)], left_out)
