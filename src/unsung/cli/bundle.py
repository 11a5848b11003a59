# SPDX-License-Identifier: MIT
"""`unsung bundle`: what a detector is, what it was trained on and where it fails."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from unsung.cli import _options as o

__all__ = ["app"]

app = typer.Typer(help="Look into a detector.", no_args_is_help=True)
_LONGEST = 12  # longer lists of numbers (the calibration's logits) are only counted


@app.callback()
def _bundle() -> None:
    """Look into a detector."""


@app.command("info")
def info(
    name: Annotated[
        str, typer.Argument(help="Name of a packaged bundle, or the folder of one.")
    ] = "default",
    json_: o.AsJson = False,
    efficiency: Annotated[
        bool, typer.Option("--efficiency", help="Also measure time, memory, size and arithmetic.")
    ] = False,
) -> None:
    """Show a bundle: hash, calibration, thresholds, model card."""
    from unsung.runtime import load_bundle

    bundle = load_bundle(name)
    limits = [bundle.thresholds(rate).to_dict() for rate in (0.05, 0.01, 0.001)]
    values: dict[str, Any] = {
        "name": bundle.name,
        "sha256": bundle.sha256,
        "path": str(bundle.path),
    }
    if efficiency:
        from unsung.scanning.efficiency import efficiency as measure

        values["efficiency"] = measure(bundle).to_dict()
    if json_:
        typer.echo(json.dumps({**bundle.info, **values, "thresholds": limits}, indent=2))
        return
    for line in _lines({**values, **bundle.info, "name": bundle.name, "thresholds": limits}, 0):
        typer.echo(line)


def _lines(value: Any, depth: int) -> list[str]:
    """Return nested values as indented lines."""
    pad = "  " * depth
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            inner = _lines(item, depth + 1)
            lines += (
                [f"{pad}{key}: {inner[0].strip()}"] if _flat(item) else [f"{pad}{key}:", *inner]
            )
        return lines
    if isinstance(value, list) and not _flat(value):
        return [line for item in value for line in _item(item, depth)]
    if isinstance(value, list):
        text = f"{len(value)} values" if len(value) > _LONGEST else ", ".join(map(str, value))
        return [pad + (text or "none")]
    return [f"{pad}{value}"]


def _item(value: Any, depth: int) -> list[str]:
    lines = _lines(value, depth + 1)
    return ["  " * depth + "- " + lines[0].lstrip(), *lines[1:]]


def _flat(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(item, dict | list) for item in value) and not any(
            isinstance(item, str) and len(item) > 40 for item in value
        )
    return not isinstance(value, dict)
