# SPDX-License-Identifier: MIT
"""Prints scores as lines and a progress line that never mixes with them."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from unsung.core.text import clock
from unsung.text import printable

if TYPE_CHECKING:
    from unsung.scanning import Progress
    from unsung.types import Score

__all__ = [
    "LineWriter",
    "ProgressLine",
    "Status",
    "printable",
    "score_line",
    "tell",
    "tell_left_out",
    "use_colour",
]

_COLOURS = {"ai": "red", "human": "green", "undecided": "yellow", "failed": "magenta"}
_WORDS = {
    "ai": "AI",
    "human": "human",
    "undecided": "undecided",
    "unrated": "unrated",
    "failed": "error",
}
_BAR = 24
_EXTENSIONS = 8
_QUIET_S = 1.0  # short work needs no bar


class LineWriter:
    """One line a track on standard output."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def write(self, score: Score) -> None:
        """Print the score's line at once, also into a pipe."""
        typer.echo(score_line(score, self._colour), color=self._colour)
        sys.stdout.flush()


class ProgressLine:
    """One line on standard error, drawn again and again where that is a terminal.

    Args:
        shown: draw at all.
        every_s: not more often than this on a terminal.
        logged: elsewhere print a line every ten seconds, instead of none.
    """

    def __init__(self, shown: bool = True, every_s: float = 0.2, *, logged: bool = False) -> None:
        self._terminal = sys.stderr.isatty()
        self.shown = shown and (self._terminal or logged)
        self._every_s = every_s if self._terminal else 10.0
        self._drawn, self._last_s = False, -math.inf

    def draw(self, words: str, *, keep: bool = False) -> None:
        """Show the newest words, if it is time; ``keep`` shows them in any case, and for good."""
        now = time.monotonic()
        if not self.shown or (now - self._last_s < self._every_s and not keep):
            return
        self._last_s, self._drawn = now, self._terminal and not keep
        start, end = ("\r\x1b[K" if self._terminal else ""), ("" if self._drawn else "\n")
        sys.stderr.write(f"{start}{words}{end}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn, self._last_s = False, -math.inf


class Status:
    """A progress line on standard error, where that is a terminal and the work takes a while."""

    def __init__(self, inputs: list[str], shown: bool) -> None:
        self._wanted = shown
        self._line = ProgressLine(shown, 0.1)
        self._total: int | None = None
        self.progress: Progress | None = None
        self._verdicts: Counter[str] = Counter()
        self._calibration = ""
        if self._line.shown:
            threading.Thread(target=self._count, args=(inputs,), daemon=True).start()

    def __call__(self, progress: Progress) -> None:
        """Take the newest counts and draw them, at most ten times a second."""
        self.progress = progress
        self.draw()

    def draw(self) -> None:
        """Draw the line, once the work has taken a while."""
        if self.progress is not None and self.progress.elapsed_s > _QUIET_S:
            self._line.draw(_bar(self.progress, self._total))

    def judged(self, score: Score) -> Score:
        """Count a verdict, and make room for what is printed about it."""
        self._verdicts[score.state] += 1
        self._verdicts["damaged"] += score.damaged
        if score.probability is not None and score.prior is not None:
            self._calibration = f"{score.calibration}; prior {_percent(score.prior)}"
        self.clear()
        return score

    def clear(self) -> None:
        """Take the progress line away."""
        self._line.clear()

    def finish(self, false_alarm_rate: float) -> None:
        """Print what was done, on standard error."""
        self.clear()
        if self._wanted and self.progress is not None:
            typer.echo(_summary(self.progress, self._verdicts, false_alarm_rate), err=True)
            if self._calibration:
                tell(f"probabilities: calibrated on {self._calibration}", err=True)

    def _count(self, inputs: list[str]) -> None:
        from unsung.audio.sources import expand

        self._total = sum(1 for _ in expand(inputs))


def score_line(score: Score, colour: bool = False) -> str:
    """Return a score as one line: verdict, probability with its calibration, logit, length, path.

    A fault of the file, the reason of an open verdict and what the file says of itself follow.
    """
    kind = score.state
    word = f"{_WORDS[kind]:<9}"
    if colour:
        word = typer.style(word, fg=_COLOURS.get(kind), bold=kind in ("ai", "human", "failed"))
    notes = []
    if score.error is not None:
        notes.append(f"{score.error.type}: {_without(score.error.message, score.path)}")
    elif score.reason:
        notes.append(score.reason)
    notes += score.notes
    notes += [
        f"the file says: {hint.field}={hint.value}"
        for hint in score.provenance
        if hint.says_ai or hint.kind != "encoder"
    ]
    parts = [word, _figures(score), printable(score.path)]
    return "  ".join(part for part in parts if part) + "".join(f" · {printable(n)}" for n in notes)


def tell(line: str, err: bool = False) -> None:
    """Print one line; whatever a file is called, it stays one and moves no cursor."""
    typer.echo(printable(line), err=err)


def tell_left_out(left_out: Mapping[str, int]) -> None:
    """Say how many files of folders were left out by their extension, the most frequent first."""
    if not left_out:
        return
    kinds = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    said = ", ".join(f"{kind or 'none'} {count}" for kind, count in kinds[:_EXTENSIONS])
    more = ", ..." if kinds[_EXTENSIONS:] else ""
    tell(f"{sum(left_out.values())} files left out by their extension: {said}{more}", err=True)


def use_colour(wanted: bool) -> bool:
    """Say whether standard output shows colour."""
    return wanted and sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _figures(score: Score) -> str:
    if score.logit is None:
        return ""
    parts = [f"logit {score.logit:+.2f}", clock(score.duration_s)]
    if score.probability is not None and score.calibration:
        parts.insert(0, f"{_percent(score.probability)} AI ({score.calibration.split(':')[0]})")
    if score.duration_s and score.covered_s < 0.5 * score.duration_s:
        parts[-1] += f" (heard {clock(score.covered_s)})"
    return "  ".join(parts)


def _percent(share: float) -> str:
    return (
        "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else f"{share:.0%}".replace("%", " %")
    )


def _without(message: str, path: str) -> str:
    """Drop the path that a message begins with: the line shows it already."""
    return message.removeprefix(f"{path}: ").removeprefix(f"{printable(path)}: ")


def _bar(progress: Progress, total: int | None) -> str:
    done = progress.done + progress.skipped
    elapsed_s = max(progress.elapsed_s, 1e-9)
    speed = (
        f"{progress.done / elapsed_s:.1f} tracks/s, {progress.audio_s / elapsed_s:.0f} x real time"
    )
    if not total or done > total:
        return f"{done} tracks, {speed}"
    filled = round(_BAR * done / total)
    left_s = elapsed_s * (total - done) / max(progress.done, 1)
    bar = "#" * filled + "-" * (_BAR - filled)
    return f"[{bar}] {done}/{total}, {speed}, {clock(left_s)} left"


def _summary(progress: Progress, verdicts: Counter[str], rate: float) -> str:
    counts = [f"{verdicts[kind]} {_WORDS[kind]}" for kind in ("ai", "human", "undecided")]
    counts += [f"{verdicts['unrated']} without a verdict"] if verdicts["unrated"] else []
    counts += [f"{verdicts['failed']} failed"] if verdicts["failed"] else []
    counts += [f"{progress.skipped} skipped"] if progress.skipped else []
    heard = f"; {verdicts['damaged']} damaged, heard in part" if verdicts["damaged"] else ""
    elapsed_s = max(progress.elapsed_s, 1e-9)
    tracks = "1 track" if progress.done == 1 else f"{progress.done} tracks"
    return (
        f"{tracks}: {', '.join(counts)}{heard}; at a false-alarm rate of {rate:.3g}; "
        f"{elapsed_s:.1f} s, {progress.audio_s / elapsed_s:.0f} x real time"
    )
