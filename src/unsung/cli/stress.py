# SPDX-License-Identifier: MIT
"""`unsung stress`: how little it takes to change a verdict, attack by attack."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell

if TYPE_CHECKING:
    from unsung.evaluation.proportions import Interval
    from unsung.runtime import Bundle
    from unsung.scanning.stress import Curve, Stress, Survival

__all__ = ["stress"]


Target = Annotated[
    str, typer.Argument(metavar="SONG|MANIFEST", help="A track, or labelled ones (CSV or .jsonl).")
]
Attacks = Annotated[
    list[str] | None,
    typer.Option(
        "--with", help="An attack, preset or chain; may be repeated. All attacks if left out."
    ),
]
Battery = Annotated[
    str,
    typer.Option(
        "--battery", help="A named set: default, presets, wimu-sonics, deezer or all of these."
    ),
]
Seconds = Annotated[
    float, typer.Option("--seconds", help="How much of the track's middle to hear.")
]
Page = Annotated[Path | None, typer.Option("--report", help="Also write a page with curves here.")]


def stress(
    source: Target,
    *,
    attacks: Attacks = None,
    battery: Battery = "",
    seconds: Seconds = 10.0,
    report: Page = None,
    json_: o.AsJson = False,
    seed: o.Seed = 0,
    detector: o.Detector = "default",
    false_alarm_rate: o.Rate = 0.01,
    calibration: o.Calibration = None,
    resume: o.Resume = None,
    jobs: o.Jobs = None,
    quiet: o.Quiet = False,
) -> None:
    """Find the mildest strength of each attack at which the verdict changes."""
    from unsung.cli._run import quiet_libraries
    from unsung.outputs import output_file, output_folder
    from unsung.reports.page import PAGE
    from unsung.runtime import load_bundle
    from unsung.scanning._stress_log import LOG
    from unsung.scanning.calibration import recalibrated
    from unsung.scanning.pool import cores
    from unsung.scanning.stress import StressLog, attack_names, is_manifest, survival

    if resume is not None:
        output_file(resume, (source, calibration), LOG)
    if report is not None:
        output_folder(report, (source, calibration), {"stress.html": PAGE})
    left_out = attack_names(attacks or (), battery)[1]
    many = is_manifest(source)
    options: dict[str, Any] = {"seconds": seconds, "false_alarm_rate": false_alarm_rate}
    options |= {"seed": seed, "battery": battery, "jobs": jobs or cores()}
    with quiet_libraries(), StressLog(resume) if resume else nullcontext() as log:
        bundle = recalibrated(load_bundle(detector), calibration)
        found = _found(source, bundle, attacks or (), log=log, **options)
        tracks = _collect(found, source if many else "", json_, quiet)
    rows = survival(tracks) if many else []
    _print(tracks, rows, json_)
    _notes(tracks, left_out)
    if report is not None:
        _write(tracks, rows, report, Path(source).name if many else "", left_out)
    if any(track.error is not None for track in tracks):
        raise typer.Exit(1)


def _found(source: str, bundle: Bundle, names: Sequence[str], **options: Any) -> Iterable[Stress]:
    from unsung.scanning.stress import is_manifest, stress_file, stress_manifest

    if is_manifest(source):
        return stress_manifest(Path(source), bundle, names, **options)
    return [stress_file(source, bundle, names, **options)]


def _write(
    tracks: Sequence[Stress],
    rows: Sequence[Survival],
    folder: Path,
    name: str,
    left_out: Sequence[str],
) -> None:
    from unsung.reports.stress import write_stress_report

    page = write_stress_report(tracks, rows, folder, name=name, left_out=left_out)
    tell(f"report: {page}", err=True)


def _collect(found: Iterable[Stress], manifest: str, json_: bool, quiet: bool) -> list[Stress]:
    """Take the tracks as they finish: JSON at once, else a progress line."""
    from unsung.cli._console import Status
    from unsung.scanning import Progress

    status = Status([manifest], shown=bool(manifest) and not quiet)
    started = time.monotonic()
    tracks: list[Stress] = []
    for track in found:
        tracks.append(track)
        failed = sum(t.error is not None for t in tracks)
        heard_s = sum(t.duration_s for t in tracks)
        status(Progress(len(tracks), failed, 0, heard_s, time.monotonic() - started))
        if json_:
            status.clear()
            _print_json(track)
    status.clear()
    return tracks


def _print_json(track: Stress) -> None:
    values = track.to_dict()
    curves = values.pop("curves")
    typer.echo(json.dumps({"kind": "track", **values}))
    for curve in curves:
        typer.echo(json.dumps({"kind": "curve", "path": track.path, "label": track.label, **curve}))


def _print(tracks: Sequence[Stress], rows: Sequence[Survival], json_: bool) -> None:
    from unsung.scanning.stress import clean_counts

    if json_:
        for row in rows:
            typer.echo(json.dumps({"kind": "survival", **row.to_dict()}))
        return
    if rows:
        for label, counts in clean_counts(tracks).items():
            said = ", ".join(f"{n} {word}" for word, n in counts.items())
            tell(f"{sum(counts.values())} {label} tracks; clean: {said}")
        typer.echo(_grouping(tracks))
        _print_table(_survival_table(rows))
        return
    for track in tracks:
        if track.clean is not None:
            typer.echo(_heading(track))
            _print_table(_break_table(track))


def _notes(tracks: Sequence[Stress], left_out: Sequence[str]) -> None:
    """Say on standard error what a reader must know beside the numbers."""
    for track in tracks:
        if track.error is not None:
            message = track.error.message.removeprefix(f"{track.path}: ")
            tell(f"error: {track.path}: {message}", err=True)
    labels = {track.label for track in tracks if track.error is None}
    for label, lost in (("human", "false alarms"), ("ai", "misses")):
        if labels and len(tracks) > 1 and label not in labels:
            tell(f"note: no {label} tracks; {lost} cannot be counted", err=True)
    known = sum(track.trained_on for track in tracks)
    if known:
        which = "this file" if len(tracks) == 1 else f"{known} of these {len(tracks)} tracks"
        tell(
            f"warning: the detector was trained on {which}; the result flatters it. Use tracks "
            "that it has not seen.",
            err=True,
        )
    if left_out:
        tell(
            f"left out (they need a model, a second clip or a package that is not installed): "
            f"{', '.join(left_out)}",
            err=True,
        )


def _heading(track: Stress) -> str:
    from unsung.cli._console import printable
    from unsung.core.text import clock

    assert track.clean is not None
    limits = ", ".join(
        f"{word} {value:+.2f}"
        for word, value in (("AI from", track.ai_logit), ("human up to", track.human_logit))
        if value is not None
    )
    return printable(
        f"{track.path}: {track.clean.verdict}, logit {_logit(track.clean.logit)} "
        f"({track.duration_s:.1f} s from {clock(track.start_s)}); {limits or 'no thresholds'}; "
        f"{track.detector}; {track.seconds:.1f} s"
    )


def _break_table(track: Stress) -> list[list[str]]:
    from unsung.scanning.stress import fragile_first

    table = [["attack", "unit", "breaks at", "direction", "logit clean → at break", "also"]]
    return table + [_break_row(curve) for curve in fragile_first(track.curves)]


def _break_row(curve: Curve) -> list[str]:
    if all(verdict is None for verdict in curve.verdicts):
        why = f"{curve.error.type}: {curve.error.message}" if curve.error else "not tried"
        return [curve.attack, curve.unit, "error", "", "", why]
    if not curve.breaks:
        some = f"failed at some strengths: {curve.error.message}" if curve.error else ""
        return [curve.attack, curve.unit, "–", "", f"{_logit(curve.clean.logit)}", some]
    first = curve.breaks[0]
    also = [f"{b.change} at {_number(b.strength)}" for b in curve.breaks[1:]]
    also += [] if first.returns_at is None else [f"back at {_number(first.returns_at)}"]
    also += [first.reason] if first.reason and "between" not in first.reason else []
    also += [f"failed at some strengths: {curve.error.message}"] if curve.error else []
    logits = f"{_logit(curve.clean.logit)} → {_logit(first.logit)}"
    return [
        curve.attack,
        curve.unit,
        _number(first.strength),
        first.change,
        logits,
        "; ".join(also),
    ]


def _survival_table(rows: Sequence[Survival]) -> list[list[str]]:
    from unsung.scanning.stress import weakness

    table = [["attack", "unit", "label", "n", "half lost at", "worst survival", "most often wrong"]]
    for line in weakness(rows):
        half = "–" if line.half_lost_at is None else _number(line.half_lost_at)
        worst = _share(line.survives, line.worst_at, best=1.0)
        wrong = _share(line.wrong, line.called_at, best=0.0)
        wrong = f"{line.wrong_word} {wrong}"
        table.append([line.attack, line.unit, line.label, str(line.n_right), half, worst, wrong])
    return table


def _share(share: Interval | None, at: float | None, *, best: float) -> str:
    """Return a share with its interval; one that nothing made worse has no strength."""
    if share is None:
        return "–"
    place = "" if share.value == best else f" at {_number(at)}"
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]{place}"


def _grouping(tracks: Sequence[Stress]) -> str:
    """Say what the intervals take as independent, and what "wrong" counts."""
    heard = [track for track in tracks if track.clean is not None]
    groups = {track.group for track in heard if track.group}
    apart = f"{len(groups)} groups of the manifest" if groups else "tracks taken as independent"
    return f"95 % intervals: {apart}; wrong: AI missed, human accused (undecided is no accusation)"


def _print_table(table: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        tell("  ".join(cells).rstrip())


def _number(value: float | None) -> str:
    """Return a strength without an exponent: 22050, 0.3848."""
    from unsung.scanning._curve import strength_text

    return "–" if value is None else strength_text(value)


def _logit(value: float | None) -> str:
    return "?" if value is None else f"{value:+.2f}"
