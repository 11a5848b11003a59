# SPDX-License-Identifier: MIT
"""The summary page of a catalogue: one self-contained file, drawn from `Summary` alone."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unsung.evaluation.proportions import Interval
from unsung.reports.axes import Axis, Tick
from unsung.reports.page import render, this_command, this_version, write_page
from unsung.reports.words import advice, number, percent
from unsung.scanning.drift import Change, Stretch
from unsung.scanning.summary import LOGIT_STEP, GroupCount, Summary

__all__ = ["write_catalogue"]

HEIGHT_PX = 120
SURE = 0.01  # p below which a change is drawn
_TITLES = {"label": "Record labels", "artist": "Artists", "folder": "Folders"}


@dataclass(frozen=True)
class Bar:
    """A column of a histogram: place and width in percent, top and height in pixels."""

    x: float
    width: float
    y: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True)
class Whisker:
    """A stretch of a series: place in percent; quartiles and median in pixels."""

    x: float
    low: float
    median: float
    high: float
    title: str


@dataclass(frozen=True)
class Series:
    """A drawing of drift, with what the test says."""

    title: str
    whiskers: tuple[Whisker, ...]
    ticks: tuple[tuple[float, str, str], ...]
    levels: tuple[tuple[float, str], ...]
    threshold_px: float | None
    change_at: float | None
    says: str


@dataclass(frozen=True)
class Share:
    """One estimate: its words, its interval in percent of the axis."""

    name: str
    text: str
    span: str
    at: float
    left: float
    width: float
    note: str


def write_catalogue(summary: Summary, page: Path, *, command: str | None = None) -> Path:
    """Write the page and return its path.

    Args:
        summary: what `unsung.scanning.summary.summarise` counted.
        page: the HTML file.
        command: the command behind the page; None takes the running one.
    """
    context: dict[str, Any] = {
        "s": summary,
        "kinds": [
            k for k in ("ai", "human", "undecided", "unrated", "failed") if summary.verdicts.get(k)
        ],
        "shares": _shares(summary),
        "share_ticks": _share_axis(summary).ticks(5),
        "logits": _logits(summary),
        "probabilities": _probabilities(summary),
        "series": [item for item in (_by_order(summary), _by_date(summary)) if item is not None],
        "groups": [
            (_TITLES[name], summary.n_names[name], under, [_row(item, under) for item in rows])
            for name, rows in summary.groups.items()
            for under in (_common(rows) if name == "folder" else "",)
            if rows
        ],
        "errors": [(name, n, advice(name)) for name, n in summary.errors.items()],
        "height": HEIGHT_PX,
        "version": this_version(),
        "command": this_command() if command is None else command,
    }
    text = render("catalogue.html.j2", "stress.js", context)
    return write_page(page, text)


def _share_axis(summary: Summary) -> Axis:
    """Start at 0 and end where the widest interval does: 1 % must be seen, 100 % too."""
    ends = [i.high for i in (summary.counted, summary.corrected, summary.likelihood) if i]
    return Axis(0.0, min(100.0, 100.0 * max([0.02, *ends]) * 1.08))


def _shares(summary: Summary) -> tuple[Share, ...]:
    axis = _share_axis(summary)
    rows = (
        ("Called AI", summary.counted, "counted as it is, false alarms and misses included"),
        (
            "Corrected for error rates",
            summary.corrected,
            "Rogan–Gladen, with the false-alarm and miss rates of the calibration recordings",
        ),
        (
            "Likeliest mixture",
            summary.likelihood,
            "weighs how sure each score is; needs no threshold",
        ),
    )
    return tuple(_share(name, found, note, axis) for name, found, note in rows if found)


def _share(name: str, found: Interval, note: str, axis: Axis) -> Share:
    left, right = axis.percent(100 * found.low), axis.percent(100 * found.high)
    return Share(
        name,
        percent(found.value, 1),
        _span(found),
        axis.percent(100 * found.value),
        left,
        round(max(right - left, 0.4), 3),
        note,
    )


def _logits(summary: Summary) -> dict[str, Any] | None:
    counts = {int(name): n for name, n in summary.logits.items()}
    if not counts:
        return None
    ends = [summary.threshold] if summary.threshold is not None else []
    axis = Axis(
        min([LOGIT_STEP * min(counts), *ends]) - LOGIT_STEP,
        max([LOGIT_STEP * (max(counts) + 1), *ends]) + LOGIT_STEP,
    )
    top = max(counts.values())
    bars = []
    for place, n in counts.items():
        low, high = place * LOGIT_STEP, (place + 1) * LOGIT_STEP
        flagged = summary.threshold is not None and low >= summary.threshold
        title = f"{number(low, 1)} to {number(high, 1)}: {n}"
        bars.append(_bar(axis, (low, high), n / top, "ai" if flagged else "undecided", title))
    at = None if summary.threshold is None else axis.percent(summary.threshold)
    return {"bars": bars, "ticks": axis.ticks(9, signed=True), "at": at}


def _probabilities(summary: Summary) -> dict[str, Any] | None:
    total = sum(summary.probabilities)
    if not total:
        return None
    axis, top = Axis(0.0, 100.0), max(summary.probabilities)
    bars = [
        _bar(axis, (5.0 * k, 5.0 * k + 5), n / top, "undecided", f"{5 * k} to {5 * k + 5} %: {n}")
        for k, n in enumerate(summary.probabilities)
        if n
    ]
    ticks = [Tick(at, f"{at} %", at % 50 != 0) for at in (0, 25, 50, 75, 100)]
    return {"bars": bars, "ticks": ticks, "at": None}


def _bar(axis: Axis, ends: tuple[float, float], share: float, kind: str, title: str) -> Bar:
    low, high = ends
    tall = max(1.5, share * (HEIGHT_PX - 14))
    x = axis.percent(low)
    width = round(max(axis.percent(high) - x - 0.2, 0.2), 3)
    return Bar(x, width, round(HEIGHT_PX - tall, 2), round(tall, 2), kind, title)


def _by_order(summary: Summary) -> Series | None:
    pieces, found = summary.by_order, summary.order_change
    return _series("In the order of the scan", pieces, found, summary.threshold, _track)


def _track(place: float) -> str:
    return f"track {round(place)}"


def _by_date(summary: Summary) -> Series | None:
    pieces = summary.by_date
    one_day = bool(pieces) and pieces[-1].end - pieces[0].start < 86_400
    name = _time if one_day else _day
    return _series("By date of the file", pieces, summary.date_change, summary.threshold, name)


def _series(
    title: str,
    pieces: tuple[Stretch, ...],
    found: Change | None,
    threshold: float | None,
    name: Callable[[float], str],
) -> Series | None:
    if len(pieces) < 2:
        return None
    values = [v for piece in pieces for v in (piece.low, piece.high)]
    if threshold is not None:
        values.append(threshold)
    margin = 0.06 * (max(values) - min(values) or 1.0)
    up = Axis(min(values) - margin, max(values) + margin)
    step = 100.0 / len(pieces)

    def px(value: float) -> float:
        return up.up(value, 4.0, HEIGHT_PX - 4.0)

    whiskers = tuple(
        Whisker(
            round((index + 0.5) * step, 3),
            px(piece.low),
            px(piece.median),
            px(piece.high),
            f"{name(piece.start)} to {name(piece.end)}: {piece.n} tracks, median "
            f"{number(piece.median, 1, signed=True)}, {piece.flagged} called AI",
        )
        for index, piece in enumerate(pieces)
    )
    ends = ((0.0, name(pieces[0].start), "start"), (100.0, name(pieces[-1].end), "end"))
    at = None
    if found is not None and found.p_value < SURE:
        at = round(step * sum(piece.start < found.at for piece in pieces), 3)
    return Series(
        title,
        whiskers,
        ends,
        tuple((px(v), number(v, 0, signed=True)) for v in up.values(4)),
        None if threshold is None else px(threshold),
        at,
        _says(found, name),
    )


def _says(found: Change | None, name: Callable[[float], str]) -> str:
    if found is None:
        return "Too few artists or folders to test for a change."
    chance = "below 0.0001" if found.p_value < 1e-4 else number(found.p_value, 4)
    if found.p_value >= SURE:
        return f"No change shows (p {chance}; {found.n_groups} artists or folders)."
    before, after = (number(v, 1, signed=True) for v in (found.before, found.after))
    return (
        f"The level changes at {name(found.at)}: median logit {before} before, {after} after "
        f"(p {chance}; {found.n_groups} artists or folders)."
    )


def _day(seconds: float) -> str:
    return _time(seconds)[:10]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _span(found: Interval) -> str:
    """Return an interval with one unit: "3.1 – 5.0 %"."""
    return f"{number(100 * found.low, 1)} – {percent(found.high, 1)}"


def _common(rows: Sequence[GroupCount]) -> str:
    """Return the folder that all these folders lie in, to be said once."""
    names = [row.name for row in rows if row.name]
    if len(names) < 2:
        return ""
    try:
        return posixpath.commonpath(names).rstrip("/")
    except ValueError:  # absolute and relative ones together
        return ""


def _row(item: GroupCount, under: str) -> dict[str, Any]:
    low, high = 100 * item.share.low, 100 * item.share.high
    return {
        "name": item.name.removeprefix(f"{under}/") if item.name else "all further names",
        "n": item.n,
        "ai": item.ai,
        "undecided": item.undecided,
        "share": percent(item.share.value),
        "span": _span(item.share),
        "left": round(low, 2),
        "width": round(max(high - low, 0.5), 2),
        "at": round(100 * item.share.value, 2),
    }
