# SPDX-License-Identifier: MIT
"""`unsung instruments`: which of twelve instruments sound in a song, when, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import printable, tell

if TYPE_CHECKING:
    from unsung.runtime.instruments import Hearing

__all__ = ["instruments"]


def instruments(
    songs: o.Inputs,
    *,
    model: Annotated[
        Path | None, typer.Option("--model", help="Folder of a network of your own training.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Folder for a page of each song: when, and where."),
    ] = None,
    method: Annotated[
        str,
        typer.Option("--with", help="Of the page's pictures: crp (needs torch), occlusion, auto."),
    ] = "auto",
    every: Annotated[
        bool, typer.Option("--all", help="Also print instruments that are not named.")
    ] = False,
    json_: o.AsJson = False,
) -> None:
    """Name the instruments of a song, by a network that learned them from rendered notes.

    Try: unsung instruments song.mp3 --report pages
    """
    from unsung.cli._run import quiet_libraries
    from unsung.outputs import output_folder
    from unsung.reports.instruments import hear_all
    from unsung.reports.page import PAGE
    from unsung.runtime.instruments import load_instruments

    if report is not None:
        output_folder(report, songs, {"*.html": PAGE})
    loaded = load_instruments(model)
    failed = False
    with quiet_libraries():
        for found in hear_all(songs, loaded, report, method):
            failed = failed or bool(found.error)
            typer.echo(json.dumps(found.to_dict()) if json_ else _lines(found, every))
    if report is not None:
        tell(f"pages: {report}", err=True)
    if not json_:
        typer.echo(loaded.info["card"]["recordings"], err=True)
    if failed:
        raise typer.Exit(1)


def _lines(found: Hearing, every: bool) -> str:
    from unsung.core.text import clock
    from unsung.reports.words import percent, sureness

    if found.error:
        return printable(f"error: {found.error}")
    rows = [row for row in found.instruments if row.heard or every]
    lines = [f"{printable(found.path)}  {clock(found.duration_s)}"]
    if not any(row.heard for row in rows):
        lines.append(f"  none of the {len(found.instruments)} instruments it knows")
    for row in rows:
        spans = ", ".join(f"{clock(a)}–{clock(min(b, found.duration_s))}" for a, b in row.spans)
        mark = "" if row.heard else "  (not named)"
        lines.append(
            f"  {row.name:26} {sureness(row.probability):>6}  in {percent(row.share)} of it"
            f"{'  ' + spans if spans else ''}{mark}"
        )
    return "\n".join(lines)
