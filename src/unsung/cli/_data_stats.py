# SPDX-License-Identifier: MIT
"""`unsung data stats`: what a manifest holds, as text, JSON or a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _data_common as c
from unsung.cli import _options as o
from unsung.cli._console import tell

if TYPE_CHECKING:
    from unsung.data.stats import Stats

__all__ = ["EXAMPLES", "stats"]

EXAMPLES = """Examples:

unsung data stats manifest.jsonl

unsung data stats manifest.jsonl --report page    (writes page/data.html, one file with plots)

unsung data stats manifest.jsonl --json | jq .labels

Only rows are read: measure the files first with `unsung data build`."""

Page = Annotated[
    Path | None, typer.Option("--report", help="Also write a page with plots into this folder.")
]


def stats(
    manifest: c.Listed, *, report: Page = None, json_: o.AsJson = False, seed: o.Seed = 0
) -> None:
    """Count labels, generators, splits, hours, formats and licences; measure confounds."""
    from unsung.data import read_manifest
    from unsung.data.stats import stats as story
    from unsung.outputs import output_folder

    if report is not None:
        from unsung.reports.page import PAGE

        output_folder(report, (manifest,), {"data.html": PAGE})
    counted = story(read_manifest(manifest), seed)
    if json_:
        typer.echo(json.dumps(counted.to_dict()))
    else:
        _print(counted)
    if report is not None:
        from unsung.reports.data_stats import write_data_stats

        tell(f"report: {write_data_stats(counted, report)}", err=True)


def _print(counted: Stats) -> None:
    tell(
        f"{counted.manifest} {counted.version}: {counted.n} tracks, {counted.hours:.2f} hours, "
        f"{counted.n_groups} groups, hash {counted.sha256[:12]}"
    )
    rows = [
        (cell.label, cell.generator or "–", cell.split or "–", str(cell.n), f"{cell.hours:.2f}")
        for cell in counted.cells
    ]
    heads = ("label", "generator", "split", "n", "hours")
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    for row in (heads, *rows):
        tell("  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip())
    for name, values in counted.properties.items():
        said = ", ".join(f"{value} {sum(n.values())}" for value, n in list(values.items())[:12])
        tell(f"{name}: {said}")
    for row_ in counted.confounds:
        mark = "  <- tells the classes apart" if row_.warn else ""
        tell(f"{row_.feature} alone: AUC {row_.auc:.2f} [{row_.low:.2f}, {row_.high:.2f}]{mark}")
