# SPDX-License-Identifier: MIT
"""`unsung attack`: does to a song what the world or a forger would do, and writes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell
from unsung.errors import UsageError

if TYPE_CHECKING:
    from unsung.attacks import Attacked

__all__ = ["attack"]


def attack(
    song: Annotated[str, typer.Argument(help="File, address, or - (standard input).")] = "",
    *,
    chain: Annotated[
        str,
        typer.Option(
            "--with", help="Attack, preset or chain: pitch_shift, youtube, mp3@64+pitch_shift@1."
        ),
    ] = "",
    strength: Annotated[
        float | None, typer.Option("--strength", help="Strength of a single attack, in its unit.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write: wav, flac, ogg, opus or mp3."),
    ] = None,
    partner: Annotated[
        Path | None, typer.Option("--partner", help="Second song, for mix and transplant.")
    ] = None,
    seed: o.Seed = 0,
    list_: Annotated[
        bool, typer.Option("--list", help="Show attacks with units and strengths, and presets.")
    ] = False,
    json_: o.AsJson = False,
) -> None:
    """Change a song: re-encode, transpose, filter, add noise; alone or in a chain."""
    if list_:
        _print_list()
        return
    if not song or not chain or output is None:
        missing = "SONG" if not song else "--with" if not chain else "--output"
        raise UsageError(
            f"expected {missing}, got none; write for example "
            "`unsung attack song.mp3 --with pitch_shift --strength 2 -o out.wav`, "
            "or `unsung attack --list` for what there is"
        )
    from unsung.attacks import attack_source

    done = attack_source(song, chain, output, strength=strength, seed=seed, partner=partner)
    if json_:
        import json

        typer.echo(json.dumps(done.to_dict()))
    else:
        _print(done, output)


def _print(done: Attacked, output: Path) -> None:
    from unsung.cli._console import printable
    from unsung.core.text import clock

    tell(f"did:     {done.chain} (seed {done.seed})")
    tell(f"length:  {clock(done.duration_s)} -> {clock(done.attacked_s)}")
    distance = "unchanged" if done.kept_time else "none, time was moved"
    distance = distance if done.snr_db is None else f"{done.snr_db:.1f} dB"
    tell(f"SNR:     {distance}; long-term spectra differ by {done.spectrum_db:.1f} dB")
    tell(f"written: {printable(str(output))}")
    if done.peak > 1 and output.suffix.lower() != ".wav":
        tell(
            f"warning: peaks reach {done.peak:.2f} of full scale and were cut; "
            "write .wav, or chain gain@-6",
            err=True,
        )


def _print_list() -> None:
    from unsung.attacks import described

    attacks, presets = described()
    width = max(len(name) for name, _, _ in attacks)
    for name, strengths, summary in attacks:
        tell(f"{name:<{width}}  {summary}")
        tell(f"{'':<{width}}  {strengths}")
    typer.echo("\npresets (--with NAME)")
    for name, chain in presets:
        tell(f"{name:<{width}}  {chain}")
