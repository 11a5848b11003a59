# SPDX-License-Identifier: MIT
"""Where a track's logit falls among the calibration set's human and AI tracks.

The scale belongs to the calibration set, not to the track: pages of one detector compare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.reports.axes import Axis, Tick
from unsung.reports.words import number, percent

__all__ = ["Gauge", "Ridge", "Threshold", "active_threshold", "draw_gauge", "thresholds"]

RIDGE_PX = 44.0
_POINTS = 140
_MARGIN = 0.10


@dataclass(frozen=True)
class Threshold:
    """The two limits set for one false-alarm rate; between them the verdict is undecided."""

    rate: float | None
    ai: float | None
    human: float | None
    n_human: int | None
    guarantee: str


@dataclass(frozen=True)
class Ridge:
    """One distribution: a density path on a box of 1000 × `RIDGE_PX`, quartiles in percent."""

    key: str
    text: str
    count: str
    path: str
    low: float
    median: float
    high: float
    side: str


@dataclass(frozen=True)
class Gauge:
    """Places in percent of the width. ``beyond`` is -1 or +1 when the needle is off the scale."""

    needle: float
    anchor: str
    text: str
    beyond: int
    ticks: tuple[Tick, ...]
    ridges: tuple[Ridge, ...]
    human: float | None
    ai: float | None
    human_text: str
    ai_text: str
    aria: str

    @property
    def axis_px(self) -> float:
        """Height of the axis line: below the zones and one row for each ridge."""
        return 46.0 + len(self.ridges) * (RIDGE_PX + 10.0)


def draw_gauge(logit: float, calibration: Mapping[str, Any], active: Threshold | None) -> Gauge:
    """Return the drawing of a finite logit over its calibration set, as far as that is known."""
    axis = _axis(logit, calibration, active)
    text = f"this track {number(logit, signed=True)}"
    beyond = 0 if axis.holds(logit) else (1 if logit > axis.high else -1)
    spot = axis.percent(logit)
    sides = (("human", "human recordings", "n_human"), ("ai", "AI-generated tracks", "n_ai"))
    ridges = [
        _ridge(key, name, calibration.get(count), calibration.get(f"{key}_logits"), axis)
        for key, name, count in sides
    ]
    ai = None if active is None else active.ai
    human = None if active is None else active.human
    return Gauge(
        needle=spot,
        anchor="start" if spot < 28 else "end" if spot > 72 else "middle",
        text=text,
        beyond=beyond,
        ticks=axis.ticks(8, signed=True),
        ridges=tuple(ridge for ridge in ridges if ridge is not None),
        human=None if human is None else axis.percent(human),
        ai=None if ai is None else axis.percent(ai),
        human_text="" if human is None else number(human, signed=True),
        ai_text="" if ai is None else number(ai, signed=True),
        aria=_aria(text, active, beyond),
    )


def thresholds(calibration: Mapping[str, Any]) -> tuple[Threshold, ...]:
    """Return the calibration's thresholds, the strictest false-alarm rate first."""
    rows = [
        Threshold(
            rate=_float(row.get("false_alarm_rate")),
            ai=_float(row.get("ai_logit")),
            human=_float(row.get("human_logit")),
            n_human=row.get("n_human"),
            guarantee=str(row.get("guarantee") or ""),
        )
        for row in calibration.get("thresholds") or ()
    ]
    return tuple(sorted(rows, key=lambda row: 1.0 if row.rate is None else row.rate))


def active_threshold(rows: Sequence[Threshold], rate: float | None) -> Threshold | None:
    """Return the threshold that was set for the score's rate; None if there is no such row."""
    for row in rows:
        if rate is not None and row.rate is not None and abs(row.rate - rate) < 1e-9:
            return row
    return None


def _axis(logit: float, calibration: Mapping[str, Any], active: Threshold | None) -> Axis:
    known = [
        float(v)
        for key in ("human_logits", "ai_logits")
        for v in calibration.get(key) or ()
        if np.isfinite(v)
    ]
    if active is not None:
        known += [v for v in (active.ai, active.human) if v is not None]
    if len(set(known)) < 2:
        reach = max(4.0, 1.3 * abs(logit), *(1.3 * abs(v) for v in known))
        return Axis(-reach, reach)
    margin = _MARGIN * (max(known) - min(known))
    return Axis(min(known) - margin, max(known) + margin)


def _ridge(key: str, name: str, count: Any, quantiles: Any, axis: Axis) -> Ridge | None:
    values = np.sort(np.asarray([v for v in quantiles or () if np.isfinite(v)], np.float64))
    if values.size < 3:
        return None
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    places = axis.percent(float(low)), axis.percent(float(median)), axis.percent(float(high))
    return Ridge(
        key,
        name,
        str(count) if count else "",
        _density_path(values, axis),
        *places,
        side="right" if places[1] < 50 else "left",
    )


def _density_path(values: NDArray[np.float64], axis: Axis) -> str:
    """Smooth evenly spaced quantiles into a density, the highest point at the top."""
    sample = np.interp(np.linspace(0, 1, 400), np.linspace(0, 1, values.size), values)
    spread = min(float(sample.std()), float(np.subtract(*np.quantile(sample, (0.75, 0.25)))) / 1.34)
    width = max(0.9 * spread * sample.size**-0.2, 0.006 * (axis.high - axis.low))
    x = np.linspace(axis.low, axis.high, _POINTS)
    # [point, sample] → [point]: a Gaussian kernel with Silverman's width
    density = np.exp(-0.5 * ((x[:, None] - sample[None, :]) / width) ** 2).mean(axis=1)
    top = RIDGE_PX - (RIDGE_PX - 2.0) * density / density.max()
    points = " ".join(f"{1000 * i / (_POINTS - 1):.1f},{y:.1f}" for i, y in enumerate(top.tolist()))
    return f"M0,{RIDGE_PX:g} L{points} L1000,{RIDGE_PX:g} Z"


def _aria(text: str, active: Threshold | None, beyond: int) -> str:
    parts = [f"Scale of the logit, human on the left, AI on the right: {text}"]
    if beyond:
        parts.append("beyond the scale of the calibration set")
    if active is not None and active.human is not None:
        parts.append(f"human below {number(active.human, signed=True)}")
    if active is not None and active.ai is not None:
        parts.append(f"AI-generated above {number(active.ai, signed=True)}")
    if active is not None and active.rate is not None:
        parts.append(f"false-alarm rate {percent(active.rate)}")
    return ", ".join(parts) + "."


def _float(value: Any) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
