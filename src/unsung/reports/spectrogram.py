# SPDX-License-Identifier: MIT
"""The spectrogram as an embedded image, with its place on the axes of hertz and seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.core.text import clock
from unsung.reports.axes import Axis
from unsung.reports.png import colour_map, data_uri, png_bytes
from unsung.reports.words import hertz
from unsung.types import Peak, Picture

__all__ = ["Spectrogram", "draw_spectrogram"]

HEIGHT_PX = 260.0
LEVELS = 128
RANGE_DB = 90.0
_COLUMNS, _ROWS = 1200, 400


@dataclass(frozen=True)
class Spectrogram:
    """Image and axes: ``x`` and ``width`` in percent of the time axis, heights in pixels."""

    uri: str
    x: float
    width: float
    low_hz: float
    high_hz: float
    floor_db: float
    top_db: float
    levels: tuple[tuple[float, str], ...]
    marks: tuple[tuple[float, str], ...]
    palette: tuple[int, ...]
    ramp: tuple[str, ...]
    aria: str


def draw_spectrogram(
    picture: Picture, axis: Axis, peaks: tuple[tuple[Peak, str], ...] = ()
) -> Spectrogram | None:
    """Return the drawing, or None if the picture holds no spectrogram.

    Shape:
        picture.spectrogram_db: ``[freq, frame]``.
    """
    db = np.asarray(picture.spectrogram_db, np.float64)
    hz, times = np.asarray(picture.spectrogram_hz, np.float64), picture.spectrogram_s
    if db.ndim != 2 or db.shape[0] < 2 or db.shape[1] < 1:
        return None
    scale = Axis(float(hz[0]), float(hz[-1]))
    start, end = _edges(np.asarray(times, np.float64), axis)
    levels, floor, top = _quantise(_linear_rows(_fewer_frames(db), hz))
    colours = colour_map(LEVELS)
    marks = [(_up(scale, p.hz), key) for p, key in peaks if scale.holds(p.hz)]
    x = axis.percent(start)
    return Spectrogram(
        uri=data_uri(png_bytes(levels[::-1], colours), "image/png"),
        x=x,
        width=round(axis.percent(end) - x, 3),
        low_hz=scale.low,
        high_hz=scale.high,
        floor_db=floor,
        top_db=top,
        levels=tuple((HEIGHT_PX * (1 - t.at / 100), t.text) for t in scale.hz_ticks(6)),
        marks=tuple(marks),
        palette=tuple(int(v) for v in colours.ravel()),
        ramp=tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in colours[:: LEVELS // 16].tolist()),
        aria=f"Spectrogram, 0:00 to {clock(end)}, {hertz(scale.low)} to {hertz(scale.high)}.",
    )


def _up(scale: Axis, hz: float) -> float:
    return scale.up(hz, 0.0, HEIGHT_PX)


def _edges(times: NDArray[np.float64], axis: Axis) -> tuple[float, float]:
    """Frames are centred on their times: half a frame stands out on each side."""
    if times.size < 2:
        return 0.0, axis.high
    half = float(times[-1] - times[0]) / (times.size - 1) / 2
    return max(0.0, float(times[0]) - half), min(axis.high, float(times[-1]) + half)


def _fewer_frames(db: NDArray[np.float64]) -> NDArray[np.float64]:
    if db.shape[1] <= _COLUMNS:
        return db
    first = np.linspace(0, db.shape[1], _COLUMNS, endpoint=False).astype(np.intp)
    return np.asarray(np.maximum.reduceat(db, first, axis=1), np.float64)


def _linear_rows(db: NDArray[np.float64], hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the rows at even steps of hertz, whatever axis came; at most `_ROWS` of them."""
    if len(hz) > _ROWS:
        first = np.linspace(0, len(hz), _ROWS, endpoint=False).astype(np.intp)
        db = np.maximum.reduceat(db, first, axis=0)
        hz = np.interp((first + np.append(first[1:], len(hz)) - 1) / 2, np.arange(len(hz)), hz)
    even = np.linspace(hz[0], hz[-1], len(hz))
    if np.allclose(hz, even, atol=0.25 * (even[1] - even[0])):
        return db
    right = np.clip(np.searchsorted(hz, even), 1, len(hz) - 1)
    share = ((even - hz[right - 1]) / (hz[right] - hz[right - 1]))[:, None]
    return np.asarray((1 - share) * db[right - 1] + share * db[right], np.float64)


def _quantise(db: NDArray[np.float64]) -> tuple[NDArray[np.uint8], float, float]:
    finite = db[np.isfinite(db)]
    top = float(np.quantile(finite, 0.999)) if finite.size else 0.0
    floor = max(top - RANGE_DB, float(finite.min())) if finite.size else -RANGE_DB
    if top - floor < 1.0:
        floor = top - RANGE_DB
    clean = np.nan_to_num(db, nan=floor, neginf=floor, posinf=top)
    levels = np.clip(np.round((clean - floor) / (top - floor) * (LEVELS - 1)), 0, LEVELS - 1)
    return levels.astype(np.uint8), floor, top
