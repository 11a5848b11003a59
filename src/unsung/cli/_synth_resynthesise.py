# SPDX-License-Identifier: MIT
"""`unsung synth resynthesise`: human music through decoders, as pairs with a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell
from unsung.core.settings import pair
from unsung.errors import UsageError

if TYPE_CHECKING:
    from unsung.synthesis.resynthesise import Summary

__all__ = ["resynthesise"]


def resynthesise(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="Human music: a file, a folder, or a manifest (.csv, .jsonl: rows labelled human)",
        ),
    ] = "",
    *,
    systems: Annotated[
        str,
        typer.Option(
            "--with",
            help="Systems, by commas: lyra, lyra:3.2kbps, encodec:24khz-6kbps, zoo:64 (each track "
            "through one of 64 small decoders), zoo@17 (all tracks through member 17).",
        ),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for FLAC files and manifest.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights",
            help="SYSTEM=PATH of weights on this disk, such as lyra=models/lyra; may be repeated.",
        ),
    ] = None,
    originals: Annotated[
        bool,
        typer.Option(
            "--originals/--no-originals",
            help="Also write the originals in the same format, so that codec is no confound.",
        ),
    ] = False,
    rate_hz: Annotated[
        int | None,
        typer.Option("--rate", min=8000, help="Rate in Hz of all files; by default each its own."),
    ] = None,
    bits: Annotated[int, typer.Option("--bits", help="Bits of the FLAC files: 16 or 24.")] = 16,
    seed: o.Seed = 0,
    jobs: o.Jobs = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Show systems with settings, rates and licences.")
    ] = False,
    quiet: o.Quiet = False,
    json_: o.AsJson = False,
) -> None:
    """Send human music through neural decoders: same music, only the decoder's traces differ.

    A detector trained on these pairs cannot learn genre, mix or performer. Copies are labelled
    resynth, carry the pair_id of their original, and keep its length and timing. A copy ends at
    half its system's rate: with --rate 16000 --originals the band tells nothing either.

    Example: unsung synth resynthesise music/ --with lyra,zoo:64 -o pairs --originals

    A run that was stopped goes on when the same command is given again.
    """
    if list_:
        _print_list()
        return
    if not source or not systems or output is None:
        missing = "SRC" if not source else "--with" if not systems else "--output"
        raise UsageError(
            f"expected {missing}, got none; write for example "
            "`unsung synth resynthesise music/ --with lyra,zoo:64 -o pairs`, "
            "or `unsung synth resynthesise --list` for what there is"
        )
    from unsung.synthesis.resynthesise import resynthesise as run

    done = run(
        source,
        systems,
        output,
        weights=_weights(weights or []),
        originals=originals,
        rate_hz=rate_hz,
        bits=bits,
        seed=seed,
        jobs=jobs or 1,
        on_row=None if quiet or json_ else _show,
    )
    if json_:
        import json

        typer.echo(json.dumps(done.to_dict()))
    else:
        _print(done)
    if done.problems:
        raise typer.Exit(1)


def _weights(given: list[str]) -> dict[str, Path]:
    named = (pair(item, "--weights", "lyra=weights/lyra") for item in given)
    return {name: Path(path) for name, path in named}


def _show(row: Any) -> None:
    from unsung.cli._console import printable

    state = row.get("problem") or "done"
    tell(f"{printable(row['track'])}  {row['system']}  {printable(state)}", err=True)


def _print(done: Summary) -> None:
    from unsung.cli._console import printable

    tell(f"{done.copies} copies of {done.tracks} tracks ({done.resumed} were there already)")
    if done.left_out:
        tell(f"{done.left_out} rows of the manifest are not labelled human and were left out")
    for item in done.systems:
        tell(
            f"{item.name:<24} {item.copies:>5} copies  {item.times_real_time:>7.1f}x real time  "
            f"SNR {item.snr_db:5.1f} dB  log-spectral distance {item.distance_db:4.1f} dB  "
            f"lag {item.lag:g} samples"
        )
    if done.problems:
        tell(f"{len(done.problems)} problems; they are in rows.jsonl", err=True)
    tell(f"manifest: {printable(done.manifest)}")


def _print_list() -> None:
    from unsung import registry

    for name in registry.names("resynthesis"):
        kind = registry.get("resynthesis", name)
        tell(f"{name:<16}  {registry.summary('resynthesis', name)}")
        shown = ", ".join(kind.settings[:12]) + (", ..." if len(kind.settings) > 12 else "")
        tell(f"{'':<16}  {shown}; licence {kind.licence}")
