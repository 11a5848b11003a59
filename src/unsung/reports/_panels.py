# SPDX-License-Identifier: MIT
"""Small drawings of one attack: logit or share against strength, one step of the ladder a place.

Steps stand evenly, since a ladder's numbers do not (kHz halve, dB add); a two-sided ladder has the
clean sound in its middle, a one-sided one at its left. Places are in the units of the drawing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import quantiles

from unsung.reports.axes import Axis
from unsung.reports.words import number, percent
from unsung.scanning._curve import strength_text
from unsung.scanning.stress import Curve, Survival, neutral

__all__ = ["HEIGHT", "WIDTH", "Panel", "draw_curve", "draw_logits", "draw_survival", "strength"]

WIDTH, HEIGHT = 340, 186
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 330, 10, 156
_LABELS_AT_MOST = 8


@dataclass(frozen=True)
class Dot:
    """One measured place; ``key`` selects its shape, ``text`` says it in words."""

    x: float
    y: float
    key: str
    text: str
    small: bool = False


@dataclass(frozen=True)
class Line:
    """A line through what was measured, and the band of its interval (may be empty)."""

    key: str
    path: str
    band: str = ""


@dataclass(frozen=True)
class Panel:
    """One drawing; zones and limits lie over the whole width."""

    aria: str
    ticks: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    zones: tuple[tuple[float, float, str], ...] = ()
    limits: tuple[tuple[float, str], ...] = ()
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    mark: float | None = None


class _Steps:
    """Where strengths stand along a drawing."""

    def __init__(self, strengths: Sequence[float], unit: str) -> None:
        centre = neutral(strengths, unit)
        if centre is None:
            places: list[float | None] = [None, *strengths]
        else:
            places = [*sorted({*strengths, centre})]
        self.clean = 0 if centre is None else places.index(centre)
        self._known = [value for value in places if value is not None]
        self._first = len(places) - len(self._known)
        step = (_RIGHT - _LEFT - 16) / max(1, len(places) - 1)
        self._x = [_LEFT + 8 + step * i for i in range(len(places))]
        every = math.ceil(len(places) / _LABELS_AT_MOST)
        self.ticks = tuple(
            (round(self._x[i], 1), "clean" if i == self.clean else strength(value or 0.0))
            for i, value in enumerate(places)
            if (i - self.clean) % every == 0
        )

    def x(self, value: float | None) -> float:
        """Return the place of a strength, between two steps if need be; None is the clean sound."""
        if value is None:
            return round(self._x[self.clean], 2)
        for i, (a, b) in enumerate(pairwise(self._known), start=self._first):
            if min(a, b) <= value <= max(a, b):
                return round(self._x[i] + (self._x[i + 1] - self._x[i]) * (value - a) / (b - a), 2)
        return round(self._x[self._first + self._known.index(value)], 2)


def strength(value: float) -> str:
    """Return a strength as short as it can be told.

    >>> strength(22050.0), strength(0.9997)
    ('22.05k', '0.9997')
    """
    if abs(value) >= 1000:
        return f"{value / 1000:.4g}k".replace("-", "−")
    return strength_text(value).replace("-", "−")


def draw_curve(
    curve: Curve, axis: Axis, ai_logit: float | None, human_logit: float | None
) -> Panel:
    """Return the logit of one track against an attack's strength, with the thresholds."""
    steps = _Steps(curve.strengths, curve.unit)
    points = [(steps.x(None), curve.clean.logit, curve.clean.verdict, "clean", False)]
    for s, logit, verdict in zip(curve.strengths, curve.logits, curve.verdicts, strict=True):
        if verdict is not None:
            points.append((steps.x(s), logit, verdict, strength(s), False))
    for p in curve.refined:
        if p.verdict is not None:
            points.append((steps.x(p.strength), p.logit, p.verdict, strength(p.strength), True))
    known = sorted((x, y, v, t, small) for x, y, v, t, small in points if y is not None)
    dots = tuple(
        Dot(x, _y(axis, y), v, f"{t}: logit {number(y, signed=True)}, {v}", small)
        for x, y, v, t, small in known
    )
    broken = curve.breaking_strength
    return Panel(
        f"Logit against strength of {curve.attack}, {len(dots)} points",
        steps.ticks,
        _levels(axis),
        _zones(axis, ai_logit, human_logit),
        _limits(axis, ai_logit, human_logit),
        (Line("track", _path([(d.x, d.y) for d in dots])),),
        dots,
        None if broken is None else steps.x(broken),
    )


def draw_survival(rows: Sequence[Survival]) -> Panel:
    """Return the share of tracks of each label whose verdict survives, with exact intervals."""
    axis = Axis(0.0, 1.0)
    steps = _Steps(_ladder(rows), rows[0].unit)
    lines, dots = [], []
    for label in dict.fromkeys(row.label for row in rows):
        cells = [(steps.x(None), 1.0, 1.0, 1.0)]
        for row in rows:
            if row.label == label and row.survives is not None:
                s = row.survives
                cells.append((steps.x(row.strength), s.value, s.low, s.high))
                text = f"{label}, {strength(row.strength)}: {percent(s.value)} of {row.n_right}"
                dots.append(Dot(cells[-1][0], _y(axis, s.value), label, text))
        if len(cells) > 1:
            lines.append(_line(label, cells, axis))
    levels = tuple((_y(axis, v), percent(v)) for v in (0.0, 0.5, 1.0))
    aria = f"Share of verdicts that survive {rows[0].attack}, by strength and label"
    return Panel(aria, steps.ticks, levels, lines=tuple(lines), dots=tuple(dots))


def draw_logits(
    curves: Sequence[tuple[str, Curve]],
    axis: Axis,
    ai_logit: float | None,
    human_logit: float | None,
) -> Panel:
    """Return the median logit of each label against strength, and its quartiles as a band."""
    steps = _Steps(curves[0][1].strengths, curves[0][1].unit)
    lines, dots = [], []
    for label in dict.fromkeys(label for label, _ in curves):
        mine = [curve for name, curve in curves if name == label]
        columns = [(None, [c.clean.logit for c in mine])]
        columns += [(s, [c.logits[i] for c in mine]) for i, s in enumerate(mine[0].strengths)]  # type: ignore[misc]
        cells = []
        for value, logits in columns:
            known = [logit for logit in logits if logit is not None]
            if known:
                low, median, high = _quartiles(known)
                cells.append((steps.x(value), median, low, high))
                name = "clean" if value is None else strength(value)
                text = f"{label}, {name}: median logit {number(median, signed=True)}"
                dots.append(Dot(cells[-1][0], _y(axis, median), label, text))
        lines.append(_line(label, cells, axis))
    return Panel(
        f"Median logit against strength of {curves[0][1].attack}, by label",
        steps.ticks,
        _levels(axis),
        _zones(axis, ai_logit, human_logit),
        _limits(axis, ai_logit, human_logit),
        tuple(lines),
        tuple(dots),
    )


def _line(key: str, cells: list[tuple[float, float, float, float]], axis: Axis) -> Line:
    cells = sorted(cells)
    upper = [(x, _y(axis, high)) for x, _, _, high in cells]
    lower = [(x, _y(axis, low)) for x, _, low, _ in reversed(cells)]
    return Line(key, _path([(x, _y(axis, v)) for x, v, _, _ in cells]), _path(upper + lower) + "z")


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + " ".join(f"{x:g},{y:g}" for x, y in places) if places else ""


def _y(axis: Axis, value: float) -> float:
    return axis.up(value, _TOP, _BOTTOM)


def _levels(axis: Axis) -> tuple[tuple[float, str], ...]:
    return tuple((_y(axis, v), number(v, 0, signed=True)) for v in axis.values(5) if v == int(v))


def _zones(
    axis: Axis, ai_logit: float | None, human_logit: float | None
) -> tuple[tuple[float, float, str], ...]:
    zones = []
    if ai_logit is not None:
        zones.append((float(_TOP), _y(axis, ai_logit) - _TOP, "ai"))
    if human_logit is not None:
        y = _y(axis, human_logit)
        zones.append((y, round(_BOTTOM - y, 2), "human"))
    return tuple(zones)


def _limits(
    axis: Axis, ai_logit: float | None, human_logit: float | None
) -> tuple[tuple[float, str], ...]:
    pairs = ((ai_logit, "ai"), (human_logit, "human"))
    return tuple((_y(axis, value), key) for value, key in pairs if value is not None)


def _ladder(rows: Sequence[Survival]) -> list[float]:
    return list(dict.fromkeys(row.strength for row in rows))


def _quartiles(values: list[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = quantiles(values, n=4, method="inclusive")
    return low, median, high
