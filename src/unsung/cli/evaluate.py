# SPDX-License-Identifier: MIT
"""`unsung evaluate`: how good a detector is on labelled tracks, and how surely."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o

__all__ = ["evaluate"]

Column = Annotated[str, typer.Option(help="Name of this column in the CSV.")]


def evaluate(
    manifest: Annotated[
        Path, typer.Argument(help="Labelled tracks (CSV or .jsonl), with or without scores.")
    ],
    *,
    scores: Annotated[
        Path | None, typer.Option("--scores", help="CSV of another detector's scores, by path.")
    ] = None,
    groups: Annotated[
        str, typer.Option("--groups", help="Column of tracks that belong together.")
    ] = "",
    positive: Annotated[
        str, typer.Option("--positive", help="Labels that count as AI: ai or ai,resynth.")
    ] = "ai",
    higher_is: Annotated[
        str, typer.Option("--higher-is", help="What a high score of the table says: ai or human.")
    ] = "ai",
    path_column: Column = "path",
    label_column: Column = "label",
    score_column: Column = "score",
    generator_column: Column = "generator",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the results as JSON Lines.")
    ] = None,
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
    from unsung.evaluation.tables import markdown_table
    from unsung.scanning import Settings
    from unsung.scanning.figures import figures, result_lines
    from unsung.scanning.labelled import Columns

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
    if output is not None:
        output.write_text("".join(result_lines(summary.results)), encoding="utf-8")
    if json_:
        typer.echo("".join(result_lines(summary.results)), nl=False)
    else:
        typer.echo(markdown_table(summary.results))
    for reason, count in summary.left_out.items():
        typer.echo(f"left out: {count} ({reason})", err=True)
