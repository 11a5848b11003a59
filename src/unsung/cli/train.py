# SPDX-License-Identifier: MIT
"""`unsung train`: trains a detector by a recipe, or lists the recipes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import ProgressLine
from unsung.core.text import clock

if TYPE_CHECKING:
    from unsung.training.logs import Progress

__all__ = ["train"]


def train(
    recipe: Annotated[
        str, typer.Argument(help="Name of a recipe or its TOML file; all are listed if none.")
    ] = "",
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Manifest to train on; may be given several times."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value, replaces a value of the recipe: optimiser.lr=1e-4."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", help="key=[values]: trains every combination: run.seed=[0,1,2]."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; runs/NAME by default.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again instead of going on from the checkpoint.")
    ] = False,
    slurm: Annotated[
        bool, typer.Option("--slurm", help="Submit as a Slurm job; see slurm.*, --set.")
    ] = False,
    quiet: o.Quiet = False,
) -> None:
    """Train a detector: checkpoints, logs, thresholds, a card. Goes on where it was killed."""
    from unsung.training import call

    if not recipe:
        for name, summary in call.listed():
            typer.echo(typer.style(name, bold=True) + f"  {summary}")
        return
    wish = call.Wish(
        recipe, tuple(data or ()), tuple(settings or ()), tuple(grid or ()), output, fresh, slurm
    )
    for line in call.carry_out(wish, None if quiet else drawn()):
        typer.echo(line)


def drawn() -> Callable[[Progress], None]:
    """Return what draws where a run stands, its speed and the time left."""
    line = ProgressLine(every_s=0.5, logged=True)

    def draw(progress: Progress) -> None:
        keep = bool(progress.note) or progress.stage == "measuring"
        line.draw(in_words(progress), keep=keep)

    return draw


def in_words(progress: Progress) -> str:
    """Return a line of progress."""
    if progress.stage != "training":
        return f"{progress.stage}: {progress.done} of {progress.total} tracks"
    words = [f"epoch {progress.epoch} of {progress.epochs}", f"step {progress.done}"]
    words += [f"loss {progress.loss:.4f}"] if progress.loss is not None else []
    words += [progress.note] if progress.note else []
    words += [f"{progress.audio_s_per_s:.0f} s of sound/s"] if progress.audio_s_per_s else []
    words += [f"{clock(progress.left_s)} left"] if progress.left_s else []
    return ", ".join(words)
