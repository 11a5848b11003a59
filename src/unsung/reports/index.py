# SPDX-License-Identifier: MIT
"""The table over all tracks of a scan: counts, verdicts and failures on one page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from unsung.core.text import clock
from unsung.reports.page import render, this_command, this_version, write_page
from unsung.reports.song import track_name
from unsung.reports.words import advice, number, percent
from unsung.types import Score

__all__ = ["Row", "write_index"]

_ORDER = ("ai", "undecided", "human", "unrated", "failed")
_WORDS = {
    "ai": "AI-generated",
    "undecided": "undecided",
    "human": "human",
    "unrated": "no verdict",
    "failed": "no result",
}


@dataclass(frozen=True)
class Row:
    """One line of the table; numbers twice: as shown, and as they sort."""

    key: str
    name: str
    folder: str
    link: str
    probability: str
    probability_sort: str
    logit: str
    logit_sort: str
    duration: str
    duration_sort: str
    note: str
    error_type: str
    advice: str


def write_index(scores: Iterable[Score], out: Path, links: Mapping[str, str]) -> Path:
    """Write ``index.html`` over all scores and return its path.

    Scores may come from a generator: only what the table shows is kept.

    Args:
        scores: finished tracks, in the order of the table.
        out: folder of the page; made when absent.
        links: a score's path → its page, relative to the folder.
    """
    rows, sets, rates, damaged = [], Counter[str](), Counter[float](), 0
    for score in scores:
        rows.append(_row(score, links.get(score.path, "")))
        damaged += score.damaged
        if score.calibration:
            sets[f"“{score.calibration}”, prior {percent(score.prior)}"] += 1
        if score.false_alarm_rate is not None:
            rates[score.false_alarm_rate] += 1
    counts = Counter(row.key for row in rows)
    text = render(
        "index.html.j2",
        "index.js",
        {
            "rows": rows,
            "failures": [row for row in rows if row.key == "failed"],
            "counts": [(key, _WORDS[key], counts[key]) for key in _ORDER if counts[key]],
            "words": _WORDS,
            "damaged": damaged,
            "sets": list(sets),
            "rates": [percent(rate) for rate in sorted(rates)],
            "version": this_version(),
            "command": this_command(),
        },
    )
    return write_page(out / "index.html", text)


def _row(score: Score, link: str) -> Row:
    error = score.error
    named = bool(score.calibration)  # a probability without its calibration set is not shown
    return Row(
        key=score.state,
        name=track_name(score.path),
        folder=score.path[: -len(track_name(score.path))],
        # Pages lie beside the index: a quoted relative address can neither call a script nor leave.
        link=quote(link.lstrip("/").encode("utf-8", "replace")),
        probability=percent(score.probability, 1) if named else "–",
        probability_sort=_sortable(score.probability if named else None),
        logit=number(score.logit, signed=True),
        logit_sort=_sortable(score.logit),
        duration=clock(score.duration_s),
        duration_sort=_sortable(score.duration_s),
        note="; ".join(filter(None, (error.message if error else score.reason, *score.notes))),
        error_type=error.type if error else ("NoScore" if score.state == "failed" else ""),
        advice=advice(error.type) if error else "",
    )


def _sortable(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.6g}"
