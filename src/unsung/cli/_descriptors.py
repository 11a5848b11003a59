# SPDX-License-Identifier: MIT
"""`unsung descriptors`: a table of descriptors and embeddings of many files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _data_common as c
from unsung.cli import _options as o
from unsung.cli._console import tell

__all__ = ["EXAMPLES", "descriptors"]

EXAMPLES = """Examples:

unsung descriptors manifest.jsonl --out table.csv

unsung descriptors music.csv --out table.parquet --embedding facebook/wav2vec2-base --layer 9"""

Out = Annotated[Path, typer.Option("--out", "-o", help="Table to write: .csv or .parquet.")]
Checkpoint = Annotated[
    str | None,
    typer.Option("--embedding", help="Folder or hub name of a waveform encoder to add."),
]
Layer = Annotated[int, typer.Option("--layer", help="Layer of the encoder; -1 is the last.")]
Longest = Annotated[
    float, typer.Option("--longest", help="Seconds heard, from the middle of longer files.")
]


def descriptors(
    manifest: c.Listed,
    *,
    out: Out,
    embedding: Checkpoint = None,
    layer: Layer = -1,
    longest: Longest = 30.0,
    jobs: c.Processes = None,
    quiet: o.Quiet = False,
) -> None:
    """Write centroid, entropy, MFCC and an embedding of every file as one table."""
    from unsung.data import read_manifest
    from unsung.outputs import output_file
    from unsung.training.descriptor_table import TABLE, describe, write_descriptors

    output_file(out, (manifest,), TABLE)
    ticker = c.Ticker(quiet)
    found = describe(
        read_manifest(manifest).tracks,
        checkpoint=embedding,
        layer=layer,
        longest_s=longest,
        jobs=jobs or 1,
        on_progress=lambda done, _: ticker("described", done),
    )
    write_descriptors(found.table, out)
    for path, reason in found.problems.items():
        tell(f"left out {path}: {reason}", err=True)
    if not quiet:
        cpu = "" if found.cpu_s is None else f", {found.cpu_s:.1f} CPU-seconds"
        tell(
            f"{out}: {len(found.table.files)} files, {len(found.table.columns)} columns, "
            f"{found.audio_s:.0f} s of sound in {found.wall_s:.1f} s{cpu}",
            err=True,
        )
    if found.problems:
        raise typer.Exit(1)
