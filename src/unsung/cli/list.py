# SPDX-License-Identifier: MIT
"""`unsung list`: what this installation can do, by kind and name."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from unsung.cli import _options as o

__all__ = ["list_names"]


def list_names(
    kind: Annotated[
        str, typer.Argument(help="attacks, detectors, frontends, bundles, ...; all if left out.")
    ] = "",
    json_: o.AsJson = False,
) -> None:
    """List the names of a kind with one line about each."""
    from unsung.scanning.names import entries

    found = entries(kind)
    if json_:
        typer.echo(json.dumps(found, indent=2))
        return
    width = max((len(entry["name"]) for entry in found), default=0)
    heading = ""
    for entry in found:
        if entry["kind"] != heading:
            heading = entry["kind"]
            typer.echo(typer.style(heading, bold=True))
        typer.echo(f"  {entry['name']:<{width}}  {entry['summary']}".rstrip())
