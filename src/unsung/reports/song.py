# SPDX-License-Identifier: MIT
"""One page for one track: verdict, figures, sound and the limits of what they mean."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from unsung.core.text import clock
from unsung.reports.evidence import base_rates, odds_text, peak_rows, sum_up
from unsung.reports.gauge import Threshold, active_threshold, draw_gauge, thresholds
from unsung.reports.page import render, this_command, this_version, write_page
from unsung.reports.player import embed
from unsung.reports.residual import draw_residual, peak_side
from unsung.reports.spectrogram import LEVELS, draw_spectrogram
from unsung.reports.timeline import draw_timeline, time_axis
from unsung.reports.words import (
    advice,
    family_text,
    number,
    percent,
    state,
    stretches_text,
)
from unsung.types import Evidence, Picture, Score

__all__ = ["LARGEST_BYTES", "safe_stem", "track_name", "write_song_report"]

LARGEST_BYTES = 5_000_000
_RESERVE_BYTES = 60_000
_STEM_BYTES = 120
_CALIBRATION = ("name", "n_human", "n_ai", "n_groups")
_CARD = (
    "summary",
    "trained_on",
    "failures",
    "intended_use",
    "forbidden_use",
    "patent_note",
    "metrics",
)
_METRIC = ("name", "value", "low", "high", "n")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d|index)$")


def write_song_report(
    score: Score,
    picture: Picture | None,
    out: Path,
    *,
    calibration: dict[str, Any] | None = None,
    card: dict[str, Any] | None = None,
    audio: Path | None = None,
    command: str | None = None,
) -> Path:
    """Write one self-contained page for a track and return its path.

    Args:
        score: what the scan found, an error included.
        picture: what to draw; None leaves the spectra out.
        out: folder of the page; made when absent.
        calibration: the bundle's calibration: name, prior, n_human, n_ai, n_groups, evenly spaced
            quantiles human_logits and ai_logits, thresholds.
        card: the model card: summary, trained_on, failures, intended_use, forbidden_use,
            patent_note, metrics.
        audio: the sound to embed; None writes a page without a player.
        command: what to print as the command behind the page; None takes the running one.
    """
    context = _context(score, picture, calibration or {}, card or {})
    context["command"] = this_command() if command is None else command
    silent = render("song.html.j2", "song.js", context | {"player": embed(None, 0)})
    if score.error is None or score.windows:
        room = LARGEST_BYTES - _RESERVE_BYTES - len(silent.encode("utf-8", "replace"))
        text = render("song.html.j2", "song.js", context | {"player": embed(audio, room)})
    else:
        text = silent
    return write_page(_page_path(score.path, out), text)


def track_name(path: str) -> str:
    r"""Return the file name in a path or address, whichever separators it has.

    >>> track_name("C:\\music\\song.mp3")
    'song.mp3'
    """
    return PurePosixPath(path.replace("\\", "/")).name or path


def safe_stem(path: str) -> str:
    """Return a file name without suffix that every file system and browser takes.

    >>> safe_stem("a/../<b> c?.mp3")
    'b-c'
    """
    stem = PurePosixPath(track_name(path)).stem
    stem = unicodedata.normalize("NFC", stem.encode("utf-8", "replace").decode("utf-8"))
    stem = re.sub(r"[^\w.]+", "-", stem).strip("-._")
    while len(stem.encode()) > _STEM_BYTES:
        stem = stem[:-1]
    return f"track-{stem}" if not stem or _RESERVED.match(stem) else stem


def _page_path(path: str, out: Path) -> Path:
    """Return the page's place: its plain name, unless that page is another track's."""
    page = out / f"{safe_stem(path)}.html"
    if page.exists():
        mine = False
        if page.is_file():  # not a folder, nor a pipe, which would be waited for
            with page.open("rb") as stream:
                mine = _identity(path).encode() in stream.read(2000)
        if not mine:
            page = page.with_stem(f"{page.stem}-{_identity(path)[:10]}")
    return page


def _identity(path: str) -> str:
    absolute = path if "://" in path else str(Path(path).absolute())
    return hashlib.sha256(absolute.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _context(
    score: Score, picture: Picture | None, calibration: Mapping[str, Any], card: Mapping[str, Any]
) -> dict[str, Any]:
    rows = thresholds(calibration)
    active = active_threshold(rows, score.false_alarm_rate)
    set_name = score.calibration or str(calibration.get("name") or "")
    n_human = (active.n_human if active else None) or calibration.get("n_human")
    guarantee = active.guarantee if active else ""
    return {
        "score": score,
        "name": track_name(score.path),
        "identity": _identity(score.path),
        "statement": state(score, set_name, guarantee, n_human),
        "set_name": set_name,
        "calibration": dict.fromkeys(_CALIBRATION) | dict(calibration) if calibration else {},
        "thresholds": rows,
        "active": active,
        "card": _card(card),
        "advice": advice(score.error.type) if score.error else "",
        "facts": _facts(score),
        "version": this_version(),
        "odds": odds_text(score),
        "base_rates": base_rates(score),
        "family": family_text(score.family),
        "stretches": stretches_text(score),
        "stability": list(score.stability.items()),
        **_figures(score, picture, calibration, active),
    }


def _figures(
    score: Score,
    picture: Picture | None,
    calibration: Mapping[str, Any],
    active: Threshold | None,
) -> dict[str, Any]:
    evidence = score.evidence or Evidence()
    axis = time_axis(score, picture)
    known = score.logit is not None and math.isfinite(score.logit)
    marks = tuple((peak, peak_side(peak.contribution)) for peak in evidence.peaks)
    spectrogram = None if picture is None else draw_spectrogram(picture, axis, marks)
    residual = None if picture is None else draw_residual(picture, evidence.peaks)
    timeline = draw_timeline(score, axis, active)
    return {
        "axis": axis,
        "time_ticks": axis.time_ticks(),
        "gauge": draw_gauge(score.logit or 0.0, calibration, active) if known else None,
        "spectrogram": spectrogram,
        "timeline": timeline,
        "residual": residual,
        "evidence": evidence,
        "sum": sum_up(score.evidence, score.logit),
        "peaks": peak_rows(evidence.peaks),
        "data": _hover_data(axis.high, spectrogram, timeline, residual),
    }


def _hover_data(end_s: float, spectrogram: Any, timeline: Any, residual: Any) -> dict[str, Any]:
    """Return the numbers that the script reads out under the pointer."""
    data: dict[str, Any] = {"end_s": end_s}
    if timeline is not None:
        data["windows"] = [
            [round(b.start_s, 3), round(b.end_s, 3), round(b.logit, 3)] for b in timeline.bars
        ]
    if spectrogram is not None:
        data["spectrogram"] = {
            "hz": [spectrogram.low_hz, spectrogram.high_hz],
            "db": [round(spectrogram.floor_db, 2), round(spectrogram.top_db, 2)],
            "x": [spectrogram.x, spectrogram.width],
            "levels": LEVELS,
            "palette": spectrogram.palette,
        }
    if residual is not None:
        data["residual"] = {
            "hz": [residual.low_hz, residual.high_hz],
            "columns": residual.columns,
        }
    return data


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card with every field that the page asks for; a lone line becomes a list."""
    if not card:
        return {}
    full = dict.fromkeys(_CARD) | dict(card)
    for name in ("trained_on", "failures"):
        if isinstance(full[name], str):
            full[name] = [full[name]]
    full["metrics"] = [dict.fromkeys(_METRIC) | dict(row) for row in full["metrics"] or ()]
    return full


def _facts(score: Score) -> list[tuple[str, str]]:
    rate = score.sample_rate_hz
    rows = [
        ("File", score.path),
        ("Duration", _seconds(score.duration_s)),
        ("Covered by the score", _seconds(score.covered_s) if score.covered_s else ""),
        ("Sample rate", f"{number(rate, 0)}\u202fHz" if rate else ""),
        ("Channels", str(score.channels) if score.channels else ""),
        ("Codec", score.codec),
        ("SHA-256", score.sha256),
        ("Detector", score.detector),
        ("Windows", str(len(score.windows)) if score.windows else ""),
        ("Calibration set", score.calibration),
        ("Assumed share of AI", percent(score.prior) if score.prior is not None else ""),
        ("Nearest family", score.family if score.family not in (None, "unknown") else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{clock(value)} ({number(value, 1)}\u202fs)"
