# SPDX-License-Identifier: MIT
"""`unsung data frames`: cuts every file into frames of one length and rate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _data_common as c
from unsung.cli import _options as o
from unsung.cli._console import tell

__all__ = ["EXAMPLES", "frames"]

EXAMPLES = """Examples:

unsung data frames m.jsonl -o frames --seconds 1 --rate 22050 --trim    (as for WaveFake)

unsung data frames m.jsonl -o sonics --seconds 5 --rate 16000 --take three-quarter

unsung data frames m.jsonl -o npy --seconds 4 --rate 16000 --format npy --jobs 8

Writes OUT/frames and OUT/manifest.jsonl, one row a frame. Sound is mixed to mono. Interrupted runs
go on; files that were renamed are not done again, files that changed are."""


def frames(
    manifest: c.Listed,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    *,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of a frame.")] = 1.0,
    rate: Annotated[int, typer.Option("--rate", help="Sample rate of the frames, Hz.")] = 22050,
    take: Annotated[
        str,
        typer.Option(
            "--take", help="all whole frames, or one a file: random, middle, three-quarter."
        ),
    ] = "all",
    trim: Annotated[bool, typer.Option("--trim", help="Take silence out first, as SoX.")] = False,
    silence: Annotated[
        float, typer.Option("--silence", help="Shortest silence to take out, in seconds.")
    ] = 0.2,
    level: Annotated[
        float, typer.Option("--silence-level", help="What is silence: share of full scale.")
    ] = 0.01,
    most: Annotated[int, typer.Option("--most", help="Most frames of one file; 0: no limit.")] = 0,
    form: Annotated[str, typer.Option("--format", help="flac (16 bit) or npy (float32).")] = "flac",
    seed: o.Seed = 0,
    jobs: c.Processes = None,
    quiet: o.Quiet = False,
) -> None:
    """Cut the files of a manifest into frames, over processes, resumably."""
    from unsung.cli._run import quiet_libraries
    from unsung.data import iter_manifest
    from unsung.data._workers import cores
    from unsung.data.framing import Framing
    from unsung.data.manifests import read_head
    from unsung.data.preprocess import WRITTEN, preprocess
    from unsung.outputs import output_folder

    output_folder(output, (manifest,), WRITTEN, signs=("done.sqlite",))
    framing = Framing(seconds, rate, take, trim, silence, level, seed, most)  # type: ignore[arg-type]
    head = read_head(manifest)
    ticker = c.Ticker(quiet)
    with quiet_libraries():
        made = preprocess(
            iter_manifest(manifest),
            output,
            framing,
            form,  # type: ignore[arg-type]
            name=f"{head.name}-frames",
            version=head.version,
            jobs=jobs or cores(),
            on_row=lambda good, bad: ticker("cutting", good + bad, bad),
        )
    ticker.clear()
    if not quiet:
        tell(
            f"{output / 'manifest.jsonl'}: {made.n_frames} frames of {made.n_files} files "
            f"({made.n_known} done before)"
        )
    if c.say_problems(made.problems):
        raise typer.Exit(1)
