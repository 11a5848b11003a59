# SPDX-License-Identifier: MIT
"""Relevance drawn over the spectrogram: orange speaks for AI, blue against, grey is the sound.

Both colours are of the Okabe–Ito set, told apart by all common kinds of colour vision; side and
size also stand in the tables. Sixteen greys times fifteen steps of relevance make one palette.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.audio.mixing import heard
from unsung.audio.resample import resample
from unsung.core.text import clock
from unsung.reports.axes import Axis, Tick
from unsung.reports.png import data_uri, png_bytes
from unsung.runtime.sketch import SpectrogramSketch
from unsung.types import Clip, Explanation

__all__ = ["HEIGHT_PX", "Drawing", "draw_relevance", "gridded", "standalone", "time_ticks"]

HEIGHT_PX = 320.0
ROWS, COLUMNS = 400, 1000
GREYS, SIDE = 16, 7
RANGE_DB = 80.0
AI, HUMAN = (213, 94, 0), (0, 114, 178)
STRONG = 0.995
"""The colour is full at this quantile of the relevance, so that one cell cannot pale the rest."""

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Drawing:
    """Two images of one size, with and without relevance, and their axes."""

    uri: str
    plain_uri: str
    hz: Axis
    seconds: Axis
    levels: tuple[tuple[float, str], ...]
    ticks: tuple[Tick, ...]
    full: float


def draw_relevance(explanation: Explanation, clip: Clip) -> Drawing:
    """Draw an explanation whose positive side speaks for AI (or, by its target, for human)."""
    top_hz = max(float(explanation.freqs_hz[-1]), 1000.0)
    hz, seconds = Axis(0.0, top_hz), Axis(clip.start_s, clip.start_s + clip.duration_s)
    columns = min(COLUMNS, max(200, 4 * len(explanation.times_s)))
    values = gridded(explanation, hz, seconds, ROWS, columns)
    if explanation.target == "human":
        values = -values
    strong = np.abs(values[values != 0])
    full = float(np.quantile(strong, STRONG)) if strong.size else 1.0
    step = np.round(np.clip(values / (full or 1.0), -1, 1) * SIDE).astype(np.int64)
    grey = _grey(clip, top_hz, ROWS, columns)
    palette = _palette()
    shown = (grey * (2 * SIDE + 1) + step + SIDE).astype(np.uint8)[::-1]
    plain = (grey * (2 * SIDE + 1) + SIDE).astype(np.uint8)[::-1]
    return Drawing(
        data_uri(png_bytes(shown, palette), "image/png"),
        data_uri(png_bytes(plain, palette), "image/png"),
        hz,
        seconds,
        tuple((round(HEIGHT_PX * (1 - t.at / 100), 2), t.text) for t in hz.hz_ticks(6)),
        time_ticks(seconds),
        full,
    )


def time_ticks(seconds: Axis, count: int = 8) -> tuple[Tick, ...]:
    """Return marks at round times of an axis that need not begin at zero.

    >>> [tick.text for tick in time_ticks(Axis(51.0, 81.0), 4)]
    ['1:00', '1:10', '1:20']
    """
    span = max(seconds.high - seconds.low, 1e-9)
    step = next((s for s in _STEPS_S if s * count >= span), 600)
    first, last = math.ceil(seconds.low / step - 1e-9), math.floor(seconds.high / step + 1e-9)
    values = [step * i for i in range(first, last + 1)]
    skip = 2 if len(values) > 4 else 1
    return tuple(
        Tick(seconds.percent(v), clock(v), wide=i % skip != 0) for i, v in enumerate(values)
    )


def gridded(explanation: Explanation, hz: Axis, seconds: Axis, rows: int, columns: int) -> Array:
    """Sum relevance into an even grid of Hz and seconds; coarse cells fill all places they cover.

    Shape: → ``[row, column]``, low frequencies first.
    """
    total = np.asarray(explanation.relevance.sum(axis=0), np.float64)
    total = _even(total, np.asarray(explanation.freqs_hz, np.float64), hz, rows, 0)
    return _even(total, np.asarray(explanation.times_s, np.float64), seconds, columns, 1)


def _even(values: Array, centres: Array, axis: Axis, count: int, along: int) -> Array:
    edges = np.linspace(axis.low, axis.high, count + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    shape = list(values.shape)
    shape[along] = count
    out = np.zeros(shape)
    if len(centres) > count:
        places = np.clip(np.searchsorted(edges, centres, "right") - 1, 0, count - 1)
        where: Any = (slice(None),) * along + (places,)
        np.add.at(out, where, values)
        return out
    bounds = (centres[1:] + centres[:-1]) / 2
    nearest = np.searchsorted(bounds, middles)
    share = np.bincount(nearest, minlength=len(centres))[nearest]
    out = np.take(values, nearest, along) / share.reshape([-1] + [1] * (1 - along))
    inside = (middles >= axis.low) & (middles <= axis.high)
    if along == 0:  # nothing below and above the band that the detector hears
        half = (centres[1] - centres[0]) / 2 if len(centres) > 1 else np.inf
        inside = (middles >= centres[0] - half) & (middles <= centres[-1] + half)
    return np.asarray(out * inside.reshape([-1] + [1] * (1 - along)), np.float64)


def _grey(clip: Clip, top_hz: float, rows: int, columns: int) -> NDArray[np.int64]:
    rate = round(2 * top_hz)
    sketch = SpectrogramSketch(rate)
    sketch.push(resample(heard(clip), clip.sample_rate_hz, rate), 0.0)
    db, freqs, times = sketch.finish()
    if not db.size:
        return np.zeros((rows, columns), np.int64)
    along = np.clip(np.arange(rows) * len(freqs) // rows, 0, len(freqs) - 1)
    across = np.clip(np.arange(columns) * len(times) // columns, 0, len(times) - 1)
    level = db[along][:, across]
    top = float(np.quantile(level, 0.999))
    dark = np.clip((level - top + RANGE_DB) / RANGE_DB, 0, 1) * (GREYS - 1)
    return np.asarray(np.round(dark), np.int64)


def _palette() -> NDArray[np.uint8]:
    """Return ``[grey · step, 3]``: the sound keeps its lightness under the colour."""
    colours = []
    for grey in range(GREYS):
        light = 248.0 - 190.0 * grey / (GREYS - 1)
        for step in range(-SIDE, SIDE + 1):
            share = 0.92 * (abs(step) / SIDE) ** 1.2
            side = np.array(AI if step > 0 else HUMAN, float)
            tint = side * (0.55 + 0.45 * light / 248.0)
            colours.append((1 - share) * light + share * tint)
    return np.round(np.stack(colours)).astype(np.uint8)


def standalone(drawing: Drawing, title: str) -> str:
    """Return the picture with its axes as one SVG file."""
    from xml.sax.saxutils import escape

    left, top, width, height = 62, 34, 900, HEIGHT_PX
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 20}" '
        f'height="{top + height + 74:.0f}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{left}" y="20" font-size="14">{escape(title)}</text>',
        f'<image x="{left}" y="{top}" width="{width}" height="{height:.0f}" '
        f'preserveAspectRatio="none" href="{drawing.uri}"/>',
    ]
    for y, text in drawing.levels:
        lines.append(
            f'<path d="M{left - 5} {top + y:.1f}h5" stroke="#555"/><text x="{left - 9}" '
            f'y="{top + y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
        )
    for tick in drawing.ticks:
        x = left + width * tick.at / 100
        lines.append(
            f'<path d="M{x:.1f} {top + height:.0f}v5" stroke="#555"/><text x="{x:.1f}" '
            f'y="{top + height + 18:.0f}" text-anchor="middle">{escape(tick.text)}</text>'
        )
    foot = top + height + 42
    for x, colour, word in ((0, AI, "speaks for AI"), (130, HUMAN, "speaks against AI")):
        fill = "#{:02x}{:02x}{:02x}".format(*colour)
        lines.append(
            f'<rect x="{left + x}" y="{foot:.0f}" width="12" height="12" fill="{fill}"/>'
            f'<text x="{left + x + 18}" y="{foot + 11:.0f}">{word}</text>'
        )
    lines.append(f'<text x="{left + 290}" y="{foot + 11:.0f}">time in minutes and seconds</text>')
    return "\n".join([*lines, "</svg>\n"])
