# SPDX-License-Identifier: MIT
"""`unsung evaluate`: how good a detector is on labelled tracks, and how surely."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell

if TYPE_CHECKING:
    from unsung.scanning.figures import Summary

__all__ = ["evaluate"]


def evaluate(
    manifest: o.Table,
    *,
    scores: o.Scores = None,
    groups: o.Groups = "",
    positive: o.Positive = "ai",
    higher_is: o.HigherIs = "ai",
    path_column: o.Column = "path",
    label_column: o.Column = "label",
    score_column: o.Column = "score",
    generator_column: o.Column = "generator",
    output: o.Results = None,
    json_: o.AsJson = False,
    detector: o.Detector = "default",
    false_alarm_rate: o.Rate = 0.01,
    fast: o.Fast = False,
    calibration: o.Calibration = None,
    jobs: o.Jobs = None,
    resume: o.Resume = None,
    seed: o.Seed = 0,
    quiet: o.Quiet = False,
) -> None:
    """Score labelled tracks, or take another detector's scores, and print the figures."""
    from unsung.cli._console import Status
    from unsung.cli._run import quiet_libraries
    from unsung.outputs import output_file
    from unsung.scanning import Settings
    from unsung.scanning.figures import RESULTS, figures
    from unsung.scanning.labelled import Columns
    from unsung.scanning.resume import RESUME

    read = (manifest, scores, calibration)
    if output is not None:
        output_file(output, (*read, resume), RESULTS)
    if resume is not None:
        output_file(resume, (*read, output), RESUME)
    status = Status([str(manifest)], shown=not quiet)
    with quiet_libraries():
        summary = figures(
            manifest,
            columns=Columns(path_column, label_column, score_column, generator_column, groups),
            scores=scores,
            positive=positive,
            higher_is=higher_is,
            settings=Settings(detector, false_alarm_rate, fast=fast, calibration=calibration),
            jobs=jobs,
            resume=resume,
            on_progress=status,
            seed=seed,
        )
    status.clear()
    _print(summary, output, json_)


def _print(summary: Summary, output: Path | None, as_json: bool) -> None:
    from unsung.evaluation.tables import markdown_table
    from unsung.scanning.figures import result_lines, write_results

    lines = "".join(result_lines(summary.results))
    if output is not None:
        write_results(summary.results, output)
    typer.echo(lines if as_json else markdown_table(summary.results) + "\n", nl=False)
    for note in summary.notes:
        tell(f"note: {note}", err=True)
    for reason, count in summary.left_out.items():
        tell(f"left out: {count} ({reason})", err=True)
    if summary.n_trained_on:
        tell(
            f"warning: the detector was trained on {summary.n_trained_on} of these tracks; the "
            "figures flatter it. Use tracks that it has not seen.",
            err=True,
        )
