# SPDX-License-Identifier: MIT
"""The spectrum behind the verdict: mean and envelope, what stands out, and what each bin adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.reports.axes import (
    MIDDLE_PX,
    NARROW_PX,
    WIDE_PX,
    Axis,
    Label,
    Placed,
    Tick,
    finite_range,
    place,
)
from unsung.reports.words import NARROW_SPACE, hertz, number
from unsung.types import Peak, Picture

__all__ = ["Residual", "draw_residual", "peak_side"]

MEAN_PX, RESIDUAL_PX, SHARE_PX = 120.0, 210.0, 84.0
LABEL_ROWS, LABEL_PX = 3, 16.0
_TOP_PX = LABEL_ROWS * LABEL_PX + 10.0
_COLUMNS = 500
_PAD_PX = 6.0
_LAYOUTS = (("wide", WIDE_PX), ("middle", MIDDLE_PX), ("narrow", NARROW_PX))

Array = NDArray[np.float64]
Levels = tuple[tuple[float, str], ...]
Columns = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class PeakMark:
    """A peak in the drawing: ``x`` in percent, ``y`` in pixels, on the ``side`` it speaks for.

    A phone has no room for the decibels: ``short`` leaves them to the table.
    """

    x: float
    y: float
    side: str
    text: str
    short: str
    weight: float


@dataclass(frozen=True)
class Residual:
    """Paths on boxes of 1000 × height; ``labels`` holds, for each layout, those that found room."""

    ticks: tuple[Tick, ...]
    mean_path: str
    envelope_path: str
    mean_levels: Levels
    residual_path: str
    residual_levels: Levels
    human_path: str
    ai_path: str
    share_zero: float
    share_levels: Levels
    peaks: tuple[PeakMark, ...]
    labels: tuple[tuple[str, tuple[Placed, ...]], ...]
    columns: Columns
    low_hz: float
    high_hz: float
    aria: str

    def label_y(self, row: int) -> float:
        """Return the baseline in pixels of a row of labels; row 0 is nearest to the curve."""
        return (LABEL_ROWS - row) * LABEL_PX - 3.0


def draw_residual(picture: Picture, peaks: Sequence[Peak]) -> Residual | None:
    """Return the drawing, or None if the picture holds no residual spectrum."""
    hz = np.asarray(picture.residual_hz, np.float64)
    if hz.size < 2:
        return None
    axis = Axis(float(hz[0]), float(hz[-1]))
    first = np.linspace(0, hz.size, min(hz.size, _COLUMNS), endpoint=False).astype(np.intp)
    share = np.add.reduceat(_clean(picture.contributions), first)
    residual = np.maximum.reduceat(_clean(picture.residual_db), first)
    mean = np.maximum.reduceat(_clean(picture.mean_db), first)
    envelope = np.minimum.reduceat(_clean(picture.envelope_db), first)
    centres = _centres(hz, first)
    x = 10.0 * np.asarray([axis.percent(v) for v in centres.tolist()])
    marks, scale = _marks(peaks, axis, residual)
    both = _padded(*finite_range(np.concatenate([mean, envelope]), (-90.0, 0.0)))
    sides = _sides(share)
    return Residual(
        ticks=axis.hz_ticks(8),
        mean_path=_line(x, mean, both, _PAD_PX, MEAN_PX),
        envelope_path=_line(x, envelope, both, _PAD_PX, MEAN_PX),
        mean_levels=_levels(both, 4, _PAD_PX, MEAN_PX),
        residual_path=_line(x, residual, scale, _TOP_PX, RESIDUAL_PX),
        residual_levels=_levels(scale, 4, _TOP_PX, RESIDUAL_PX),
        human_path=_bars(x, np.minimum(share, 0.0), sides),
        ai_path=_bars(x, np.maximum(share, 0.0), sides),
        share_zero=sides.up(0.0, _PAD_PX, SHARE_PX - _PAD_PX),
        share_levels=_share_levels(sides),
        peaks=tuple(marks),
        labels=tuple((name, _labels(marks, name, width)) for name, width in _LAYOUTS),
        columns=_columns(centres, residual, share),
        low_hz=axis.low,
        high_hz=axis.high,
        aria=_aria(marks),
    )


def peak_side(contribution: float) -> str:
    """Return the side that a contribution speaks for: ``ai``, ``human`` or ``none``."""
    if contribution == 0.0:
        return "none"
    return "ai" if contribution > 0 else "human"


def _marks(peaks: Sequence[Peak], axis: Axis, residual: Array) -> tuple[list[PeakMark], Axis]:
    inside = [peak for peak in peaks if axis.holds(peak.hz)]
    _, high = finite_range([*residual.tolist(), *(p.height_db for p in inside)], (0.0, 1.0))
    low, _ = finite_range([0.0, *residual.tolist()], (0.0, 1.0))
    scale = Axis(low, max(high, low + 1.0) * 1.04)
    return [_mark(peak, axis, scale) for peak in inside], scale


def _mark(peak: Peak, axis: Axis, scale: Axis) -> PeakMark:
    short = hertz(peak.hz)
    text = f"{short} {number(peak.height_db, 1, signed=True)}{NARROW_SPACE}dB"
    height = scale.up(peak.height_db, _TOP_PX, RESIDUAL_PX)
    side, weight = peak_side(peak.contribution), abs(peak.contribution)
    return PeakMark(axis.percent(peak.hz), height, side, text, short, weight)


def _labels(marks: Sequence[PeakMark], layout: str, width_px: float) -> tuple[Placed, ...]:
    texts = [mark.short if layout == "narrow" else mark.text for mark in marks]
    labels = [Label(m.x, text, m.weight) for m, text in zip(marks, texts, strict=True)]
    return place(labels, LABEL_ROWS, width_px)


def _clean(values: NDArray[np.float32]) -> Array:
    array = np.asarray(values, np.float64)
    finite = array[np.isfinite(array)]
    return np.nan_to_num(array, nan=0.0, neginf=float(finite.min()) if finite.size else 0.0)


def _centres(hz: Array, first: NDArray[np.intp]) -> Array:
    last = np.append(first[1:], hz.size) - 1
    return np.asarray((hz[first] + hz[last]) / 2, np.float64)


def _columns(hz: Array, residual: Array, share: Array) -> Columns:
    """Round what the pointer reads out: hertz, dB above the envelope, logit share."""
    rows = zip(hz.round(1).tolist(), residual.round(1).tolist(), share.tolist(), strict=True)
    return tuple((f, db, round(v, 4)) for f, db, v in rows)


def _padded(low: float, high: float) -> Axis:
    margin = 0.06 * (high - low) or 1.0
    return Axis(low - margin, high + margin)


def _sides(share: Array) -> Axis:
    """Return an axis that holds zero and leaves at least a sixth to the weaker side."""
    low, high = finite_range(np.append(share, 0.0), (-1.0, 1.0))
    if high == low:
        return Axis(-1.0, 1.0)
    return Axis(min(low, -high / 5), max(high, -low / 5))


def _line(x: Array, y: Array, scale: Axis, top: float, bottom: float) -> str:
    heights = [scale.up(v, top, bottom) for v in y.tolist()]
    return "M" + " L".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), heights, strict=True))


def _bars(x: Array, y: Array, scale: Axis) -> str:
    """Draw a filled step from the zero line for each column that is not zero."""
    half = 500.0 / max(1, x.size)
    bottom = SHARE_PX - _PAD_PX
    zero = scale.up(0.0, _PAD_PX, bottom)
    return "".join(
        f"M{a - half:.1f},{zero:g}V{scale.up(v, _PAD_PX, bottom):g}h{2 * half:.2f}V{zero:g}z"
        for a, v in zip(x.tolist(), y.tolist(), strict=True)
        if v != 0.0
    )


def _levels(scale: Axis, count: int, top: float, bottom: float) -> Levels:
    return tuple((scale.up(v, top, bottom), number(v, 0)) for v in scale.values(count))


def _share_levels(scale: Axis) -> Levels:
    digits = max(0, 1 - math.floor(math.log10(scale.high - scale.low)))
    bottom = SHARE_PX - _PAD_PX
    return tuple(
        (scale.up(v, _PAD_PX, bottom), number(v, digits, signed=True)) for v in scale.values(4)
    )


def _aria(marks: Sequence[PeakMark]) -> str:
    ai = sum(mark.side == "ai" for mark in marks)
    human = sum(mark.side == "human" for mark in marks)
    return (
        f"Residual spectrum with {len(marks)} marked peaks: {ai} speak for AI, {human} for human. "
        "The table of peaks lists them all."
    )
