# SPDX-License-Identifier: MIT
"""`unsung synth instruments`: clips whose every instrument and note is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unsung.cli._console import tell
from unsung.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from unsung.synthesis.instruments import CorpusSpec, Summary

__all__ = ["instruments"]


def instruments(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the corpus; continues it.")
    ] = None,
    *,
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            help="What to start from: default, wimu (the published 8 000 clips of 12 instruments), "
            "strings (bowed strings against each other), similar (two or three of one family). "
            "Other options change it.",
        ),
    ] = "default",
    n: Annotated[int | None, typer.Option("--n", min=1, help="Number of clips.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same corpus.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default one a core.")
    ] = None,
    names: Annotated[
        str,
        typer.Option(
            "--instruments",
            help="Names, families or General MIDI numbers from 0, by comma: violin,brass,73. "
            "'all' is every pitched one; --list shows them.",
        ),
    ] = "",
    count: Annotated[
        str, typer.Option("--count", help="Instruments in a clip, taken in turn: 2 or 1-4 or 1,4.")
    ] = "",
    similar: Annotated[
        bool | None,
        typer.Option("--similar/--any", help="All instruments of a clip of one family."),
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            help="How melodies are drawn: scale (in a key), uniform (every pitch alike), "
            "sequence (a few notes with gaps).",
        ),
    ] = "",
    pitches: Annotated[
        str, typer.Option("--pitches", help="One MIDI range for all: 60-72. Else each its own.")
    ] = "",
    melodies: Annotated[
        int | None,
        typer.Option(
            "--melodies", min=0, help="Different melodies (0: one a clip). Splits never share one."
        ),
    ] = None,
    midi: Annotated[
        Path | None,
        typer.Option(
            "--midi", help="Folder of MIDI files to play instead, such as Symbotunes' samples."
        ),
    ] = None,
    keep_programs: Annotated[
        bool, typer.Option("--keep-programs", help="Play MIDI files on their own instruments.")
    ] = False,
    drums: Annotated[
        bool, typer.Option("--drums", help="The drum kit is one more to draw.")
    ] = False,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Length of a clip.")] = None,
    rate: Annotated[int | None, typer.Option("--rate", help="Samples a second, in Hz.")] = None,
    stereo: Annotated[bool, typer.Option("--stereo", help="Two channels; else one.")] = False,
    format_: Annotated[str, typer.Option("--format", help="flac, wav or ogg.")] = "",
    balance: Annotated[
        str,
        typer.Option(
            "--balance", help="equal (each part as loud, within 3 dB) or soundfont (as it comes)."
        ),
    ] = "",
    effects: Annotated[
        bool, typer.Option("--effects", help="FluidSynth's reverb and chorus.")
    ] = False,
    splits: Annotated[
        str, typer.Option("--splits", help="Per cent of train, valid, test: 80,10,10.")
    ] = "",
    soundfont: Annotated[
        Path | None,
        typer.Option(
            "--soundfont", help="SoundFont (.sf2); else $UNSUNG_SOUNDFONT or one of the system's."
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Show the instruments with families and ranges.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Play a note of each chosen instrument and measure its pitch."
        ),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Make clips of known music: 1 to 4 instruments, every note labelled, a split that cannot leak.

    Random melodies (or your MIDI files) are played through FluidSynth and a SoundFont, faster than
    real time and the same on every run. The folder then holds audio/, midi/, manifest.jsonl and
    labels.jsonl (instruments with their share of the mix, notes in seconds). The command continues
    an interrupted corpus and enlarges a finished one.

    Try: unsung synth instruments -o corpus --n 40 --instruments strings --similar --count 2

    The published corpus: unsung synth instruments --preset wimu -o wimu
    """
    if list_:
        _print_table()
        return
    from unsung.synthesis.instruments import PRESETS, Style, find_programs

    if preset not in PRESETS:
        raise UnknownName("preset", preset, PRESETS)
    spec = PRESETS[preset]
    changes: dict[str, Any] = {
        "n_clips": n,
        "seed": seed,
        "programs": tuple(p.number for p in find_programs(_words(names))) if names else None,
        "counts": _counts(count) if count else None,
        "similar": similar,
        "melodies": melodies,
        "midi": str(midi) if midi else None,
        "keep_programs": keep_programs or None,
        "duration_s": seconds,
        "sample_rate_hz": rate,
        "channels": 2 if stereo else None,
        "format": format_ or None,
        "balance": balance or None,
        "effects": effects or None,
        "splits": _splits(splits) if splits else None,
        "soundfont": str(soundfont) if soundfont else None,
    }
    style: dict[str, Any] = {
        "mode": mode or None,
        "pitches": _range(pitches) if pitches else None,
    }
    style = {key: value for key, value in style.items() if value is not None}
    changes["style"] = Style(**(vars(spec.style) | style)) if style else None
    spec = replace(spec, **{key: value for key, value in changes.items() if value is not None})
    if drums:
        spec = replace(spec, programs=tuple(dict.fromkeys((*spec.programs, 128))))
    if check:
        _check(spec)
        return
    if output is None:
        raise UsageError(
            "expected --output, got none; write for example `unsung synth instruments -o corpus "
            "--n 40`, or --list for the instruments"
        )
    _make(spec, output, jobs, json_)


def _make(spec: CorpusSpec, output: Path, jobs: int | None, json_: bool) -> None:
    import os
    import sys

    from unsung.synthesis.instruments import make_corpus

    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if done == total else ""
            typer.echo(f"\r{done} of {total} clips", err=True, nl=False)
            typer.echo(end, err=True, nl=False)

    summary = make_corpus(spec, output, jobs or os.cpu_count() or 1, progress)
    if json_:
        import json

        typer.echo(json.dumps(summary.to_dict()))
    else:
        _print_summary(summary, output)
    if summary.failures:
        raise typer.Exit(1)


def _print_summary(summary: Summary, output: Path) -> None:
    for clip, failure in summary.failures:
        tell(f"{clip}: {failure.message}", err=True)
    kept = f", {summary.n_kept} were there" if summary.n_kept else ""
    failed = f", {len(summary.failures)} failed" if summary.failures else ""
    tell(f"{summary.n_made} clips made{kept}{failed}: {output / 'manifest.jsonl'}")
    if summary.n_made:
        tell(
            f"{summary.audio_s:.0f} s of sound in {summary.wall_s:.1f} s; "
            f"{summary.real_time_per_core:.0f} × real time per core"
        )


def _print_table() -> None:
    from unsung.synthesis.instruments.table import DRUMS, PROGRAMS

    family = ""
    for entry in (*PROGRAMS, DRUMS):
        if entry.family != family:
            family = entry.family
            typer.echo(family)
        pitched = "" if entry.pitched else "  (no pitch of its own)"
        span = f"{entry.lowest:3d}-{entry.highest:<3d}"
        tell(f"  {entry.number:3d}  {span}  {entry.name}{pitched}")


def _check(spec: CorpusSpec) -> None:
    from unsung.errors import SilentAudio
    from unsung.synthesis.instruments import find_soundfont, program
    from unsung.synthesis.instruments.verify import check_pitch

    font = find_soundfont(Path(spec.soundfont) if spec.soundfont else None)
    typer.echo(f"{font}\nprogram  pitch  measured Hz  octaves  cents  name")
    for number in spec.programs:
        entry = program(number)
        low, high = spec.style.pitches or (entry.lowest, entry.highest)
        try:
            found = check_pitch(entry, (low + high) // 2, font)
        except SilentAudio as error:
            tell(f"{number:7d}  {(low + high) // 2:5d}  {entry.name}: {error}")
            continue
        tell(
            f"{number:7d}  {found.pitch:5d}  {found.measured_hz:11.2f}  {found.octave:7d}  "
            f"{found.error_cents:5.1f}  {entry.name}"
        )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _range(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    try:
        return int(low), int(high if dash else low)
    except ValueError:
        raise UsageError(f"expected a number or a range such as 1-4, got '{text}'") from None


def _counts(text: str) -> tuple[int, ...]:
    spans = [_range(word) for word in _words(text)]
    return tuple(number for low, high in spans for number in range(low, high + 1))


def _splits(text: str) -> tuple[float, float, float]:
    try:
        train, valid, test = (float(word) / 100 for word in _words(text))
    except ValueError:
        raise UsageError(
            f"expected three numbers for train, valid and test such as 80,10,10, got '{text}'"
        ) from None
    return train, valid, test
