# SPDX-License-Identifier: MIT
"""`unsung explain`: why a song got its verdict, to see and to hear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell
from unsung.core.settings import parsed_all
from unsung.errors import UsageError

if TYPE_CHECKING:
    from unsung.explainers import CheckRow, Explained

__all__ = ["explain"]


def explain(
    songs: Annotated[
        list[str] | None,
        typer.Argument(metavar="SONG", help="File, address, or -; several with --check."),
    ] = None,
    *,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Explainer; several with --check (see unsung list explainers)."
        ),
    ] = None,
    detectors: Annotated[
        list[str] | None,
        typer.Option(
            "--detector",
            help="Bundle, run folder of unsung train, weights, published weights that were "
            "fetched, or KIND:FILE; several with --check.",
        ),
    ] = None,
    sources: Annotated[
        str,
        typer.Option(
            "--sources", help="Explain sources of the song: hpss, demucs, or module:function."
        ),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for page, tables and sounds.")
    ] = None,
    target: Annotated[
        str, typer.Option("--target", help="Side that positive relevance speaks for: ai or human.")
    ] = "ai",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Setting of the explainer: steps=20, baseline=silence."),
    ] = None,
    start: Annotated[
        float | None, typer.Option("--start", help="Second where the part begins; else its middle.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of the part.")] = 30.0,
    reference: Annotated[
        str, typer.Option("--reference", help="A human recording, for baseline=human.")
    ] = "",
    false_alarm_rate: o.Rate = 0.01,
    check: Annotated[
        bool,
        typer.Option("--check", help="Measure explainers on human songs with planted evidence."),
    ] = False,
    planted: Annotated[
        str, typer.Option("--planted", help="Evidence that --check plants: decoder or tones.")
    ] = "decoder",
    silent: Annotated[bool, typer.Option("--silent", help="Write no sounds.")] = False,
    seed: o.Seed = 0,
    json_: o.AsJson = False,
) -> None:
    """Show and play what made a verdict, and say what would turn it."""
    from unsung.cli._run import quiet_libraries
    from unsung.outputs import output_file, output_folder
    from unsung.training.opened import open_detector

    if check:
        from unsung.explainers import CHECKED, check_explainers

        if output is not None:
            output_file(output, songs or (), CHECKED)

        with quiet_libraries():
            rows = [
                row
                for name in detectors or ["default"]
                for row in check_explainers(
                    songs or [],
                    methods or [],
                    detector=open_detector(name),
                    seconds=seconds,
                    seed=seed,
                    planted=planted,
                )
            ]
        _check(rows, output, json_)
        return
    if len(songs or []) != 1 or len(methods or []) > 1 or len(detectors or []) > 1:
        raise UsageError(
            "expected one SONG, and at most one --with and one --detector; write for example "
            "`unsung explain song.mp3 --with integrated_gradients -o why/`"
        )
    from unsung.explainers import explain as explain_song
    from unsung.reports.explanation import WRITTEN

    if output is not None:
        output_folder(output, (*(songs or ()), reference), WRITTEN, signs=("explanation.json",))
    with quiet_libraries():
        explained = explain_song(
            (songs or [""])[0],
            (methods or [""])[0],
            detector=open_detector((detectors or ["default"])[0]),
            target=target,
            settings=parsed_all(settings or []),
            start_s=start,
            seconds=seconds,
            reference=reference,
            false_alarm_rate=false_alarm_rate,
            sources=sources,
        )
        page = None if output is None else _write(explained, output, silent)
    _print(explained, page, json_)


def _write(explained: Explained, output: Path, silent: bool) -> Path:
    from unsung.explainers import listen
    from unsung.reports.explanation import write_explanation

    sounds = None if silent else listen(explained.explanation, explained.clip)
    return write_explanation(explained, sounds, output)


def _print(explained: Explained, page: Path | None, json_: bool) -> None:
    import json

    from unsung.core.text import clock
    from unsung.reports.explanation import summary

    if json_:
        typer.echo(json.dumps(summary(explained)))
        return
    clip, found = explained.clip, explained.explanation
    part = f"{clock(clip.start_s)} to {clock(clip.start_s + clip.duration_s)}"
    logit = "?" if explained.judged.logit is None else f"{explained.judged.logit:+.2f}"
    tell(f"{explained.path}: {explained.judged.verdict}, logit {logit} ({part})")
    tell(
        f"{explained.method} for {found.target}: baseline {found.baseline:+.2f}, "
        f"gap {found.gap:+.2g}, {explained.seconds:.2f} s"
    )
    if explained.note:
        tell(f"note: {explained.note}")
    if explained.strips:
        from unsung.reports.explanation import STRIPS_CLAIM

        typer.echo(STRIPS_CLAIM)
    elif explained.channels:
        for name, value in explained.parts():
            tell(f"  {name}  {value:+.3f}")
    for row in sorted(explained.bands(), key=lambda r: -abs(r.relevance))[:5]:
        tell(f"  {row.low / 1000:g} to {row.high / 1000:g} kHz  {row.relevance:+.3f}")
    for turn in explained.counterfactuals:
        comb = f"multiples of {turn.spacing_hz:.2f} Hz, " if turn.spacing_hz else ""
        tell(
            f"turns without {turn.removed_hz:.0f} Hz ({turn.how} {turn.kind}: {comb}"
            f"{turn.low_hz:.0f} to {turn.high_hz:.0f} Hz): "
            f"{_judged(turn.before)} -> {_judged(turn.after)}; "
            f"{'elsewhere' if turn.how == 'muted' else 'at random'} {_judged(turn.control)}"
        )
    if not explained.counterfactuals:
        typer.echo("no band and no comb that was tried turns the verdict")
    if page is not None:
        tell(f"page: {page}")


def _judged(found: Any) -> str:
    return f"{'?' if found.logit is None else f'{found.logit:+.2f}'} {found.verdict}"


def _check(rows: list[CheckRow], output: Path | None, json_: bool) -> None:
    import json

    from unsung.outputs import write_whole

    lines = [json.dumps(row.to_dict()) for row in rows]
    if output is not None:
        write_whole(output, "".join(line + "\n" for line in lines))
    if json_:
        typer.echo("\n".join(lines))
        return
    good = [row for row in rows if not row.error]
    names = list(dict.fromkeys(row.metric for row in good))
    cells = {(row.explainer, row.metric): row for row in good}
    typer.echo("explainer".ljust(22) + "".join(name.rjust(22) for name in names))
    for name in dict.fromkeys(row.explainer for row in good):
        texts = [_cell(cells.get((name, metric))) for metric in names]
        typer.echo(name.ljust(22) + "".join(text.rjust(22) for text in texts))
    for row in rows:
        if row.error:
            tell(f"{row.explainer}: {row.error}", err=True)


def _cell(row: Any) -> str:
    if row is None or row.value is None:
        return "–"
    if row.low is None:
        return f"{row.value:.3g}"
    return f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"
