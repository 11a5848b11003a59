# SPDX-License-Identifier: MIT
"""`unsung diff`: what one detector catches and another misses, with the sound of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell

__all__ = ["diff"]


def diff(
    model_a: Annotated[
        str, typer.Argument(help="Name or folder of a bundle, or the folder of a training run.")
    ],
    model_b: Annotated[str, typer.Argument(help="The other one.")],
    *,
    data: Annotated[Path, typer.Option("--data", help="Labelled tracks, new to both.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder that is written.")],
    positive: o.Positive = "ai",
    false_alarm_rate: o.Rate = 0.01,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1.0, help="Length of each exported sound.")
    ] = 30.0,
    most: Annotated[
        int, typer.Option("--most", min=0, help="Sounds of each kind, the clearest first.")
    ] = 50,
    quiet: o.Quiet = False,
) -> None:
    """Judge tracks with two detectors; export what they disagree on and what both get wrong."""
    from unsung.training.diff import compare, in_words

    def told(model: str, done: int, total: int) -> None:
        if not quiet and sys.stderr.isatty():
            print(f"\r{model}: {done} of {total} tracks", end="", file=sys.stderr, flush=True)

    summary = compare(
        model_a, model_b, data, output,
        positive=tuple(positive.split(",")), false_alarm_rate=false_alarm_rate,
        seconds=seconds, most=most, on_track=told,
    )  # fmt: skip
    for line in in_words(summary, output):
        tell(line)
