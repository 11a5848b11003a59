# SPDX-License-Identifier: MIT
"""Axes, ticks and labels for the drawings: positions in percent, so they fit any page width.

A drawing has a fixed height in pixels and takes the width of the page. Positions along it are
percentages, sizes of letters are pixels: text stays legible on a phone. Labels that do not
overlap at the narrowest width do not overlap at a larger one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.core.text import clock
from unsung.reports.words import number

__all__ = [
    "MIDDLE_PX",
    "NARROW_PX",
    "WIDE_PX",
    "Axis",
    "Label",
    "Placed",
    "Tick",
    "finite_range",
    "place",
]

WIDE_PX = 820
"""Narrowest drawing of the desktop layout (page of 961 px less margins and gutter)."""
MIDDLE_PX = 580
"""Narrowest drawing of the tablet layout (page of 721 px)."""
NARROW_PX = 240
"""Narrowest drawing of the phone layout (page of 320 px less margins and gutter)."""

_LETTER_PX = 6.3  # mean width of a character at 11 px in common system fonts, rounded up
_GAP_PX = 8.0
_LEADER_PX = 3.0
_SHIFTS_PX = (0.0, 14.0, -14.0, 28.0, -28.0, 42.0, -42.0, 56.0, -56.0, 70.0, -70.0)
_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis; ``wide`` marks are left out on a phone."""

    at: float
    text: str
    wide: bool = False


@dataclass(frozen=True)
class Axis:
    """A linear scale from ``low`` to ``high``; `percent` is the only way from value to place.

    >>> Axis(0.0, 200.0).percent(50.0)
    25.0
    """

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Return the place of a value, 0 to 100, held inside the axis."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return round(100.0 * min(1.0, max(0.0, share)), 3)

    def up(self, value: float, top: float, bottom: float) -> float:
        """Return the height in pixels of a value on a vertical axis (high = top)."""
        return round(bottom - (bottom - top) * self.percent(value) / 100.0, 2)

    def holds(self, value: float) -> bool:
        """Tell whether a value lies inside the axis."""
        return self.low <= value <= self.high

    def values(self, count: int) -> list[float]:
        """Return round values inside the axis, at most about ``count``."""
        span = self.high - self.low
        if span <= 0 or not math.isfinite(span):
            return []
        raw = span / max(1, count)
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(unit * f for f in (1, 2, 5, 10) if unit * f >= raw * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]

    def ticks(self, count: int, *, signed: bool = False) -> tuple[Tick, ...]:
        """Return marks at round values; every second one stays on a phone if there are many."""
        values = self.values(count)
        step = values[1] - values[0] if len(values) > 1 else 1.0
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        skip = 2 if len(values) > 6 else 1
        return tuple(
            Tick(
                self.percent(v),
                number(v, digits, signed=signed),
                wide=round(v / step) % skip != 0,
            )
            for v in values
        )

    def time_ticks(self, wide: int = 10, narrow: int = 4) -> tuple[Tick, ...]:
        """Return marks at round times, ``m:ss``; those of the coarser step stay on a phone."""
        fine = _time_step(self.high / wide)
        coarse = fine * math.ceil(_time_step(self.high / narrow) / fine)
        count = int(self.high / fine + 1e-9)
        return tuple(
            Tick(self.percent(i * fine), clock(i * fine), wide=bool(i * fine % coarse))
            for i in range(count + 1)
        )

    def hz_ticks(self, count: int) -> tuple[Tick, ...]:
        """Return marks in kHz, or in Hz on a short axis."""
        unit, name = (1000.0, " kHz") if self.high >= 2000 else (1.0, " Hz")
        inner = Axis(self.low / unit, self.high / unit)
        return tuple(
            Tick(t.at, t.text if t.text == "0" else t.text + name, t.wide)
            for t in inner.ticks(count)
        )


@dataclass(frozen=True)
class Label:
    """A text that wants to stand at a place; the heavier one chooses first."""

    at: float
    text: str
    weight: float


@dataclass(frozen=True)
class Placed:
    """A label that found room: ``x`` is the middle of its text in percent, row 0 is the lowest."""

    index: int
    x: float
    row: int


def place(labels: Sequence[Label], rows: int, width_px: float) -> tuple[Placed, ...]:
    """Give labels room in rows so that none overlaps and all stay inside; drop the others."""
    taken: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
    leaders: list[tuple[float, float]] = []
    placed = []
    for index in sorted(range(len(labels)), key=lambda i: -labels[i].weight):
        label = labels[index]
        half = (len(label.text) * _LETTER_PX + _GAP_PX) / 2
        if 2 * half > width_px:
            continue
        wish = label.at / 100 * width_px
        spot = _free(taken, leaders, wish, half, width_px)
        if spot is None:
            continue
        row, middle = spot
        leaders.append((wish, middle))
        taken[row].append((middle - half, middle + half))
        for lower in taken[:row]:
            lower.append((middle - _LEADER_PX, middle + _LEADER_PX))
        placed.append(Placed(index, round(100 * middle / width_px, 3), row))
    return tuple(sorted(placed, key=lambda p: p.x))


def finite_range(
    values: Iterable[float] | NDArray[np.floating], fallback: tuple[float, float]
) -> tuple[float, float]:
    """Return the lowest and highest finite value, or the fallback if there is none."""
    array = np.asarray(values if isinstance(values, np.ndarray) else list(values), np.float64)
    array = array[np.isfinite(array)]
    return (float(array.min()), float(array.max())) if array.size else fallback


def _free(
    taken: list[list[tuple[float, float]]],
    leaders: list[tuple[float, float]],
    wish: float,
    half: float,
    width: float,
) -> tuple[int, float] | None:
    """Return row and middle for a label, the smallest shift first, or None.

    Labels keep the order of their places, so no two leaders cross; a leader needs a gap in the
    rows below its label.
    """
    for shift in _SHIFTS_PX:
        middle = min(width - half, max(half, wish + shift))
        if any((middle - m) * (wish - w) <= 0 for w, m in leaders):
            continue
        for row in range(len(taken)):
            below = all(_clear(lower, middle, _LEADER_PX) for lower in taken[:row])
            if below and _clear(taken[row], middle, half):
                return row, middle
    return None


def _clear(spans: list[tuple[float, float]], middle: float, half: float) -> bool:
    return all(middle + half <= low or middle - half >= high for low, high in spans)


def _time_step(wanted_s: float) -> int:
    return next((s for s in _TIME_STEPS_S if s >= wanted_s), 3600 * math.ceil(wanted_s / 3600))
