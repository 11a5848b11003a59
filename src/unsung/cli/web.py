# SPDX-License-Identifier: MIT
"""`unsung web`: the scanner as a page in the browser; the sound stays on the machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell
from unsung.scratch import Scratch

__all__ = ["web"]


def web(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the site into this folder; nothing is opened."),
    ] = None,
    extension: Annotated[
        Path | None,
        typer.Option("--extension", help="Write the browser extension into this folder."),
    ] = None,
    detector: o.Detector = "default",
    runtime: Annotated[
        Path | None,
        typer.Option("--runtime", help="dist/ of onnxruntime-web; else npm fetches it once."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8765,
    opened: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Scan in the browser: drop a song, or listen to the microphone or a tab."""
    from unsung import web as story

    if extension is not None:
        made = story.write_extension(extension, detector, runtime)
        tell(f"extension: {made.folder} ({made.total_bytes / 1e6:.1f} MB)")
    if output is not None:
        made = story.write_site(output, detector, runtime)
        tell(
            f"site: {made.folder} ({made.loaded_bytes / 1e6:.1f} MB loaded, "
            f"{made.total_bytes / 1e6:.1f} MB in all)"
        )
    if output is not None or extension is not None:
        return
    with Scratch("web") as folder, suppress(KeyboardInterrupt):  # a server has no other end
        made = story.write_site(folder / "site", detector, runtime)

        def ready(address: str) -> None:
            tell(f"open {address} (Ctrl-C ends it)")

        story.serve(made.folder, port, opened=opened, ready=ready)
