# SPDX-License-Identifier: MIT
"""One explained song as a folder: page, picture, tables, arrays and sounds.

The page is one file without any address to the outside, under 5 MB, sounds included. Logits, Hz, s.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from unsung.audio.write import write
from unsung.core.text import clock
from unsung.explainers import Explained, Listening
from unsung.outputs import FOREIGN, Kind, json_with, output_folder, replacing, write_whole
from unsung.reports._relevance import HEIGHT_PX, Drawing, draw_relevance, gridded, standalone
from unsung.reports.axes import Axis
from unsung.reports.page import PAGE, render, this_command, this_version, write_page
from unsung.reports.player import Player, embed
from unsung.reports.song import LARGEST_BYTES, track_name
from unsung.reports.words import hertz, number
from unsung.tables import write_csv

__all__ = ["WRITTEN", "summary", "write_explanation"]

HOVER_ROWS, HOVER_COLUMNS = 60, 120
PLAYER_BYTES = 900_000
STRIPS_CLAIM = (
    "Temporal tokens cover all bands of a moment and spectral tokens all moments of a band: the "
    "first rank moments, the second rank bands. A picture of temporal × spectral relevance would "
    "say where a band and a moment that both rank high cross; it cannot say that the detector "
    "found anything there, and what stands in one spot of it is no local evidence. So the two are "
    "shown apart, and the picture holds each spread along the axis that it does not resolve."
)
"""What attention over strips can and cannot claim."""
_DOCUMENT = "explanation.json"
WRITTEN = {
    _DOCUMENT: Kind("an explanation", (), json_with("path", "detector", "method", "gap")),
    "index.html": PAGE,
    **dict.fromkeys(("relevance.svg", "relevance.npz", "bands.csv", "times.csv"), FOREIGN),
    **dict.fromkeys(("relevant.flac", "without.flac", "amplified.flac"), FOREIGN),
}
"""What stands in the folder, and how an earlier run's file is known."""
SOUNDS = (
    ("original", "The explained part"),
    ("relevant", "What speaks for {target}, alone"),
    ("without", "The song without it"),
    ("amplified", "The same part 18 dB louder"),
)


@dataclass(frozen=True)
class Bar:
    """A bar of relevance along an axis: places in percent, heights in pixels, one line of words."""

    x: float
    width: float
    y: float
    height: float
    key: str
    text: str


@dataclass(frozen=True)
class Sound:
    """One player with its caption."""

    name: str
    caption: str
    player: Player


def write_explanation(
    explained: Explained, listening: Listening | None, out: Path, *, command: str | None = None
) -> Path:
    """Write page, picture, tables, arrays and sounds into a folder; return the page.

    Args:
        explained: the song and its explanation.
        listening: its sounds; None writes none.
        out: made when absent.
        command: printed as the command behind the page; None takes the running one.
    """
    output_folder(out, (), WRITTEN, signs=(_DOCUMENT,))
    drawing = draw_relevance(explained.explanation, explained.clip)
    title = f"{explained.method} of {track_name(explained.path)}, {explained.detector}"
    write_whole(out / _DOCUMENT, json.dumps(summary(explained), indent=2) + "\n")
    write_whole(out / "relevance.svg", standalone(drawing, title))
    _table(out / "bands.csv", ("low_hz", "high_hz", "relevance"), explained.bands())
    _table(out / "times.csv", ("start_s", "end_s", "relevance"), explained.times())
    found = explained.explanation
    with replacing(out / "relevance.npz") as part:
        np.savez_compressed(
            part,
            relevance=found.relevance,
            freqs_hz=found.freqs_hz,
            times_s=found.times_s,
            logit=found.logit,
            baseline=found.baseline,
        )
    sounds = _sounds(explained, listening, out)
    context = _context(explained, drawing, sounds)
    context["command"] = this_command() if command is None else command
    text = render("explanation.html.j2", "explanation.js", context)
    if len(text.encode()) > LARGEST_BYTES:
        context["sounds"] = []
        text = render("explanation.html.j2", "explanation.js", context)
    return write_page(out / "index.html", text)


def summary(explained: Explained) -> dict[str, Any]:
    """Return what the JSON file holds: everything but the map itself."""
    found = explained.explanation
    document: dict[str, Any] = {
        "path": explained.path,
        "start_s": explained.clip.start_s,
        "duration_s": explained.clip.duration_s,
        "detector": explained.detector,
        "method": explained.method,
        "settings": explained.settings,
        "target": found.target,
        "logit": found.logit,
        "baseline": found.baseline,
        "gap": found.gap,
        "verdict": explained.judged.verdict,
        "verdict_logit": explained.judged.logit,
        "false_alarm_rate": explained.false_alarm_rate,
        "seconds": round(explained.seconds, 3),
        "bands": [row.to_dict() for row in explained.bands()],
        "times": [row.to_dict() for row in explained.times()],
        "counterfactuals": [c.to_dict() for c in explained.counterfactuals],
    }
    if explained.channels:
        document["channels"] = dict(explained.parts())
    if explained.strips:
        document["claim"] = STRIPS_CLAIM
    if explained.note:
        document["note"] = explained.note
    return document


def _table(path: Path, names: Sequence[str], rows: Sequence[Any]) -> None:
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, names, ((row.low, row.high, f"{row.relevance:.6g}") for row in rows))


def _sounds(explained: Explained, listening: Listening | None, out: Path) -> list[Sound]:
    if listening is None:
        return []
    from unsung.types import Clip

    clip = explained.clip
    made: dict[str, Clip] = {
        "original": clip,
        "relevant": listening.relevant,
        "without": listening.without,
        "amplified": listening.amplified,
    }
    target = "AI" if explained.explanation.target == "ai" else "human"
    found = []
    for name, caption in SOUNDS:
        path = out / f"{name}.flac"
        kept = name != "original"  # the song is not ours to copy; the page holds a small excerpt
        with replacing(path) if kept else _passing(out) as part:
            write(part, made[name])
            player = embed(part, PLAYER_BYTES)
        text = caption.format(target=target)
        if name == "relevant" and listening.gain_db:
            text += f" ({number(listening.gain_db, 0, signed=True)} dB)"
        found.append(Sound(name, text, player))
    return found


@contextmanager
def _passing(folder: Path) -> Iterator[Path]:
    with TemporaryDirectory(dir=folder, prefix=".unsung-") as held:
        yield Path(held) / "original.flac"


def _context(explained: Explained, drawing: Drawing, sounds: list[Sound]) -> dict[str, Any]:
    found = explained.explanation
    sign = 1.0 if found.target == "ai" else -1.0
    bands = _bars(
        [(r.low, r.high, sign * r.relevance) for r in explained.bands()], drawing.hz, hertz
    )
    times = _bars(
        [(r.low, r.high, sign * r.relevance) for r in explained.times()], drawing.seconds, clock
    )
    cells = sign * gridded(found, drawing.hz, drawing.seconds, HOVER_ROWS, HOVER_COLUMNS)
    size = float(np.abs(found.relevance).sum()) or 1.0
    return {
        "name": track_name(explained.path),
        "explained": explained,
        "found": found,
        "drawing": drawing,
        "height": HEIGHT_PX,
        "bands": bands,
        "times": times,
        "band_ticks": drawing.hz.hz_ticks(8),
        "sounds": sounds,
        "gap_share": abs(found.gap) / size,
        "strips_claim": STRIPS_CLAIM if explained.strips else "",
        "parts": explained.parts(),
        "turned": [_turned(c) for c in explained.counterfactuals],
        "version": this_version(),
        "data": {
            "hz": [drawing.hz.low, drawing.hz.high],
            "s": [drawing.seconds.low, drawing.seconds.high],
            "cells": [[_short(v) for v in row] for row in cells.tolist()],
        },
    }


def _turned(found: Any) -> dict[str, str]:
    where = f"{hertz(found.low_hz)} to {hertz(found.high_hz)}"
    if found.kind == "comb":
        where = f"multiples of {found.spacing_hz:.2f} Hz, {where}"
    return {
        "kind": f"{found.kind}, {found.how}",
        "how": found.how,
        "where": where,
        "width": hertz(found.removed_hz),
        "before": f"{number(found.before.logit, 2, signed=True)} ({found.before.verdict})",
        "after": f"{number(found.after.logit, 2, signed=True)} ({found.after.verdict})",
        "control": f"{number(found.control.logit, 2, signed=True)} ({found.control.verdict})",
    }


BAR_PX = 110.0


def _bars(rows: list[tuple[float, float, float]], axis: Axis, text: Any) -> dict[str, Any]:
    most = max((abs(v) for _, _, v in rows), default=0.0) or 1.0
    scale = Axis(-most, most)
    zero = scale.up(0.0, 4.0, BAR_PX - 4.0)
    bars = []
    for low, high, value in rows:
        x, end = axis.percent(low), axis.percent(high)
        y = scale.up(value, 4.0, BAR_PX - 4.0)
        key = "ai" if value > 0 else "human"
        words = f"{text(low)} to {text(high)}: {number(value, 3, signed=True)}"
        bars.append(Bar(x, max(0.05, end - x), min(y, zero), abs(y - zero), key, words))
    level = number(most, 2, signed=True)
    return {"bars": bars, "zero": zero, "height": BAR_PX, "levels": ((8.0, level), (zero + 4, "0"))}


def _short(value: float) -> float:
    return float(f"{value:.3g}") if math.isfinite(value) else 0.0
