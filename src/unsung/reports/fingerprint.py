# SPDX-License-Identifier: MIT
"""One page for the fingerprints of many generators: pictures, sounds, tree and attribution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsung.audio.combs import Candidate
from unsung.audio.write import encode
from unsung.evaluation.proportions import wilson
from unsung.fingerprints.attribution import UNKNOWN, WRONG_NAMES, Outcome
from unsung.fingerprints.audible import render as render_sound
from unsung.fingerprints.compare import Fingerprint
from unsung.fingerprints.survey import Survey
from unsung.reports.fingerprint_figures import (
    PANEL_PX,
    ROW_PX,
    Panel,
    draw_teeth,
    draw_tilt,
    draw_tree,
    draw_whole,
)
from unsung.reports.page import render, this_command, this_version, write_page
from unsung.reports.png import data_uri
from unsung.reports.words import number, percent

__all__ = ["attribution_figures", "comb_text", "decoder_names", "write_fingerprint_report"]

_KBPS = 24
_SOUND_S = 4.0
_LINES_NAMED = 5
_LABELS = {"ai": "generated", "resynth": "resynthesised", "human": "human"}


@dataclass(frozen=True)
class Card:
    """One generator: what is said of it, its drawings and its sound."""

    one: Fingerprint
    label: str
    comb: str
    decoders: str
    lines: str
    whole: Panel
    teeth: Panel | None
    tilt: Panel
    sound: str


@dataclass(frozen=True)
class Shares:
    """Held-out attribution: counts and intervals by what should have been said."""

    name: str
    n: int
    right: str
    wrong: str
    unknown: str


def write_fingerprint_report(survey: Survey, out: Path, *, command: str | None = None) -> Path:
    """Write the page and return its path; a folder gets ``fingerprints.html``.

    Args:
        survey: what was found.
        out: name ending in .html, or a folder; made when absent.
        command: the command behind the page; None takes the running one.
    """
    page = out if out.suffix.lower() == ".html" else out / "fingerprints.html"
    prints = sorted(survey.fingerprints, key=lambda p: (p.label, p.name.lower()))
    found, n_human = survey.human_combs
    context: dict[str, Any] = {
        "survey": survey,
        "cards": [_card(one) for one in prints],
        "tree": draw_tree(survey.tree) if survey.tree else (),
        "branches": _leaves(survey),
        "size": (PANEL_PX, ROW_PX),
        "with_comb": sum(p.comb.found for p in prints),
        "human_combs": percent(found / n_human) if n_human else "",
        "shares": attribution_figures(survey.outcomes),
        "confusion": _confusion(survey.outcomes),
        "wrong_names": percent(WRONG_NAMES),
        "command": this_command() if command is None else command,
        "version": this_version(),
    }
    return write_page(page, render("fingerprint.html.j2", "fingerprint.js", context))


def attribution_figures(outcomes: Sequence[Outcome]) -> list[Shares]:
    """Return how held-out tracks were named: families heard before, others, human music."""
    groups = {
        "family known from other pages": [o for o in outcomes if o.known],
        "family not heard before": [o for o in outcomes if not o.known and o.label != "human"],
        "human": [o for o in outcomes if o.label == "human"],
    }
    return [_shares(name, group) for name, group in groups.items() if group]


def comb_text(one: Fingerprint) -> str:
    """Say in a few words what comb was found."""
    if one.comb.spacing_hz is None:
        return "none"
    first = next(iter(_explanations(one)), None)
    text = f"{number(one.comb.spacing_hz, 2)} Hz"
    return f"{text} = {first.sample_rate_hz} / {first.stride}" if first else text


def decoder_names(one: Fingerprint) -> list[str]:
    """Return the known decoders that would leave the comb, those at the files' rate first."""
    return list(dict.fromkeys(name for c in _explanations(one) for name in c.decoders))


def _explanations(one: Fingerprint) -> list[Candidate]:
    """Return rates and strides that explain the comb, those at the rate of the files first.

    Files may have been resampled since, so that other rates stay.
    """
    return sorted(one.comb.candidates, key=lambda c: c.sample_rate_hz not in one.rates_hz)


def _card(one: Fingerprint) -> Card:
    clip = render_sound(one, _SOUND_S)
    sound = encode(clip.samples, clip.sample_rate_hz, "opus", _KBPS)
    return Card(
        one,
        _LABELS[one.label],
        comb_text(one),
        "; ".join(decoder_names(one)),
        ", ".join(f"{number(line.hz, 0)}" for line in one.lines[:_LINES_NAMED]),
        draw_whole(one),
        draw_teeth(one),
        draw_tilt(one),
        data_uri(sound, "audio/ogg"),
    )


def _leaves(survey: Survey) -> list[tuple[str, str]]:
    """Return the tree's leaves with their combs, top to bottom."""
    if survey.tree is None:
        return []
    combs = {one.name: comb_text(one) for one in survey.fingerprints}
    return [(name, combs[name]) for name in survey.tree.leaves]


def _shares(name: str, group: Sequence[Outcome]) -> Shares:
    n = len(group)
    right = sum(o.given == o.family for o in group)
    unknown = sum(o.given == UNKNOWN for o in group)
    return Shares(name, n, _share(right, n), _share(n - right - unknown, n), _share(unknown, n))


def _share(count: int, n: int) -> str:
    interval = wilson(count, n)
    low, high = 100 * interval.low, 100 * interval.high
    return f"{percent(interval.value)} [{low:.0f}, {high:.0f}]"


def _confusion(outcomes: Sequence[Outcome]) -> list[tuple[str, int, int, int, str]]:
    """Return for each family: tracks, rightly named, unknown, and what else they were called."""
    rows = []
    for family in sorted({o.family for o in outcomes}, key=str.lower):
        mine = [o for o in outcomes if o.family == family]
        given = Counter(o.given for o in mine)
        others = [(n, c) for n, c in given.most_common() if n not in (family, UNKNOWN)]
        text = ", ".join(f"{name} {count}" for name, count in others)
        rows.append((family, len(mine), given[family], given[UNKNOWN], text))
    return rows
