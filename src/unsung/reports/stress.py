# SPDX-License-Identifier: MIT
"""One page for a stress test: where each verdict breaks, and the curves that led there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unsung.evaluation.proportions import Interval
from unsung.reports._panels import (
    HEIGHT,
    WIDTH,
    Panel,
    draw_curve,
    draw_logits,
    draw_survival,
    strength,
)
from unsung.reports.axes import Axis, finite_range
from unsung.reports.page import render, this_command, this_version, write_page
from unsung.reports.song import track_name
from unsung.reports.words import number, percent
from unsung.scanning.stress import (
    Break,
    Curve,
    Stress,
    Survival,
    Weakness,
    by_fragility,
    clean_counts,
    fragile_first,
    weakness,
)

__all__ = ["write_stress_report"]

_DIRECTIONS = {
    "false alarm": "human → AI",
    "miss": "AI → human",
    "loss": "→ undecided",
    "recovery": "→ the truth",
    "to ai": "undecided → AI",
    "to human": "undecided → human",
}


@dataclass(frozen=True)
class Card:
    """One attack: a heading, a sentence and its drawings."""

    attack: str
    unit: str
    text: str
    panels: tuple[tuple[str, Panel], ...]


def write_stress_report(
    tracks: Sequence[Stress],
    rows: Sequence[Survival],
    out: Path,
    *,
    name: str = "",
    left_out: Sequence[str] = (),
    command: str | None = None,
) -> Path:
    """Write ``stress.html`` and return its path.

    Args:
        tracks: finished ones; the first heard is drawn alone where there are no rows.
        rows: survival over a manifest's tracks, empty for a single song.
        out: folder of the page; made when absent.
        name: how the page calls the manifest.
        left_out: attacks that were not run because they need a model or a second clip.
        command: the command behind the page; None takes the running one.
    """
    heard = [track for track in tracks if track.clean is not None]
    limits = _limits(heard)
    axis = _logit_axis(heard, limits)
    song = heard[0] if heard and not rows else None
    context: dict[str, Any] = {
        "title": name or (track_name(tracks[0].path) if tracks else "nothing"),
        "tracks": tracks,
        "song": song,
        "limits": limits,
        "breaks": _break_rows(song) if song else [],
        "cards": _song_cards(song, axis) if song else _manifest_cards(heard, rows, axis),
        "shares": [] if song else [_share_row(line) for line in weakness(rows)],
        "weakest": [] if song else [(track_name(t.path), t, _weakest(t)) for t in heard],
        "counts": clean_counts(heard),
        "failed": [track for track in tracks if track.error is not None],
        "n_groups": len({track.group for track in heard if track.group}),
        "n_trained_on": sum(track.trained_on for track in tracks),
        "left_out": left_out,
        "size": (WIDTH, HEIGHT),
        "command": this_command() if command is None else command,
    }
    return _written(context, out / "stress.html")


def _limits(tracks: Sequence[Stress]) -> tuple[float | None, float | None]:
    return (tracks[0].ai_logit, tracks[0].human_logit) if tracks else (None, None)


def _written(context: dict[str, Any], page: Path) -> Path:
    context |= {"version": this_version()}
    return write_page(page, render("stress.html.j2", "stress.js", context))


def _logit_axis(tracks: Sequence[Stress], limits: tuple[float | None, float | None]) -> Axis:
    """Return one scale for all drawings: curves of two attacks can then be compared."""
    found = [
        value
        for track in tracks
        for curve in track.curves
        for value in (curve.clean.logit, *curve.logits)
        if value is not None
    ]
    if len(tracks) > 1 and found:  # one odd track must not flatten the medians of the others
        found = [float(value) for value in np.percentile(found, (1, 99))]
    shown = [*found, *(value for value in limits if value is not None)]
    low, high = finite_range(shown, (-3.0, 3.0))
    room = 0.08 * max(high - low, 1.0)
    return Axis(low - room, high + room)


def _break_rows(track: Stress) -> list[tuple[str, ...]]:
    """Return attack, unit, strength, direction, logits, what else changes, note."""
    table: list[tuple[str, ...]] = []
    for curve in fragile_first(track.curves):
        first = curve.breaks[0] if curve.breaks else None
        clean = number(curve.clean.logit, signed=True)
        moved = f"{clean} → {number(first.logit, signed=True)}" if first else clean
        table.append(
            (
                curve.attack,
                curve.unit,
                strength(first.strength) if first else ("–" if curve.error else "endures"),
                _direction(first) if first else "",
                moved,
                "; ".join(_also(curve)),
                _note(curve, first),
            )
        )
    return table


def _note(curve: Curve, first: Break | None) -> str:
    """Return why there is no result, or a reason that the thresholds do not tell already."""
    if curve.error is not None:
        return curve.error.message
    return first.reason if first is not None and "between" not in first.reason else ""


def _song_cards(track: Stress, axis: Axis) -> list[Card]:
    cards = []
    for curve in fragile_first(track.curves):
        if any(verdict is not None for verdict in curve.verdicts):
            panel = draw_curve(curve, axis, track.ai_logit, track.human_logit)
            cards.append(Card(curve.attack, curve.unit, _sentence(curve), (("logit", panel),)))
    return cards


def _manifest_cards(tracks: Sequence[Stress], rows: Sequence[Survival], axis: Axis) -> list[Card]:
    cards = []
    for attack, mine in by_fragility(rows):
        curves = [
            (track.label, curve)
            for track in tracks
            for curve in track.curves
            if curve.attack == attack
        ]
        limits = _limits(tracks)
        panels = (
            ("verdicts that survive", draw_survival(mine)),
            ("logit: median, quartiles", draw_logits(curves, axis, *limits)),
        )
        cards.append(Card(attack, mine[0].unit, "", panels))
    return cards


def _share_row(line: Weakness) -> tuple[str, ...]:
    """Return attack, unit, label, n, half lost at, worst survival, most often wrong."""
    return (
        line.attack,
        line.unit,
        line.label,
        str(line.n_right),
        "–" if line.half_lost_at is None else strength(line.half_lost_at),
        _interval(line.survives, line.worst_at, best=1.0),
        f"{line.wrong_word} {_interval(line.wrong, line.called_at, best=0.0)}",
    )


def _weakest(track: Stress) -> str:
    broken = [curve for curve in fragile_first(track.curves) if curve.breaks]
    return ", ".join(f"{c.attack} {strength(c.breaks[0].strength)}" for c in broken[:3])


def _interval(share: Interval | None, at: float | None, *, best: float) -> str:
    """Return a share with its interval; a share that nothing made worse has no strength."""
    if share is None or at is None:
        return "–"
    place = "" if share.value == best else f" at {strength(at)}"
    return f"{percent(share.value)} [{percent(share.low)}, {percent(share.high)}]{place}"


def _direction(broken: Break) -> str:
    return f"{broken.change} ({_DIRECTIONS[broken.change]})"


def _also(curve: Curve) -> list[str]:
    words = [f"{b.change} at {strength(b.strength)}" for b in curve.breaks[1:]]
    back = curve.breaks[0].returns_at if curve.breaks else None
    return words + ([f"back at {strength(back)}"] if back is not None else [])


def _sentence(curve: Curve) -> str:
    if not curve.breaks:
        return "endures every strength tried"
    first = curve.breaks[0]
    words = [f"{first.change} at {strength(first.strength)} {curve.unit}", *_also(curve)]
    return "; ".join(words)
