# SPDX-License-Identifier: MIT
"""`unsung calibrate`: thresholds from one's own catalogue of known human music."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell

if TYPE_CHECKING:
    from unsung.types import Score

__all__ = ["calibrate"]


def calibrate(
    inputs: o.Inputs,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The calibration file to write.")],
    name: Annotated[
        str, typer.Option("--name", help="What scores call this catalogue; else the file's name.")
    ] = "",
    detector: o.Detector = "default",
    fast: o.Fast = False,
    jobs: o.Jobs = None,
    resume: o.Resume = None,
    quiet: o.Quiet = False,
) -> None:
    """Set thresholds on music that is known to be human; `scan --calibration` uses them.

    Exit codes: 0 every file was heard, 1 some files failed (they are named) or
    none was left (then nothing is written).
    """
    from unsung.cli._console import Status, score_line
    from unsung.cli._run import quiet_libraries
    from unsung.outputs import output_file
    from unsung.runtime import load_bundle
    from unsung.scanning import Settings, calibration, scan_rows
    from unsung.scanning.resume import RESUME

    output_file(output, (*inputs, resume), calibration.CALIBRATION)
    if resume is not None:
        output_file(resume, (*inputs, output), RESUME)
    settings = Settings(detector, fast=fast)
    status = Status(inputs, shown=not quiet)
    rows = scan_rows(inputs, settings, jobs=jobs, resume=resume, on_progress=status)
    failed = called_ai = 0

    def heard() -> Iterator[Score]:
        nonlocal failed, called_ai
        for row in rows:
            score = status.judged(row.score)
            called_ai += score.state == "ai"
            if score.error is not None:
                failed += 1
                typer.echo(score_line(score), err=True)
            yield score

    with quiet_libraries():
        bundle = load_bundle(detector)
        own = calibration.calibrate(
            heard(),
            bundle,
            name=name or output.stem,
            fast=fast,
        )
    status.finish(settings.false_alarm_rate)
    own.save(output)
    tell(f"{own.n_human} human recordings, {own.n_left_out} left out")
    lengths: list[float | None] = [part.from_s for part in own.strata if part.n_human]
    for heard_s in lengths or [None]:
        if heard_s is not None:
            tell(f"tracks of which {heard_s:g} s and more are heard:")
        for rate in own.rates:
            logit = own.ai_logit(rate, heard_s)
            threshold = "" if logit is None else f"AI from logit {logit:+.3f}, "
            tell(f"false-alarm rate {rate:<6g} {threshold}{own.guarantee(rate, heard_s)}")
    tell(f"written: {output}")
    doubts = calibration.doubt(called_ai, own)
    if doubts:
        tell(f"warning: {doubts}", err=True)
    useless = calibration.unreachable(
        calibration.recalibrated(bundle, output, fast), settings.false_alarm_rate
    )
    if useless:
        tell(f"warning: with `scan --calibration {output}` alone, {useless}", err=True)
    if failed:
        raise typer.Exit(1)
