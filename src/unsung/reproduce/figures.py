# SPDX-License-Identifier: MIT
"""The figures of an experiment's page as inline SVG, made from numbers alone.

Colours come from the page's style sheet, so that the page also serves in the dark; every mark has a
title, which a browser shows and a screen reader reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from unsung.attacks import parse
from unsung.evaluation import llr_to_probability
from unsung.evaluation.calibration import reliability
from unsung.evaluation.discrimination import roc_curve
from unsung.reproduce.views import View
from unsung.types import Result

__all__ = ["Figure", "reliability_diagram", "roc", "shift_curves"]

SIDE = 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 10, 46
"""Room around the plot, in which numbers of up to six signs and the axes' names fit."""
COLOURS = 6
"""Line colours in the style sheet; a figure holds no more lines."""


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption."""

    svg: str
    caption: str


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
        height = SIDE + 16 * len(names) + 4
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
            y = SIDE + 16 * index + 6
            parts.append(f'<path class="line c{index}" d="M{LEFT} {y}h18"/>')
            parts.append(f'<text x="{LEFT + 24}" y="{y + 4}">{escape(name)}</text>')
        return "".join([*parts, "</svg>"])

    def _axes(self) -> list[str]:
        parts = []
        bottom, right = SIDE - BOTTOM, SIDE - RIGHT
        for x in ticks(*self.x):
            px = self._x(x)
            parts.append(f'<path class="grid" d="M{px:.1f} {TOP}V{bottom}"/>')
            parts.append(f'<text class="mid" x="{px:.1f}" y="{bottom + 15}">{x:g}</text>')
        for y in ticks(*self.y):
            py = self._y(y)
            parts.append(f'<path class="grid" d="M{LEFT} {py:.1f}H{right}"/>')
            parts.append(f'<text class="end" x="{LEFT - 6}" y="{py + 4:.1f}">{y:g}</text>')
        parts.append(
            f'<text class="mid" x="{(LEFT + right) / 2:.0f}" y="{bottom + 33}">'
            f"{escape(self.x_name)}</text>"
        )
        parts.append(
            f'<text class="mid" transform="translate(12 {(TOP + bottom) / 2:.0f}) rotate(-90)">'
            f"{escape(self.y_name)}</text>"
        )
        return parts

    def _x(self, value: float) -> float:
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return float(LEFT + share * (SIDE - RIGHT - LEFT))

    def _y(self, value: float) -> float:
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return float(SIDE - BOTTOM - share * (SIDE - BOTTOM - TOP))

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


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers within a range: steps of 1, 2, 2.5 or 5 times a power of ten.

    >>> ticks(-1.5, 1.0)
    [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0]
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * k for k in (1, 2, 2.5, 5, 10) if power * k >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, last + 1)]


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" role="img"><title>{escape(title)}</title>'
    )
