# SPDX-License-Identifier: MIT
"""`unsung reproduce`: runs an experiment to its page, or lists the experiments."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import ProgressLine, tell
from unsung.core.settings import pair
from unsung.core.text import clock

if TYPE_CHECKING:
    from unsung.reproduce.run import Progress
    from unsung.types import Result

__all__ = ["reproduce"]

RESULTS = Path("results")


def reproduce(
    name: Annotated[
        str, typer.Argument(help="Name of an experiment or its TOML file; all are listed if none.")
    ] = "",
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Run every experiment that does not wait for something.")
    ] = False,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="NAME=PATH of a manifest that the experiment names."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value, replaces a value of the file: select.n_ai=10."),
    ] = None,
    jobs: o.Jobs = None,
    slurm: Annotated[
        bool,
        typer.Option("--slurm", help="Score as Slurm jobs; see slurm.partition and others, --set."),
    ] = False,
    ray: Annotated[
        str, typer.Option("--ray", help="Score on the Ray cluster at this address, or 'local'.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; results/NAME by default.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=2, help="At most so many tracks, to try out.")
    ] = None,
    quiet: o.Quiet = False,
) -> None:
    """Run an experiment: scores, numbers with intervals, a page. Goes on where it was killed."""
    from unsung import reproduce as story

    if not name and not everything:
        for found in story.experiments(RESULTS):
            typer.echo(typer.style(found.name, bold=True) + f"  [{found.state}]")
            tell(f"  {found.question}")
        return
    from unsung.cli._run import quiet_libraries

    call = story.Call(
        data=dict(pair(text, "--data", "music=music.csv") for text in data or ()),
        settings=tuple(settings or ()),
        jobs=jobs,
        slurm=slurm,
        ray=ray,
        limit=limit,
    )
    progress = (lambda: lambda _: None) if quiet else _drawn
    with quiet_libraries():
        if everything:
            for done in story.run_all(name, output or RESULTS, call, progress, typer.echo):
                _say(*done)
        else:
            _say(*story.run_one(story.find(name), output, RESULTS, call, progress()))


def _say(folder: Path, results: list[Result]) -> None:
    tell(f"{len(results)} numbers, page: {folder / 'index.html'}")


def _drawn() -> Callable[[Progress], None]:
    """Return what draws a line with the time left."""
    line, start_s = ProgressLine(every_s=0.5, logged=True), time.monotonic()

    def draw(progress: Progress) -> None:
        made, left = progress.done - progress.skipped, progress.total - progress.done
        text = f"{progress.done} of {progress.total} scores"
        text += f", {progress.failed} failed" if progress.failed else ""
        if made and left:
            text += f", {clock((time.monotonic() - start_s) / made * left)} left"
        line.draw(text, keep=not left)

    return draw
