# SPDX-License-Identifier: MIT
"""`unsung scan`: one line, or one JSON object, for each track."""

from __future__ import annotations

import sys

from unsung.cli import _options as o
from unsung.errors import UsageError

__all__ = ["scan"]


def scan(
    inputs: o.Inputs,
    *,
    json_: o.AsJson = False,
    csv: o.AsCsv = False,
    parquet: o.Parquet = None,
    report: o.Report = None,
    fast: o.Fast = False,
    jobs: o.Jobs = None,
    false_alarm_rate: o.Rate = 0.01,
    prior: o.Prior = 0.5,
    detector: o.Detector = "default",
    calibration: o.Calibration = None,
    resume: o.Resume = None,
    quiet: o.Quiet = False,
    no_color: o.NoColour = False,
) -> None:
    """Judge tracks: AI, human or undecided."""
    if json_ and csv:
        raise UsageError("expected --json or --csv, got both; choose one for standard output")
    from unsung.cli._console import LineWriter, use_colour
    from unsung.cli._run import run
    from unsung.scanning import Settings
    from unsung.scanning.output import CsvWriter, JsonWriter

    settings = Settings(
        detector, false_alarm_rate, prior, fast, picture=report is not None, calibration=calibration
    )
    lines = LineWriter(use_colour(not no_color))
    printer = JsonWriter(sys.stdout) if json_ else CsvWriter(sys.stdout) if csv else lines
    run(
        inputs,
        settings,
        printer,
        jobs=jobs,
        resume=resume,
        parquet=parquet,
        report=report,
        quiet=quiet,
    )
