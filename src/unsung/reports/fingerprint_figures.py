# SPDX-License-Identifier: MIT
"""Drawings of fingerprints: the difference from human music, its teeth close up, the tree.

Paths on boxes of 1000 × height that take the width of the page; positions in percent elsewhere.
Units: Hz, dB. When not to use: to read values off; the table and the JSON hold them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.fingerprints.compare import Fingerprint
from unsung.fingerprints.spectra import AXIS_HZ, PACKETS_HZ, STFT_HZ
from unsung.fingerprints.tree import Tree
from unsung.reports.axes import Axis, Tick, finite_range
from unsung.reports.words import number

__all__ = ["PANEL_PX", "ROW_PX", "Branch", "Panel", "draw_teeth", "draw_tilt", "draw_tree",
           "draw_whole"]  # fmt: skip

PANEL_PX, ROW_PX = 120.0, 20.0
_TOOTH_PX = 8.0
_COLUMNS = 420
_TEETH_SHOWN = 14
_NEPER_DB = 8.685889638
_SPAN_HZ = 1200.0

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """A drawing: curves as (kind, path), predicted lines in percent, ticks, levels."""

    curves: tuple[tuple[str, str], ...]
    teeth: tuple[float, ...]
    ticks: tuple[Tick, ...]
    levels: tuple[tuple[float, str], ...]
    zero: float
    aria: str


@dataclass(frozen=True)
class Branch:
    """One joint of the tree: rows in pixels, distances in percent of the drawing."""

    y1: float
    y2: float
    x1: float
    x2: float
    x: float


def draw_whole(one: Fingerprint) -> Panel:
    """Draw the difference from human music over all frequencies, the highest bin a column."""
    axis = Axis(0.0, float(AXIS_HZ[-1]))
    level = np.asarray(one.difference_db, np.float64)
    curves = []
    first = np.linspace(0, len(level), _COLUMNS, endpoint=False).astype(int)
    spread = np.nan_to_num(level, nan=-np.inf)
    most = np.maximum.reduceat(spread, first)
    held = np.isfinite(most)
    scale = _scale(most[held])
    curves.append(("line", _path(axis, AXIS_HZ[first][held], most[held], scale)))
    marked = np.where(one.q_value <= 0.05, spread, -np.inf)
    sure = np.maximum.reduceat(marked, first)
    curves.append(("sure", _stems(axis, AXIS_HZ[first], sure, scale)))
    spacing = one.comb.spacing_hz
    teeth: tuple[float, ...] = ()
    if spacing is not None and spacing >= 150:
        teeth = _teeth(axis, spacing, one.comb.offset_hz, 250.0, _top(level))
    aria = f"{one.name}: difference from human music, {number(100 * one.significant, 1)} % of the "
    return Panel(
        tuple(curves),
        teeth,
        axis.hz_ticks(4),
        _levels(scale, 3),
        scale.up(0.0, 0.0, PANEL_PX),
        aria + "bins significant",
    )


def draw_teeth(one: Fingerprint) -> Panel | None:
    """Draw every bin of the stretch with the highest teeth, predicted lines over it."""
    spacing = one.comb.spacing_hz
    if spacing is None:
        return None
    level = np.nan_to_num(np.asarray(one.residual_db, np.float64), nan=-9.0)
    span = float(np.clip(_TEETH_SHOWN * spacing, 300.0, max(_SPAN_HZ, 4 * spacing)))
    low = _best_start(level, spacing, one.comb.offset_hz, span, _top(one.difference_db))
    axis = Axis(low, low + span)
    inside = (axis.low <= AXIS_HZ) & (axis.high >= AXIS_HZ)
    scale = _scale(level[inside])
    return Panel(
        (("line", _path(axis, AXIS_HZ[inside], level[inside], scale)),),
        _teeth(axis, spacing, one.comb.offset_hz, low, low + span),
        _plain_ticks(axis),
        _levels(scale, 3),
        scale.up(0.0, 0.0, PANEL_PX),
        f"{one.name}: mean residual from {low:.0f} to {low + span:.0f} Hz with predicted lines "
        f"every {spacing:.2f} Hz",
    )


def draw_tilt(one: Fingerprint) -> Panel:
    """Draw the mean spectra minus the human ones: short-time (line) and Haar packets (dots)."""
    axis = Axis(0.0, float(AXIS_HZ[-1]))
    stft = _pooled(STFT_HZ, one.stft_difference_db, 200)
    packets = _pooled(PACKETS_HZ, _NEPER_DB * one.packets_difference, 200)
    low, high = finite_range(np.concatenate([stft[1], packets[1], [0.0]]), (-1.0, 1.0))
    scale = Axis(max(low, -40.0), min(high, 30.0) + 0.5)
    return Panel(
        (
            ("line", _path(axis, *stft, scale)),
            ("packets", _path(axis, *packets, scale)),
        ),
        (),
        axis.hz_ticks(4),
        _levels(scale, 3),
        scale.up(0.0, 0.0, PANEL_PX),
        f"{one.name}: mean spectrum minus that of human music, by short-time transform and by "
        "wavelet packets",
    )


def draw_tree(tree: Tree) -> tuple[Branch, ...]:
    """Place the joints: leaf k in the middle of row k, distance 0 at the left."""
    far = max((join.distance for join in tree.joins), default=1.0) or 1.0
    axis = Axis(0.0, far * 1.02)

    def row(place: float) -> float:
        return round((place + 0.5) * ROW_PX, 1)

    return tuple(
        Branch(
            row(join.first),
            row(join.second),
            axis.percent(join.first_distance),
            axis.percent(join.second_distance),
            axis.percent(join.distance),
        )
        for join in tree.joins
    )


def _top(level: NDArray[np.floating]) -> float:
    held = np.flatnonzero(np.isfinite(level))
    return float(AXIS_HZ[held[-1]]) if len(held) else float(AXIS_HZ[0])


def _best_start(level: Array, spacing: float, offset: float, span: float, top: float) -> float:
    """Return where the stretch begins whose teeth stand highest, half a tooth before one."""
    hz = np.arange(np.ceil((AXIS_HZ[0] - offset) / spacing), (top - offset) / spacing)
    hz = hz * spacing + offset
    if not len(hz):
        return float(AXIS_HZ[0])
    height = level[np.clip(np.rint(hz - AXIS_HZ[0]).astype(int), 0, len(level) - 1)]
    count = max(1, min(len(hz), int(span / spacing)))
    sums = np.convolve(height, np.ones(count), "valid")
    return max(float(AXIS_HZ[0]), float(hz[int(sums.argmax())]) - spacing / 2)


def _teeth(axis: Axis, spacing: float, offset: float, low: float, high: float) -> tuple[float, ...]:
    numbers = np.arange(np.ceil((low - offset) / spacing), (high - offset) / spacing)
    return tuple(axis.percent(float(hz)) for hz in numbers * spacing + offset)


def _pooled(hz: Array, values: NDArray[np.floating], columns: int) -> tuple[Array, Array]:
    """Return means over equal stretches up to 16 kHz, without those that lack sound."""
    inside = (hz <= AXIS_HZ[-1]) & np.isfinite(values)
    if not inside.any():
        return np.empty(0), np.empty(0)
    column = (hz[inside] / (AXIS_HZ[-1] + 1) * columns).astype(int)
    count = np.bincount(column, minlength=columns)
    held = count > 0
    x = np.bincount(column, hz[inside], columns)[held] / count[held]
    y = np.bincount(column, np.asarray(values[inside], np.float64), columns)[held] / count[held]
    return x, y


def _scale(values: Array) -> Axis:
    low, high = finite_range(np.append(values, 0.0), (-0.5, 0.5))
    margin = 0.08 * max(high - low, 0.2)
    return Axis(low - margin, high + margin)


def _path(axis: Axis, hz: Array, values: Array, scale: Axis) -> str:
    points = [
        f"{10 * axis.percent(x):.1f},{scale.up(y, 0.0, PANEL_PX):.1f}"
        for x, y in zip(hz.tolist(), values.tolist(), strict=True)
    ]
    return "M" + " L".join(points) if points else ""


def _stems(axis: Axis, hz: Array, values: Array, scale: Axis) -> str:
    zero = scale.up(0.0, 0.0, PANEL_PX)
    return "".join(
        f"M{10 * axis.percent(x):.1f},{zero:.1f}V{scale.up(y, 0.0, PANEL_PX):.1f}"
        for x, y in zip(hz.tolist(), values.tolist(), strict=True)
        if np.isfinite(y) and y > 0
    )


def _levels(scale: Axis, count: int) -> tuple[tuple[float, str], ...]:
    values = scale.values(count)
    step = values[1] - values[0] if len(values) > 1 else 1.0
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
    return tuple((scale.up(v, 0.0, PANEL_PX), number(v, digits)) for v in values)


def _plain_ticks(axis: Axis) -> tuple[Tick, ...]:
    return tuple(
        Tick(axis.percent(v), f"{v:.0f} Hz", wide=bool(i % 2)) for i, v in enumerate(axis.values(6))
    )
