# SPDX-License-Identifier: MIT
"""Scores labelled tracks with a bundle; reading them belongs to `unsung.data.labelled`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from unsung.audio.sources import Source
from unsung.core.text import is_url
from unsung.data.labelled import Columns, Item, join_scores, read_items
from unsung.runtime import load_bundle
from unsung.scanning._middle import beside
from unsung.scanning.calibration import recalibrated
from unsung.scanning.one import stamp_of
from unsung.scanning.pipeline import Progress, scan_rows
from unsung.scanning.settings import Settings

__all__ = ["Columns", "Item", "join_scores", "read_items", "score_items"]


def score_items(
    items: Sequence[Item],
    manifest: Path,
    settings: Settings,
    *,
    jobs: int | None = None,
    resume: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[list[Item], str, float | None]:
    """Scan every item; paths are relative to the manifest, or to where the program runs.

    Returns:
        The items with their scores, the detector's name with its hash, and its AI threshold.
    """
    bundle = recalibrated(load_bundle(settings.bundle), settings.calibration, settings.fast)
    sources = (_source(item, manifest.parent) for item in items)
    scored = list(items)
    for row in scan_rows(sources, settings, jobs=jobs, resume=resume, on_progress=on_progress):
        score, item = row.score, items[row.index]
        if score.error is not None or score.logit is None:
            problem = score.error.type if score.error is not None else "no logit"
            scored[row.index] = replace(item, problem=problem)
        else:
            scored[row.index] = replace(
                item,
                score=score.logit,
                llr_nats=score.llr_nats,
                probability=score.probability,
                trained_on=bundle.trained_on(score.sha256),
            )
    detector = stamp_of(bundle, settings).detector
    return scored, detector, bundle.thresholds(settings.false_alarm_rate).ai_logit


def _source(item: Item, folder: Path) -> Source:
    path = beside(item.path, folder)
    return Source(path, "url" if is_url(path) else "file", path)
