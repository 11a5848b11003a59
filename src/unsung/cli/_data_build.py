# SPDX-License-Identifier: MIT
"""`unsung data build`: a corpus, folder or table becomes a manifest with measured facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _data_common as c
from unsung.cli import _options as o
from unsung.cli._console import tell, tell_left_out

__all__ = ["EXAMPLES", "build"]

EXAMPLES = """Examples:

unsung data build my-music -o my-music/manifest.jsonl    (my-music/human, my-music/ai/Suno, ...)

unsung data build tracks.csv -o tracks.jsonl    (columns path and label; see below)

unsung data build ~/wavefake --corpus wavefake -o wavefake.parquet

unsung data build ~/saved --corpus huggingface -o saved.jsonl

`unsung list datasets` names the corpora. Of a table, the columns path and label (human, ai,
resynth, mixed, real, fake, ...) are needed; generator, group, recording, pair_id, split, licence
and others are taken where they stand. Paths below the manifest's folder are written relative to it.
Facts are cached by content: a second build reads only what changed. Beside the manifest stand its
card (NAME.README.md), Croissant metadata and a plain table."""


def build(
    source: Annotated[
        Path, typer.Argument(help="Folder, table (.csv, .tsv) or manifest to measure anew.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Manifest to write: .jsonl, or .parquet.")
    ],
    *,
    corpus: Annotated[
        str, typer.Option("--corpus", help="How the folder is laid out: a name of `list datasets`.")
    ] = "",
    subset: Annotated[str, typer.Option("--subset", help="Part of the corpus.")] = "",
    name: Annotated[str, typer.Option("--name", help="Of the manifest; else the file's.")] = "",
    version: Annotated[str, typer.Option("--set-version", help="Version of the manifest.")] = "1",
    cards: Annotated[
        bool, typer.Option("--cards/--no-cards", help="Also write card, Croissant and table.")
    ] = True,
    jobs: c.Processes = None,
    cache: c.CacheFile = None,
    quiet: o.Quiet = False,
) -> None:
    """Write a manifest: labels from the source; hash, length, rate and codec from the files.

    Files that cannot be read are left out and listed in NAME.problems.jsonl (exit code 1).
    """
    from unsung.cli._run import quiet_libraries
    from unsung.data import iter_manifest
    from unsung.data._workers import cores
    from unsung.data.build import beside, source_tracks
    from unsung.data.build import build as story
    from unsung.data.cache import Cache
    from unsung.data.cards import write_cards
    from unsung.data.datasets._folder import left_out_below
    from unsung.data.manifests import TABLES
    from unsung.data.table import labels_are_numbers
    from unsung.outputs import output_file
    from unsung.types import Manifest

    for path, kind in beside(output, cards).items():
        output_file(path, (source, cache), kind)
    ticker = c.Ticker(quiet)
    with quiet_libraries(), Cache(c.cache_path(cache, source)) as kept:
        built = story(
            source_tracks(source, corpus, subset),
            output,
            kept,
            name=name,
            version=version,
            jobs=jobs or cores(),
            on_row=lambda good, bad: ticker("reading", good + bad, bad),
        )
    ticker.clear()
    if cards:
        own = tuple(iter_manifest(output, resolve=False))
        write_cards(Manifest(built.head.name, built.head.version, own), output)
    if not quiet:
        tell(
            f"{output}: {built.n_tracks} tracks, {built.hours:.2f} hours, "
            f"hash {built.head.sha256[:12]}"
        )
    if not corpus and source.is_dir():
        tell_left_out(left_out_below(source))
    elif not corpus and source.suffix.lower() in TABLES and labels_are_numbers(source):
        tell("labels: 0 was read as human, 1 as ai", err=True)
    if built.n_problems:
        tell(f"left out: {built.n_problems} files, listed in {built.problems}", err=True)
        raise typer.Exit(1)
