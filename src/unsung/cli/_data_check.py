# SPDX-License-Identifier: MIT
"""`unsung data check`: what would make a number measured on this set a lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _data_common as c
from unsung.cli import _options as o
from unsung.cli._console import tell

if TYPE_CHECKING:
    from unsung.data.check import Report

__all__ = ["EXAMPLES", "check"]

EXAMPLES = """Examples:

unsung data check manifest.jsonl

unsung data check manifest.jsonl --no-sound    (headers, hashes and splits only: quick)

unsung data check manifest.jsonl --json > report.json

Errors (exit code 1): files missing, unreadable or changed; ids or paths twice; equal files under
two labels; a group, recording, pair, file or sound in two splits. Warnings: duplicates inside a
split, the same sound in two groups, and properties such as the codec that tell the classes apart
without listening. Sound is compared by fingerprint, whatever name, codec, level, rate or cut."""


def check(
    manifest: c.Listed,
    *,
    sound: Annotated[
        bool, typer.Option("--sound/--no-sound", help="Compare how the files sound, too.")
    ] = True,
    max_error: Annotated[
        float, typer.Option("--max-bit-error", help="Share of bits that may differ in one sound.")
    ] = 0.3,
    min_overlap: Annotated[
        float, typer.Option("--min-overlap", help="Shortest common stretch, in seconds.")
    ] = 2.5,
    json_: o.AsJson = False,
    seed: o.Seed = 0,
    jobs: c.Processes = None,
    cache: c.CacheFile = None,
    quiet: o.Quiet = False,
) -> None:
    """Look for missing and broken files, duplicates, leaks between splits, and confounds."""
    from unsung.cli._run import quiet_libraries
    from unsung.data import read_manifest
    from unsung.data._workers import cores
    from unsung.data.cache import Cache
    from unsung.data.check import check as story

    ticker = c.Ticker(quiet)
    with quiet_libraries(), Cache(c.cache_path(cache, manifest)) as kept:
        report = story(
            read_manifest(manifest),
            kept,
            jobs=jobs or cores(),
            sound=sound,
            max_error=max_error,
            min_overlap_s=min_overlap,
            seed=seed,
            on_row=ticker,
        )
    ticker.clear()
    _print(report, manifest, json_)
    if report.n_errors:
        raise typer.Exit(1)


def _print(report: Report, path: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_dict() | {"n_errors": report.n_errors}))
        return
    tell(f"{path}: {report.n_tracks} tracks, {report.n_heard} compared by sound")
    for finding in report.findings:
        tell(f"{finding.level}: {finding.kind}: {finding.count} {finding.message}")
        if finding.kind.startswith("confound") or finding.level == "note":
            continue
        for example in finding.examples[:5]:
            tell(f"    {example}")
    if not report.findings:
        typer.echo("nothing found: no missing file, duplicate, leak or confound")
    if report.confounds:
        typer.echo("confounds (human against all else):")
    for row in report.confounds:
        v = "V    –" if row.cramers_v is None else f"V {row.cramers_v:.2f}"
        p = "" if row.p_value is None else f"p {row.p_value:.1g}"
        tell(
            f"    {row.feature:<16} {v}  {p:<9} AUC {row.auc:.2f} [{row.low:.2f}, {row.high:.2f}]"
            f"  n {row.n_human}+{row.n_other}, {row.n_groups} groups  {row.mostly}"
        )
