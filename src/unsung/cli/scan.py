# SPDX-License-Identifier: MIT
"""`unsung scan`: one line, or one JSON object, for each track; a catalogue of any size."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o
from unsung.errors import UsageError

__all__ = ["scan"]

_MANY, _LIMITS, _BEYOND, _WRITES = (
    "Many tracks",
    "Limits",
    "Other machines",
    "Verdicts beside files",
)

Catalogue = Annotated[
    Path | None,
    typer.Option(
        "--catalogue",
        help="Folder that keeps everything: rows (scores.jsonl, parts/*.parquet) with tags, a "
        "quarantine list and summary.html. Goes on where the last scan into it ended; the same "
        "bytes are scored once.",
        rich_help_panel=_MANY,
    ),
]
Retry = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        "--retry-quarantine",
        help="Try the failed files of --resume or --catalogue again; else only when they have "
        "changed. What a network or this machine failed at is always tried again.",
        rich_help_panel=_MANY,
    ),
]
WatchFor = Annotated[
    bool,
    typer.Option(
        "--watch",
        help="Stay and scan each new file once it has stopped growing. Needs --catalogue or "
        "--resume, which also let it be stopped and started again.",
        rich_help_panel=_MANY,
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        "--time-limit",
        metavar="SECONDS",
        help="Longest time for one file; a process that hangs is killed and replaced. By default "
        "600 with worker processes, which --catalogue, --jobs and more than 8 files bring.",
        rich_help_panel=_LIMITS,
    ),
]
MaxSize = Annotated[
    float | None,
    typer.Option(
        "--max-size", metavar="MB", help="Largest file that is opened.", rich_help_panel=_LIMITS
    ),
]
MaxMemory = Annotated[
    float | None,
    typer.Option(
        "--max-memory",
        metavar="MB",
        help="Memory that a worker process may take for a file (Linux). By default 1 GiB with "
        "worker processes.",
        rich_help_panel=_LIMITS,
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Score on a Ray cluster (host:port, auto), or 'local' to try it here. Inputs may be "
        "object storage: s3://, gs://.",
        rich_help_panel=_BEYOND,
    ),
]
Sidecar = Annotated[
    bool,
    typer.Option(
        "--sidecar",
        help="Write FILE.unsung.json with the score beside each file.",
        rich_help_panel=_WRITES,
    ),
]
WriteTags = Annotated[
    bool,
    typer.Option(
        "--write-tags",
        help="Write the verdict into the tags of MP3 and FLAC files: CHANGES YOUR FILES. The "
        "sound is checked to stay bit-identical.",
        rich_help_panel=_WRITES,
    ),
]


Robust = Annotated[
    bool,
    typer.Option(
        "--robust",
        help="Say AI only when three of five small changes of the sound agree: fewer false "
        "alarms, fewer finds, six times the work.",
    ),
]


Required = Annotated[
    bool,
    typer.Option(
        "--require-threshold",
        help="End with exit code 2 where the detector or calibration has no threshold for AI at "
        "the false-alarm rate, instead of a warning: for guards in CI.",
    ),
]


def scan(
    inputs: o.Inputs,
    *,
    json_: o.AsJson = False,
    csv: o.AsCsv = False,
    parquet: o.Parquet = None,
    report: o.Report = None,
    fast: o.Fast = False,
    robust: Robust = False,
    jobs: o.Jobs = None,
    false_alarm_rate: o.Rate = 0.01,
    prior: o.Prior = 0.5,
    detector: o.Detector = "default",
    calibration: o.Calibration = None,
    require_threshold: Required = False,
    resume: o.Resume = None,
    catalogue: Catalogue = None,
    retry_failed: Retry = False,
    watch: WatchFor = False,
    time_limit: TimeLimit = None,
    max_size: MaxSize = None,
    max_memory: MaxMemory = None,
    ray: Ray = None,
    sidecar: Sidecar = False,
    write_tags: WriteTags = False,
    quiet: o.Quiet = False,
    no_color: o.NoColour = False,
) -> None:
    """Judge tracks: AI, human or undecided. One file, a folder, or a catalogue of millions.

    `unsung scan song.mp3` prints one line with the verdict.

    `unsung scan music/ --json > scores.jsonl` prints one JSON object a track.

    `unsung scan music/ --resume scores.jsonl` goes on where a crash ended it.

    `unsung scan music/ --catalogue out/` keeps rows, tags, Parquet, a quarantine list and
    out/summary.html with the share of AI tracks; run it again and it takes what is new.

    `unsung scan inbox/ --catalogue out/ --watch` takes new files until Ctrl-C.

    `unsung scan s3://bucket/music --catalogue out/ --ray head:6379` works on a cluster.

    Exit codes: 0 every track has its row, 1 some files failed or are damaged, 2 wrong usage, 130
    interrupted, 143 SIGTERM, 129 SIGHUP. A watch ends by any of the three, with 0 or 1.
    """
    _check(json_, csv)
    _check_keep(catalogue, resume, watch, retry_failed)
    from unsung.cli._console import LineWriter, use_colour
    from unsung.cli._run import Keep, run
    from unsung.scanning import Settings
    from unsung.scanning.limits import Limits
    from unsung.scanning.output import CsvWriter, JsonWriter

    settings = Settings(
        detector,
        false_alarm_rate,
        prior,
        fast,
        picture=report is not None,
        calibration=calibration,
        metadata=catalogue is not None,
        robust=robust,
    )
    limits = Limits(time_limit, _bytes(max_size), _bytes(max_memory))
    lines = LineWriter(use_colour(not no_color))
    printer = JsonWriter(sys.stdout) if json_ else CsvWriter(sys.stdout) if csv else lines
    run(
        inputs,
        settings,
        printer,
        jobs=jobs,
        resume=resume,
        parquet=parquet,
        report=report,
        quiet=quiet,
        keep=Keep(
            catalogue,
            retry_failed,
            watch,
            limits,
            ray,
            sidecar,
            write_tags,
            require_threshold,
        ),
    )


def _bytes(megabytes: float | None) -> int | None:
    return None if megabytes is None else round(megabytes * 1e6)


def _check(json_: bool, csv: bool) -> None:
    if json_ and csv:
        raise UsageError("expected --json or --csv, got both; choose one for standard output")


def _check_keep(
    catalogue: Path | None, resume: Path | None, watch: bool, retry_failed: bool
) -> None:
    """Refuse options that contradict each other, before anything is loaded."""
    if catalogue is not None and resume is not None:
        raise UsageError(
            "expected --catalogue or --resume, got both; a catalogue keeps its own scores.jsonl"
        )
    if retry_failed and catalogue is None and resume is None:
        raise UsageError("--retry-failed needs the --resume or --catalogue with the failed files")
    if watch and catalogue is None and resume is None:
        raise UsageError(
            "--watch needs --catalogue or --resume: without them a restart would scan all again"
        )
