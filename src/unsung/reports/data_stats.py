# SPDX-License-Identifier: MIT
"""The page of `unsung data stats`: one self-contained file with tables, bars and histograms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsung.data.stats import Histogram, Stats
from unsung.reports.axes import Axis, Tick
from unsung.reports.page import render, this_command, this_version, write_page
from unsung.reports.words import number, percent

__all__ = ["write_data_stats"]

HEIGHT_PX = 74
"""Height of one histogram's bars."""
_TITLES = {
    "codec": "Codec",
    "sample_rate_hz": "Sample rate, Hz",
    "channels": "Channels",
    "licence": "Licence",
    "family": "Family of generators",
    "use": "Use",
    "dataset": "Corpus",
    "duration_s": "Duration, s",
    "bitrate_kbps": "Bit rate, kbit/s",
}
_FEATURES = {**_TITLES, "all of them": "All together"}
_LONGEST = 16
"""Most values of a property that stand in a row each; rarer ones are added up."""


@dataclass(frozen=True)
class Bar:
    """A column of a histogram: place and width in percent, top and height in pixels."""

    x: float
    width: float
    y: float
    height: float
    title: str


@dataclass(frozen=True)
class Plot:
    """One histogram: a strip of bars for each label over a common axis."""

    title: str
    strips: tuple[tuple[str, int, tuple[Bar, ...]], ...]
    ticks: tuple[Tick, ...]
    note: str


@dataclass(frozen=True)
class Row:
    """One value of a property: its count and share (text, percent) for each label."""

    value: str
    total: int
    shares: tuple[tuple[str, int, str, float], ...]


def write_data_stats(stats: Stats, out: Path, *, command: str | None = None) -> Path:
    """Write ``data.html`` and return its path.

    Args:
        stats: what `unsung.data.stats.stats` counted.
        out: folder of the page; made when absent.
        command: the command behind the page; None takes the running one.
    """
    labels = list(stats.labels)
    splits = sorted({cell.split for cell in stats.cells})
    context: dict[str, Any] = {
        "stats": stats,
        "labels": labels,
        "splits": splits if splits != [""] else [],
        "generators": _generators(stats, splits),
        "plots": [_plot(histogram, labels) for histogram in stats.histograms if histogram.edges],
        "properties": [
            (_TITLES[name], _rows(values, stats.labels))
            for name, values in stats.properties.items()
            if list(values) != ["?"]
        ],
        "unstated": [
            _TITLES[name] for name, values in stats.properties.items() if list(values) == ["?"]
        ],
        "confounds": [(_FEATURES[row.feature], row) for row in stats.confounds],
        "height": HEIGHT_PX,
        "version": this_version(),
        "command": this_command() if command is None else command,
    }
    text = render("data_stats.html.j2", "stress.js", context)
    return write_page(out / "data.html", text)


def _generators(stats: Stats, splits: Iterable[str]) -> list[dict[str, Any]]:
    """Return a row for each label and generator: counts by split, total, hours, bar in percent."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for cell in stats.cells:
        row = rows.setdefault(
            (cell.label, cell.generator),
            {"n": 0, "hours": 0.0, "groups": 0, "by": dict.fromkeys(splits, 0)},
        )
        row["n"] += cell.n
        row["hours"] += cell.hours
        row["by"][cell.split] += cell.n
    order = {label: index for index, label in enumerate(stats.labels)}
    ranked = sorted(rows.items(), key=lambda item: (order[item[0][0]], -item[1]["n"], item[0][1]))
    top = max(row["n"] for row in rows.values()) if rows else 1
    return [
        row | {"label": label, "generator": generator, "percent": 100 * row["n"] / top}
        for (label, generator), row in ranked
    ]


def _plot(histogram: Histogram, labels: Iterable[str]) -> Plot:
    """Draw every label against its own total: shapes compare, whatever the numbers."""
    axis = Axis(histogram.edges[0], histogram.edges[-1])
    strips = []
    for label in labels:
        counts = histogram.counts.get(label, [])
        total = sum(counts)
        if total:
            strips.append((label, total, _bars(counts, total, histogram, axis)))
    note = "the last bin also holds what is larger"
    if histogram.n_unknown:
        note += f"; {histogram.n_unknown} tracks state none"
    return Plot(_TITLES[histogram.name], tuple(strips), axis.ticks(8), note)


def _bars(counts: list[int], total: int, histogram: Histogram, axis: Axis) -> tuple[Bar, ...]:
    top = max(counts)
    bars = []
    for low, high, count in zip(histogram.edges, histogram.edges[1:], counts, strict=False):
        if count:
            tall = max(1.5, count / top * (HEIGHT_PX - 14))
            span = f"{number(low, 1)}–{number(high, 1)} {histogram.unit}"
            title = f"{span}: {count} ({percent(count / total)})"
            x = axis.percent(low)
            width = round(axis.percent(high) - x - 0.25, 3)
            bars.append(Bar(x, width, round(HEIGHT_PX - tall, 2), round(tall, 2), title))
    return tuple(bars)


def _rows(values: dict[str, dict[str, int]], totals: dict[str, int]) -> list[Row]:
    shown = list(values.items())
    if len(shown) > _LONGEST:
        rest: dict[str, int] = {}
        for _, counts in shown[_LONGEST - 1 :]:
            for label, count in counts.items():
                rest[label] = rest.get(label, 0) + count
        shown = [*shown[: _LONGEST - 1], (f"{len(shown) - _LONGEST + 1} others", rest)]
    return [
        Row(
            "not stated" if value == "?" else value,
            sum(counts.values()),
            tuple(
                (label, n, percent(n / total), round(100 * n / total, 2))
                for label, total in totals.items()
                for n in (counts.get(label, 0),)
            ),
        )
        for value, counts in shown
    ]
