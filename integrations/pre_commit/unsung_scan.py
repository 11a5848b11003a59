#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scans the files it is given and fails by a stated policy: for pre-commit, CI and scripts.

Calls the command `unsung`, which must be on PATH; needs Python's own library only. Exit codes: 0
nothing the policy minds, 1 findings, 2 wrong usage or no `unsung`. When not to use: to reject a
person's work without a person's decision; a finding says "look at this", and `--reviewed` is how
the answer is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

FINDINGS, WRONG_USAGE = 1, 2
POLICY = ("ai", "undecided", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Scan, print a line for each finding, and return the exit code."""
    options = _parser().parse_args(arguments)
    minded = {word.strip() for word in options.fail_on.split(",") if word.strip()}
    if unknown := minded - set(POLICY):
        return _wrong(f"--fail-on: expected some of {', '.join(POLICY)}, got {sorted(unknown)}")
    program = shutil.which("unsung")
    if program is None:
        return _wrong("no program 'unsung' on PATH; in a clone of it run: pip install .")
    if not options.files:
        return 0
    try:
        reviewed = read_reviewed(options.reviewed)
        rows = scan(program, options)
    except (OSError, ValueError) as error:
        return _wrong(str(error))
    found = [row for row in rows if outcomes(row) & minded]
    new = [row for row in found if row["sha256"] not in reviewed]
    for row in new:
        print(printable(in_words(row)))
    print(
        f"unsung: {len(rows)} scanned, {len(new)} to look at, "
        f"{len(found) - len(new)} looked at before",
        file=sys.stderr,
    )
    if new:
        print(
            "A verdict is evidence, not proof. Listen, decide, and add the hash of what may stay "
            f"to {options.reviewed or 'a file given by --reviewed'}.",
            file=sys.stderr,
        )
    return FINDINGS if new else 0


def scan(program: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row a file.

    Raises:
        ValueError: the scan did not end with a row for each file.
    """
    call = [program, "scan", "--json", "--quiet"]
    if "ai" in options.fail_on.split(
        ","
    ):  # without a threshold the guard would let everything pass
        call += ["--require-threshold"]
    call += ["--false-alarm-rate", str(options.false_alarm_rate), "--detector", options.detector]
    if options.calibration:
        call += ["--calibration", options.calibration]
    if options.report:
        call += ["--report", options.report]
    done = subprocess.run(
        [*call, "--", *options.files],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode not in (0, 1):  # 1: some files have a row with an error
        raise ValueError(f"`unsung scan` ended with {done.returncode}; its message stands above")
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def outcomes(row: dict[str, Any]) -> set[str]:
    """Return what the policy looks at: the verdict, "error", or both for a damaged file."""
    return {str(row["verdict"] or "error")} | ({"error"} if row["error"] else set())


def printable(text: str) -> str:
    """Return text on one line, whatever a file is called: a log's commands begin new lines."""
    safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return safe.encode("utf-8", "backslashreplace").decode()


def in_words(row: dict[str, Any]) -> str:
    """Return a finding's line; a rate, a detector and a hash are always part of it."""
    fault = f"{row['error']['type']}: {row['error']['message']}" if row["error"] else ""
    if not row["verdict"]:
        return f"{row['path']}: {fault}"
    reason = f" ({fault or row['reason']})" if fault or row["reason"] else ""
    return (
        f"{row['path']}: {row['verdict']}{reason}, logit {row['logit']:+.2f} at a false-alarm rate "
        f"of {row['false_alarm_rate']:g}, {row['detector']}, sha256 {row['sha256']}"
    )


def read_reviewed(path: str | None) -> set[str]:
    """Return the hashes of files that a person has decided about; `#` begins a remark."""
    if path is None:
        return set()
    lines: Iterable[str] = Path(path).read_text(encoding="utf-8").splitlines()
    words = (line.split("#")[0].split() for line in lines)
    return {word[0].lower() for word in words if word}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="sound files, folders or patterns")
    parser.add_argument(
        "--fail-on", default="ai", metavar="WORDS", help="ai, undecided, error; by commas"
    )
    parser.add_argument("--false-alarm-rate", type=float, default=0.01)
    parser.add_argument("--detector", default="default")
    parser.add_argument("--calibration", help="file of `unsung calibrate`")
    parser.add_argument("--report", help="folder for a page on each file")
    parser.add_argument("--reviewed", help="list of SHA-256 of files that were decided about")
    return parser


def _wrong(message: str) -> int:
    print(f"error: {printable(message)}", file=sys.stderr)
    return WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main())
