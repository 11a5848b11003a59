# SPDX-License-Identifier: MIT
"""One song or a million: every file gives one row, whatever is wrong with it."""

from __future__ import annotations

from unsung.scanning.calibration import OwnCalibration, calibrate
from unsung.scanning.one import score_file
from unsung.scanning.output import read_scores
from unsung.scanning.pipeline import Progress, scan, scan_paths, scan_rows
from unsung.scanning.pool import WorkerDied
from unsung.scanning.settings import Row, Settings

__all__ = [
    "OwnCalibration",
    "Progress",
    "Row",
    "Settings",
    "WorkerDied",
    "calibrate",
    "read_scores",
    "scan",
    "scan_paths",
    "scan_rows",
    "score_file",
]
