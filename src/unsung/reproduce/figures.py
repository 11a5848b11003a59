# SPDX-License-Identifier: MIT
"""The figures of an experiment's page as inline SVG, made from numbers alone.

Colours come from the page's style sheet, so that the page also serves in the dark; every mark has a
title, which a browser shows and a screen reader reads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from unsung.attacks import parse
from unsung.evaluation import llr_to_probability
from unsung.evaluation.calibration import reliability
from unsung.evaluation.discrimination import roc_curve
from unsung.reproduce.views import View
from unsung.types import Result

__all__ = ["Figure", "heat_map", "reliability_diagram", "roc", "shift_curves"]

SIDE = 300
MARGIN = 50
COLOURS = 6
"""Line colours in the style sheet; a figure holds no more lines."""


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption."""

    svg: str
    caption: str


def heat_map(
    values: Mapping[tuple[str, str], Result],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
) -> str:
    """Return a grid of shares: a row each, a column each; empty where nothing was measured.

    Args:
        values: a result from 0 to 1 for (row, column).
        rows: names down the side.
        columns: names across the top.
        title: what the numbers are, for screen readers.
    """
    side = 8 + max(len(row) for row in rows) * 6.6
    top = 12 + max(len(column) for column in columns) * 5.2
    width, height = side + 34 * len(columns) + 60, top + 22 * len(rows) + 6
    parts = [_open(width, height, title)]
    for j, column in enumerate(columns):
        x = side + 34 * j + 20
        place = f"translate({x:.0f} {top - 6:.0f}) rotate(-50)"
        parts.append(f'<text transform="{place}">{escape(column)}</text>')
    for i, row in enumerate(rows):
        y = top + 22 * i
        parts.append(f'<text x="{side - 6:.0f}" y="{y + 15:.0f}" class="end">{escape(row)}</text>')
        for j, column in enumerate(columns):
            found = values.get((row, column))
            if found is not None:
                parts.append(_heat_cell(found, f"{row}, {column}", side + 34 * j, y))
    return "".join([*parts, "</svg>"])


def _heat_cell(found: Result, name: str, x: float, y: float) -> str:
    share = min(1.0, max(0.0, found.value))
    words = f"{name}: {found.value:.3f}, {found.n_tracks} tracks"
    if found.low is not None and found.high is not None:
        words += f", 95 % from {found.low:.2f} to {found.high:.2f}"
    return (
        f'<g><title>{escape(words)}</title><rect x="{x:.0f}" y="{y:.0f}" width="33" '
        f'height="21" class="heat" fill-opacity="{share:.3f}"/>'
        f'<text x="{x + 16.5:.0f}" y="{y + 15:.0f}" class="mid{" over" * (share > 0.55)}">'
        f"{100 * share:.0f}</text></g>"
    )


def roc(views: Sequence[View]) -> str:
    """Return curves of found AI tracks over false alarms, one for each view given."""
    lines = []
    for view in views[:COLOURS]:
        keep = view.scored
        curve = roc_curve(view.y[keep], view.logit[keep])
        lines.append((view.condition, curve.false_alarm_rate, curve.detection_rate))
    plot = _Plot((0.0, 1.0), (0.0, 1.0), "false alarms", "AI tracks found", "ROC")
    return plot.draw(lines, diagonal=True)


def reliability_diagram(views: Sequence[View], bins: int = 10) -> str:
    """Return the share of AI tracks over the stated probability (even prior), a line each."""
    lines = []
    for view in views[:COLOURS]:
        keep = view.scored
        chance = llr_to_probability(view.llr[keep], 0.5)
        found = reliability(view.y[keep], chance, bins=bins, of="ai")
        lines.append((view.condition, np.array(found.confidence), np.array(found.accuracy)))
    plot = _Plot((0.0, 1.0), (0.0, 1.0), "stated probability of AI", "share AI", "reliability")
    return plot.draw(lines, diagonal=True, dots=True)


def shift_curves(results: Sequence[Result], detector: str, seed: int) -> list[Figure]:
    """Return a drawing for each attack with two strengths or more: score shift over strength."""
    series: dict[str, dict[str, list[tuple[float, float]]]] = {}
    units = {}
    for row in results:
        single = row.detector == detector and row.seed == seed and "+" not in row.condition
        if not (single and row.metric in ("score_shift_ai", "score_shift_human")):
            continue
        if "@" not in row.condition:
            continue
        step = parse(row.condition).steps[0]
        units[step.name] = step.attack.unit
        label = row.metric.removeprefix("score_shift_")
        parts = series.setdefault(step.name, {"ai": [], "human": []})
        parts[label].append((step.strength, row.value))
    found = []
    for name, parts in series.items():
        if len(parts["ai"]) < 2:
            continue
        lines = [(key, *np.array(sorted(points)).T) for key, points in parts.items() if points]
        xs = np.concatenate([line[1] for line in lines])
        ys = np.concatenate([line[2] for line in lines] + [np.zeros(1)])
        plot = _Plot(_range(xs), _quarters(ys), units[name], "change of the logit", name)
        found.append(Figure(plot.draw(lines, dots=True), name))
    return found


@dataclass(frozen=True)
class _Plot:
    x: tuple[float, float]
    y: tuple[float, float]
    x_name: str
    y_name: str
    title: str

    def draw(
        self,
        lines: Sequence[tuple[str, np.ndarray, np.ndarray]],
        *,
        diagonal: bool = False,
        dots: bool = False,
    ) -> str:
        """Return axes, lines and a legend."""
        names = [str(name) for name, _, _ in lines]
        height = SIDE + 16 * len(names)
        parts = [_open(SIDE, height, f"{self.title}: {self.y_name} over {self.x_name}")]
        parts += self._axes()
        if diagonal:
            parts.append(f'<path class="grid" d="{self._path([0.0, 1.0], [0.0, 1.0])}"/>')
        for index, (_, xs, ys) in enumerate(lines):
            parts.append(f'<path class="line c{index}" d="{self._path(xs, ys)}"/>')
            if dots:
                parts += [
                    f'<circle class="c{index}" cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="3">'
                    f"<title>{x:g}: {y:.3f}</title></circle>"
                    for x, y in zip(xs, ys, strict=True)
                ]
        for index, name in enumerate(names):
            y = SIDE + 16 * index
            parts.append(f'<path class="line c{index}" d="M{MARGIN} {y}h18"/>')
            parts.append(f'<text x="{MARGIN + 24}" y="{y + 4}">{escape(name)}</text>')
        return "".join([*parts, "</svg>"])

    def _axes(self) -> list[str]:
        parts = []
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            x = self.x[0] + share * (self.x[1] - self.x[0])
            y = self.y[0] + share * (self.y[1] - self.y[0])
            px, py = self._x(x), self._y(y)
            bottom, right = self._y(self.y[0]), self._x(self.x[1])
            parts.append(f'<path class="grid" d="M{px:.1f} 8V{bottom:.1f}"/>')
            parts.append(f'<path class="grid" d="M{MARGIN} {py:.1f}H{right:.1f}"/>')
            parts.append(f'<text class="mid" x="{px:.1f}" y="{bottom + 14:.1f}">{_short(x)}</text>')
            parts.append(f'<text class="end" x="{MARGIN - 4}" y="{py + 4:.1f}">{_short(y)}</text>')
        middle = (MARGIN + SIDE - 8) / 2
        parts.append(
            f'<text class="mid" x="{middle:.0f}" y="{SIDE - 14}">{escape(self.x_name)}</text>'
        )
        parts.append(
            f'<text class="mid" transform="translate(10 {SIDE / 2 - 20:.0f}) rotate(-90)">'
            f"{escape(self.y_name)}</text>"
        )
        return parts

    def _x(self, value: float) -> float:
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return float(MARGIN + share * (SIDE - 8 - MARGIN))

    def _y(self, value: float) -> float:
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return float(SIDE - MARGIN - share * (SIDE - MARGIN - 8))

    def _path(self, xs: Sequence[float] | np.ndarray, ys: Sequence[float] | np.ndarray) -> str:
        points = (f"{self._x(x):.1f} {self._y(y):.1f}" for x, y in zip(xs, ys, strict=True))
        return "M" + "L".join(points)


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _quarters(values: np.ndarray) -> tuple[float, float]:
    """Return a range on a grid of 0.25, never so narrow that nothing looks like much."""
    low = math.floor(4 * min(-0.25, float(values.min()))) / 4
    return low, math.ceil(4 * max(0.25, float(values.max()))) / 4


def _short(value: float) -> str:
    return f"{float(f'{value:.3g}'):g}"


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" role="img"><title>{escape(title)}</title>'
    )
