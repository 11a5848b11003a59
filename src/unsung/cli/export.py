# SPDX-License-Identifier: MIT
"""`unsung export`: weights of any detector as a bundle that `scan --detector` takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell

__all__ = ["export"]


def export(
    source: Annotated[
        Path,
        typer.Argument(help="A run of `unsung train`, a weights folder, or a file of weights."),
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle's folder.")],
    detector: Annotated[
        str, typer.Option("--detector", help="Which detector a file of weights fits.")
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Setting of that detector; repeatable."),
    ] = None,
    released: Annotated[
        bool, typer.Option("--released", help="The file is that of the detector's authors.")
    ] = False,
    name: Annotated[str, typer.Option("--name", help="The bundle's name.")] = "",
    version: Annotated[str, typer.Option("--bundle-version", help="Of these weights.")] = "1",
    int8: Annotated[
        bool, typer.Option("--int8", help="Weights of 8 bits; the card states the logits' drift.")
    ] = False,
    sound: Annotated[
        list[Path] | None,
        typer.Option("--sound", help="Measure that drift on this file; repeatable."),
    ] = None,
    json_: o.AsJson = False,
) -> None:
    """Write a bundle without torch: NumPy front ends and an ONNX graph, proven equal to torch."""
    from unsung.training.exporting import Wanted
    from unsung.training.exporting import export as carry_out

    wanted = Wanted(
        detector, tuple(settings or ()), released, name, version, int8,
        tuple(str(path) for path in sound or ()),
    )  # fmt: skip
    made = carry_out(source, output, wanted)
    if json_:
        typer.echo(json.dumps(made.to_dict(), indent=2))
        return
    total = sum(made.sizes.values()) / 1e6
    tell(f"{made.name}: {made.detector}, {total:.1f} MB, calibration: {made.calibration}")
    if made.int8:
        drift = made.int8["drift_logit"]
        tell(
            f"8 bits: {made.int8['bytes_before']} to {made.int8['bytes']} bytes; logits of "
            f"{made.int8['measured_on']} move by {drift['mean_abs']:.3f} on average, "
            f"{drift['max_abs']:.3f} at most, {drift['sign_changes']} of {drift['windows']} "
            "change sign"
        )
    tell(f"written: {made.folder}")
