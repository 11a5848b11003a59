# SPDX-License-Identifier: MIT
"""The logit of each window over the track's time, on the same axis as the spectrogram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unsung.core.text import clock
from unsung.reports.axes import Axis, Tick, finite_range
from unsung.reports.gauge import Threshold
from unsung.reports.words import number
from unsung.types import Picture, Score

__all__ = ["Bar", "Timeline", "draw_timeline", "time_axis", "window_spans"]

HEIGHT_PX = 132.0
_PAD_PX = 8.0


@dataclass(frozen=True)
class Bar:
    """One window: ``x`` and ``width`` in percent, ``y`` and ``height`` in pixels."""

    key: str
    x: float
    width: float
    y: float
    height: float
    start_s: float
    end_s: float
    logit: float


@dataclass(frozen=True)
class Timeline:
    """Bars from the zero line; ``human`` and ``ai`` are the heights of the threshold lines.

    ``stretches`` are ``(x, width)`` of AI-like stretches in percent.
    """

    bars: tuple[Bar, ...]
    zero: float
    human: float | None
    ai: float | None
    ticks: tuple[Tick, ...]
    levels: tuple[tuple[float, str], ...]
    aria: str
    stretches: tuple[tuple[float, float], ...] = ()


def time_axis(score: Score, picture: Picture | None) -> Axis:
    """Return the one axis of seconds that spectrogram and timeline share."""
    ends = [score.duration_s or 0.0, score.covered_s]
    ends += [start for start, _ in score.windows]
    if not score.duration_s and picture is not None and picture.spectrogram_s.size:
        ends.append(float(picture.spectrogram_s[-1]))
    return Axis(0.0, max([e for e in ends if math.isfinite(e)], default=0.0) or 1.0)


def window_spans(
    windows: Sequence[tuple[float, float]], end_s: float
) -> list[tuple[float, float, float]]:
    """Return (start, end, logit) of the finite windows; each ends where the next one starts.

    The last window takes the usual length, or what is left of the track.
    """
    rows = sorted((s, v) for s, v in windows if math.isfinite(s) and math.isfinite(v))
    starts = [start for start, _ in rows]
    steps = np.diff(starts) if len(starts) > 1 else np.array([end_s])
    usual = float(np.median(steps)) if steps.size else end_s
    spans = []
    for i, (start, logit) in enumerate(rows):
        following = starts[i + 1] if i + 1 < len(starts) else end_s
        spans.append((start, max(start, min(start + usual, following)), logit))
    return spans


def draw_timeline(score: Score, axis: Axis, active: Threshold | None) -> Timeline | None:
    """Return the drawing of a score's windows, or None if there are none."""
    spans = window_spans(score.windows, axis.high)
    if not spans:
        return None
    limits = [v for v in (active.human, active.ai) if v is not None] if active else []
    low, high = finite_range([0.0, *limits, *(logit for _, _, logit in spans)], (-1.0, 1.0))
    margin = 0.08 * (high - low) or 1.0
    scale = Axis(low - margin, high + margin)

    def up(value: float) -> float:
        return scale.up(value, _PAD_PX, HEIGHT_PX - _PAD_PX)

    def bar(start: float, end: float, logit: float) -> Bar:
        x = axis.percent(start)
        width = round(max(0.05, axis.percent(end) - x), 3)
        top, bottom = min(up(logit), up(0.0)), max(up(logit), up(0.0))
        size = round(max(1.0, bottom - top), 2)
        return Bar(_zone(logit, active), x, width, top, size, start, end, logit)

    return Timeline(
        bars=tuple(bar(*span) for span in spans),
        zero=up(0.0),
        human=None if active is None or active.human is None else up(active.human),
        ai=None if active is None or active.ai is None else up(active.ai),
        ticks=axis.time_ticks(),
        levels=tuple((up(v), _level(v)) for v in scale.values(4)),
        aria=_aria(spans),
        stretches=tuple(
            (axis.percent(part.start_s), round(axis.percent(part.end_s - part.start_s), 3))
            for part in score.segments
        ),
    )


def _zone(logit: float, active: Threshold | None) -> str:
    if active is None or active.ai is None:
        return "ai" if logit > 0 else "human"
    if logit >= active.ai:
        return "ai"
    return "human" if active.human is not None and logit <= active.human else "undecided"


def _level(value: float) -> str:
    digits = 0 if float(value).is_integer() else (1 if float(10 * value).is_integer() else 2)
    return number(value, digits, signed=True)


def _aria(spans: Sequence[tuple[float, float, float]]) -> str:
    lowest, highest = min(spans, key=lambda s: s[2]), max(spans, key=lambda s: s[2])
    return (
        f"Logit of {len(spans)} windows over time, "
        f"lowest {number(lowest[2], signed=True)} at {clock(lowest[0])}, "
        f"highest {number(highest[2], signed=True)} at {clock(highest[0])}."
    )
