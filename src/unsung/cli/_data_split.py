# SPDX-License-Identifier: MIT
"""`unsung data split`: parts or folds without a leak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _data_common as c
from unsung.cli import _options as o
from unsung.cli._console import tell

if TYPE_CHECKING:
    from unsung.types import Manifest

__all__ = ["EXAMPLES", "split"]

EXAMPLES = """Examples:

unsung data split m.jsonl -o split.jsonl --parts train=0.8,valid=0.1,test=0.1

unsung data split m.jsonl -o folds.jsonl --folds 5 --resplit

unsung data split m.jsonl -o unseen.jsonl --unseen-generator Suno-v4 --resplit    (only in test)

unsung data split m.jsonl -o s.jsonl --by group,family    (no family of generators in two parts)

Tracks that share a value of a --by field, directly or through others, stay together; labels are
spread as evenly as that allows. --sound listens, too: what `data check` calls the same sound stays
together, whatever its name. Splits that the corpus came with are kept unless --resplit."""


def split(
    manifest: c.Listed,
    output: Annotated[Path, typer.Option("--output", "-o", help="Manifest to write.")],
    *,
    parts: Annotated[
        str, typer.Option("--parts", help="Names and shares of the parts.")
    ] = "train=0.8,valid=0.1,test=0.1",
    folds: Annotated[
        int, typer.Option("--folds", help="Equal folds 0 to k-1 instead of parts.")
    ] = 0,
    by: Annotated[
        str, typer.Option("--by", help="Fields that hold tracks together, with commas.")
    ] = "group,recording,pair_id",
    sound: Annotated[
        bool, typer.Option("--sound", help="Also hold together what sounds the same.")
    ] = False,
    unseen: Annotated[
        list[str] | None,
        typer.Option("--unseen-generator", help="Only the test part has it; may be repeated."),
    ] = None,
    unseen_part: Annotated[str, typer.Option("--unseen-part", help="Name of that part.")] = "test",
    resplit: Annotated[
        bool, typer.Option("--resplit", help="Drop the splits that the manifest has.")
    ] = False,
    seed: o.Seed = 0,
    jobs: c.Processes = None,
    cache: c.CacheFile = None,
    quiet: o.Quiet = False,
) -> None:
    """Set the split of every track so that nothing stands on two sides."""
    from unsung.data import read_manifest, write_manifest
    from unsung.data.manifests import MANIFEST
    from unsung.data.split import fold_parts, parse_parts, split_counts
    from unsung.data.split import split as story
    from unsung.outputs import output_file

    output_file(output, (manifest, cache), MANIFEST)
    c.cache_path(cache, manifest, output)
    given = read_manifest(manifest)
    made = story(
        given,
        fold_parts(folds) if folds else parse_parts(parts),
        by=[field for field in by.replace(" ", "").split(",") if field],
        seed=seed,
        unseen=unseen or (),
        unseen_part=unseen_part,
        together=_sound_pairs(given, jobs, cache) if sound else (),
        keep=not resplit,
    )
    write_manifest(output, made.name, made.version, made)
    kept = sum(bool(track.split) for track in given)
    if kept and not resplit:
        tell(f"kept: {kept} tracks had a split already (--resplit drops it)", err=True)
    if not quiet:
        for part, counts in split_counts(made).items():
            said = ", ".join(f"{n} {label}" for label, n in counts.items())
            tell(f"{part}: {sum(counts.values())} tracks ({said})")


def _sound_pairs(manifest: Manifest, jobs: int | None, cache: Path | None) -> list[tuple[str, str]]:
    from unsung.cli._run import quiet_libraries
    from unsung.data._workers import cores
    from unsung.data.cache import Cache
    from unsung.data.duplicates import sound_pairs

    with quiet_libraries(), Cache(c.cache_path(cache)) as kept:
        return sound_pairs(manifest, kept, jobs or cores())
