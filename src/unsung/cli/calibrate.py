# SPDX-License-Identifier: MIT
"""`unsung calibrate`: thresholds from one's own catalogue of known human music."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o

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
    """Set thresholds on music that is known to be human; `scan --calibration` uses them."""
    from unsung.cli._console import Status
    from unsung.cli._run import quiet_libraries
    from unsung.runtime import load_bundle
    from unsung.scanning import Settings, calibration, scan_rows

    settings = Settings(detector, fast=fast)
    status = Status(inputs, shown=not quiet)
    rows = scan_rows(inputs, settings, jobs=jobs, resume=resume, on_progress=status)
    with quiet_libraries():
        own = calibration.calibrate(
            (status.judged(row.score) for row in rows),
            load_bundle(detector),
            name=name or output.stem,
            fast=fast,
        )
    status.finish(settings.false_alarm_rate)
    own.save(output)
    typer.echo(f"{own.n_human} human recordings, {own.n_left_out} left out")
    for rate in own.rates:
        logit = own.ai_logit(rate)
        threshold = "" if logit is None else f"AI from logit {logit:+.3f}, "
        typer.echo(f"false-alarm rate {rate:<6g} {threshold}{own.guarantee(rate)}")
    typer.echo(f"written: {output}")
    if own.n_human == 0:
        raise typer.Exit(1)
