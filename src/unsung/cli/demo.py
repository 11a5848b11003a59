# SPDX-License-Identifier: MIT
"""`unsung demo`: scans sound that the program makes itself, or your song, with a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o

__all__ = ["demo"]


def demo(
    song: Annotated[str, typer.Argument(help="Your own file instead of the demo sound.")] = "",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the sound and the report.")
    ] = Path("demo"),
    detector: o.Detector = "default",
    seed: o.Seed = 0,
    opened: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
) -> None:
    """Make a little music, pass it through a neural decoder's arithmetic, and judge both."""
    from unsung.cli._console import LineWriter, use_colour
    from unsung.cli._run import run
    from unsung.scanning import Settings

    output.mkdir(parents=True, exist_ok=True)
    inputs = [song]
    if not song:
        from unsung.audio.sources import EXTENSIONS
        from unsung.synthesis.demo import make_demo

        made = make_demo(output / "sound", seed)
        inputs = [str(path) for path in made if path.suffix.lower() in EXTENSIONS]
    settings = Settings(detector, picture=True)
    run(inputs, settings, LineWriter(use_colour(True)), report=output / "report", opened=opened)
