# SPDX-License-Identifier: MIT
"""Options that verbs share: one name, one help text, one check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUTS...",
        help="Files, folders, patterns, playlists, manifests, addresses, or - (standard input).",
    ),
]
Detector = Annotated[
    str, typer.Option("--detector", help="Name of a packaged bundle, or the folder of one.")
]
Rate = Annotated[
    float,
    typer.Option(
        "--false-alarm-rate", help="Share of human recordings that may be called AI, up to 0.5."
    ),
]
Prior = Annotated[
    float, typer.Option("--prior", help="Assumed share of AI tracks, for the probability only.")
]
Fast = Annotated[
    bool, typer.Option("--fast", help="Hear three windows of ten seconds, not everything.")
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Processes; by default one a core for many files."),
]
Resume = Annotated[
    Path | None,
    typer.Option("--resume", help="Append JSON Lines to this file; skip what it holds."),
]
Calibration = Annotated[
    Path | None,
    typer.Option("--calibration", help="Your own thresholds, made by `unsung calibrate`."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no summary on standard error.")
]
NoColour = Annotated[bool, typer.Option("--no-color", help="No colour.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print a CSV table and nothing else.")]
Parquet = Annotated[Path | None, typer.Option("--parquet", help="Also write a Parquet file.")]
Report = Annotated[
    Path | None, typer.Option("--report", help="Also write a page for each track, and an index.")
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of what is drawn at random.")]
Table = Annotated[
    Path, typer.Argument(help="Labelled tracks (CSV or .jsonl), with or without scores.")
]
Scores = Annotated[
    Path | None, typer.Option("--scores", help="CSV of another detector's scores, by path.")
]
Groups = Annotated[str, typer.Option("--groups", help="Column of tracks that belong together.")]
Positive = Annotated[
    str,
    typer.Option(
        "--positive", help="Labels that count as AI: ai, ai,resynth, or 0 where 1 is human."
    ),
]
HigherIs = Annotated[
    str, typer.Option("--higher-is", help="What a high score of the table says: ai or human.")
]
Results = Annotated[
    Path | None, typer.Option("--output", "-o", help="Also write the results as JSON Lines.")
]
Column = Annotated[str, typer.Option(help="Name of this column in the CSV.")]
