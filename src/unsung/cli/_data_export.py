# SPDX-License-Identifier: MIT
"""`unsung data sample` and `unsung data export`: smaller sets, and other tools' forms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _data_common as c
from unsung.cli import _options as o
from unsung.cli._console import tell

__all__ = ["EXPORT_EXAMPLES", "SAMPLE_EXAMPLES", "export", "sample"]

SAMPLE_EXAMPLES = """Examples:

unsung data sample m.jsonl -n 50 -o mini.jsonl

unsung data sample m.jsonl -n 20 -o mini/manifest.jsonl --copy mini --cut 10    (10 s as FLAC)

n is for each pair of label and generator. Whole groups go first, single tracks fill up; the same
seed gives the same set."""

EXPORT_EXAMPLES = """Examples:

unsung data export m.jsonl --to csv -o m.csv

unsung data export m.jsonl --to webdataset -o shards    (shards/shard-000000.tar, ...)

unsung data export m.jsonl --to datasets -o hf    (datasets.load_from_disk("hf"))

Forms: jsonl, parquet and csv hold paths; webdataset and datasets hold the files' bytes."""


def sample(
    manifest: c.Listed,
    output: Annotated[Path, typer.Option("--output", "-o", help="Manifest to write.")],
    *,
    n: Annotated[int, typer.Option("-n", help="Most tracks of each label and generator.")] = 50,
    copy: Annotated[
        Path | None, typer.Option("--copy", help="Also copy the sound into this folder.")
    ] = None,
    cut: Annotated[
        float | None, typer.Option("--cut", help="Seconds from the middle instead of whole files.")
    ] = None,
    seed: o.Seed = 0,
    jobs: c.Processes = None,
    quiet: o.Quiet = False,
) -> None:
    """Draw a mini-set: n tracks for each generator and class."""
    from unsung.cli._run import quiet_libraries
    from unsung.data import read_manifest, write_manifest
    from unsung.data._workers import cores
    from unsung.data.manifests import MANIFEST
    from unsung.data.sample import copy_audio
    from unsung.data.sample import sample as story
    from unsung.errors import UsageError
    from unsung.outputs import output_file

    output_file(output, (manifest,), MANIFEST)
    if cut is not None and copy is None:
        raise UsageError("expected --copy FOLDER together with --cut: cuts must stand somewhere")
    chosen, failed = story(read_manifest(manifest), n, seed), False
    if copy is not None:
        ticker = c.Ticker(quiet)
        with quiet_libraries():
            made = copy_audio(
                chosen,
                copy,
                cut,
                jobs=jobs or cores(),
                on_row=lambda count: ticker("copying", count),
            )
        ticker.clear()
        chosen, failed = made.manifest, c.say_problems(made.problems)
    write_manifest(output, chosen.name, chosen.version, chosen)
    if not quiet:
        tell(f"{output}: {len(chosen)} tracks")
    if failed:
        raise typer.Exit(1)


def export(
    manifest: c.Listed,
    output: Annotated[Path, typer.Option("--output", "-o", help="File or new folder to write.")],
    *,
    form: Annotated[str, typer.Option("--to", help="csv, datasets, jsonl, parquet or webdataset.")],
    shard_tracks: Annotated[
        int, typer.Option("--shard-tracks", min=1, help="Most tracks in one WebDataset shard.")
    ] = 1000,
    quiet: o.Quiet = False,
) -> None:
    """Write a manifest, with its sound where the form holds it, for other tools."""
    from unsung.data import read_manifest
    from unsung.data.export import export as story
    from unsung.data.export import export_file
    from unsung.outputs import output_file

    if (file := export_file(output, form)) is not None:
        output_file(file[0], (manifest,), file[1])
    ticker = c.Ticker(quiet)
    left_out = story(
        read_manifest(manifest),
        output,
        form,
        shard_tracks=shard_tracks,
        on_row=lambda count: ticker("writing", count),
    )
    ticker.clear()
    for line in left_out[:5]:
        tell(f"left out: {line}", err=True)
    if not quiet:
        tell(f"{output}: {form}")
    if left_out:
        tell(f"left out: {len(left_out)} files in all", err=True)
        raise typer.Exit(1)
