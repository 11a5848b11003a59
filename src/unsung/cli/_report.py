# SPDX-License-Identifier: MIT
"""Writes the pages of a scan: one for each track, and the index that links them."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from unsung.cli._console import tell
from unsung.reports.index import write_index
from unsung.reports.song import write_song_report
from unsung.runtime import load_bundle
from unsung.scanning.calibration import recalibrated, report_calibration

if TYPE_CHECKING:
    from unsung.scanning import Row, Settings
    from unsung.types import Score

__all__ = ["ReportFolder"]


class ReportFolder:
    """Takes rows as they finish; the end of the ``with`` writes the index over all of them."""

    def __init__(self, folder: Path, settings: Settings, opened: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        bundle = recalibrated(load_bundle(settings.bundle), settings.calibration, settings.fast)
        self._folder, self._opened = folder, opened
        self._bundle, self._rate = bundle, settings.false_alarm_rate
        self._card: dict[str, Any] = dict(bundle.info.get("card", {}))
        self._scores: list[tuple[int, Score]] = []
        self._links: dict[str, str] = {}

    def write(self, row: Row) -> None:
        """Write a track's page."""
        local = Path(row.score.path)
        page = write_song_report(
            row.score,
            row.picture,
            self._folder,
            calibration=report_calibration(self._bundle, self._rate, row.score.covered_s),
            card=self._card,
            audio=local if row.score.path != "-" and local.is_file() else None,
        )
        self._links[row.score.path] = page.relative_to(self._folder).as_posix()
        self._scores.append((row.index, row.score))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        ordered = [score for _, score in sorted(self._scores, key=lambda item: item[0])]
        index = write_index(ordered, self._folder, self._links)
        tell(f"report: {index}", err=True)
        if self._opened:
            webbrowser.open(index.resolve().as_uri())
