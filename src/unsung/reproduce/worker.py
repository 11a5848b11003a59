# SPDX-License-Identifier: MIT
"""Scores the cells of one track: decoded once, every attack in memory, every detector on each."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from unsung.attacks import parse
from unsung.audio.mixing import heard
from unsung.audio.read import read_middle, sha256_file
from unsung.errors import NotFinite
from unsung.reproduce.adversary import equipped, needs_model
from unsung.reproduce.conditions import CLEAN
from unsung.reproduce.detectors import Detector
from unsung.reproduce.plan import Cell, Job
from unsung.runtime import Bundle, decide
from unsung.types import Clip

__all__ = ["FALSE_ALARM_RATE", "error_row", "score_job"]

FALSE_ALARM_RATE = 0.01
"""The detector's own threshold at this rate is held fixed over all conditions."""

PRIOR = 0.5


def score_job(job: Job, detectors: Sequence[Detector]) -> Iterator[dict[str, Any]]:
    """Yield a row a cell; what goes wrong becomes the cell's row and the others go on."""
    try:
        sha256 = sha256_file(job.track.path)
        clip = read_middle(job.track.path, job.middle_s)
    except Exception as error:
        yield from (error_row(job, cell, detectors, error) for cell in job.cells)
        return
    for _, group in groupby(job.cells, key=lambda c: (c.condition, c.seed)):
        sound = _Sound(job, clip, detectors)
        for cell in group:
            try:
                heard, attack_s = sound.heard(cell)
                started = time.perf_counter()
                judged = _judge(heard, detectors, job, cell, sha256)
                score_s = time.perf_counter() - started
                times = {"attack_s": round(attack_s, 4), "score_s": round(score_s, 4)}
                yield _row(job, cell, detectors, {**judged, **times})
            except Exception as error:
                yield error_row(job, cell, detectors, error)


class _Sound:
    """The clip under one condition: made once, unless the attack must see the detector."""

    def __init__(self, job: Job, clip: Clip, detectors: Sequence[Detector]) -> None:
        self._job, self._clip, self._detectors = job, clip, detectors
        self._made: Clip | Exception | None = None

    def heard(self, cell: Cell) -> tuple[Clip, float]:
        """Return the attacked sound and the seconds that making it took (0 when it was there)."""
        started = time.perf_counter()
        if cell.condition == CLEAN:
            return self._clip, 0.0
        if needs_model(cell.condition):
            return self._attacked(cell), time.perf_counter() - started
        if self._made is not None:
            if isinstance(self._made, Exception):
                raise self._made
            return self._made, 0.0
        try:
            self._made = self._attacked(cell)
        except Exception as error:
            self._made = error  # it fails for the other detectors too
            raise
        return self._made, time.perf_counter() - started

    def _attacked(self, cell: Cell) -> Clip:
        track = self._job.track
        # Each track draws its own random numbers, the same whatever else is measured.
        own = int(hashlib.sha256(f"{cell.seed} {track.id}".encode()).hexdigest()[:8], 16)
        if cell.partner is None and not needs_model(cell.condition):
            return parse(cell.condition)(self._clip, own)
        partner = None
        if cell.partner is not None:
            partner = read_middle(cell.partner.path, self._job.middle_s)
        bundle = self._detectors[cell.detector].of(track)
        chain = equipped(cell.condition, bundle, partner, positive=track.label != "human")
        return chain(self._clip, own)


def _judge(
    clip: Clip, detectors: Sequence[Detector], job: Job, cell: Cell, sha256: str
) -> dict[str, Any]:
    bundle: Bundle = detectors[cell.detector].of(job.track)
    analyzer = bundle.analyzer(clip.sample_rate_hz)
    analyzer.push(heard(clip))
    found = analyzer.finish()
    if found.logit is not None and not math.isfinite(found.logit):
        raise NotFinite(f"{bundle.name} gave {found.logit} for {job.track.id}; please report this")
    verdict, reason, llr, _ = decide(bundle, found, FALSE_ALARM_RATE, PRIOR)
    return {
        "logit": _rounded(found.logit),
        "llr_nats": _rounded(llr),
        "threshold": _rounded(bundle.thresholds(FALSE_ALARM_RATE, found.covered_s).ai_logit),
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
    if cell.partner is not None:
        message = message.replace(cell.partner.path, cell.partner.id)
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
        **({} if cell.partner is None else {"partner": cell.partner.id}),
        **values,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
