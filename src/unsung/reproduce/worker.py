# SPDX-License-Identifier: MIT
"""Scores the cells of one track: decoded once, every attack in memory, every detector on each."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from unsung.attacks import parse
from unsung.audio.read import open_audio, read_clip, sha256_file
from unsung.errors import NotFinite
from unsung.reproduce.detectors import Detector
from unsung.reproduce.experiment import CLEAN
from unsung.reproduce.plan import Cell, Job
from unsung.runtime import Bundle, decide
from unsung.types import Clip

__all__ = ["FALSE_ALARM_RATE", "error_row", "read_middle", "score_job"]

FALSE_ALARM_RATE = 0.01
"""The detector's own threshold at this rate is held fixed over all conditions."""

PRIOR = 0.5


def score_job(job: Job, detectors: Sequence[Detector]) -> Iterator[dict[str, Any]]:
    """Yield a row a cell; what goes wrong becomes the cell's row and the others go on."""
    try:
        sha256 = sha256_file(job.track.path)
        clip = read_middle(Path(job.track.path), job.middle_s)
    except Exception as error:
        yield from (error_row(job, cell, detectors, error) for cell in job.cells)
        return
    for (condition, seed), group in groupby(job.cells, key=lambda c: (c.condition, c.seed)):
        cells = list(group)
        try:
            # Each track draws its own random numbers, the same whatever else is measured.
            own = int(hashlib.sha256(f"{seed} {job.track.id}".encode()).hexdigest()[:8], 16)
            heard = clip if condition == CLEAN else parse(condition)(clip, own)
        except Exception as error:
            yield from (error_row(job, cell, detectors, error) for cell in cells)
            continue
        for cell in cells:
            try:
                yield _row(job, cell, detectors, _judge(heard, detectors, job, cell, sha256))
            except Exception as error:
                yield error_row(job, cell, detectors, error)


def read_middle(path: Path, middle_s: float | None) -> Clip:
    """Decode the middle of a file, all channels; all of it when it is shorter."""
    with open_audio(path) as stream:
        duration_s = stream.duration_s
    if middle_s is None or (duration_s is not None and duration_s <= middle_s):
        return read_clip(path)
    if duration_s is not None:
        return read_clip(path, (duration_s - middle_s) / 2, middle_s)
    clip = read_clip(path)
    length = round(middle_s * clip.sample_rate_hz)
    start = max(0, (clip.samples.shape[1] - length) // 2)
    return Clip(clip.samples[:, start : start + length], clip.sample_rate_hz)


def _judge(
    clip: Clip, detectors: Sequence[Detector], job: Job, cell: Cell, sha256: str
) -> dict[str, Any]:
    bundle: Bundle = detectors[cell.detector].of(job.track)
    analyzer = bundle.analyzer(clip.sample_rate_hz)
    analyzer.push(clip.mono())
    found = analyzer.finish()
    if found.logit is not None and not math.isfinite(found.logit):
        raise NotFinite(f"{bundle.name} gave {found.logit} for {job.track.id}; please report this")
    verdict, reason, llr, _ = decide(bundle, found, FALSE_ALARM_RATE, PRIOR)
    return {
        "logit": _rounded(found.logit),
        "llr_nats": _rounded(llr),
        "threshold": _rounded(bundle.thresholds(FALSE_ALARM_RATE).ai_logit),
        "verdict": verdict,
        "reason": reason,
        "covered_s": found.covered_s,
        "trained_on": bundle.trained_on(sha256),
        "error": None,
    }


def error_row(
    job: Job, cell: Cell, detectors: Sequence[Detector], error: BaseException
) -> dict[str, Any]:
    """Return the row of a cell that has no score; the message names no folder of the machine."""
    message = str(error).replace(job.track.path, job.track.id)
    return _row(job, cell, detectors, {"error": {"type": type(error).__name__, "message": message}})


def _row(
    job: Job, cell: Cell, detectors: Sequence[Detector], values: dict[str, Any]
) -> dict[str, Any]:
    return {
        "key": cell.key,
        "track": job.track.id,
        "condition": cell.condition,
        "seed": cell.seed,
        "detector": detectors[cell.detector].name,
        **values,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
