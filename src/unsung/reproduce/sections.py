# SPDX-License-Identifier: MIT
"""The tables of a page as plain rows, counted from the scores behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.reproduce.detectors import Detector
from unsung.reproduce.groupings import LEAST
from unsung.reproduce.tables import cell
from unsung.reproduce.timing import ADVERSARIAL
from unsung.reproduce.views import View
from unsung.types import Result, Track

__all__ = [
    "Confusion",
    "Heat",
    "confusions",
    "data_rows",
    "detector_rows",
    "errors",
    "heats",
    "pair_rows",
    "time_rows",
]


@dataclass(frozen=True)
class Heat:
    """A map of shares; a cell is None where nothing was measured."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]


@dataclass(frozen=True)
class Confusion:
    """Verdicts of one detector under one condition: called AI, undecided, called human."""

    detector: str
    condition: str
    ai: tuple[int, int, int]
    human: tuple[int, int, int]


def heats(views: Sequence[View]) -> list[Heat]:
    """Return one map of all detectors, then one of the families for each detector."""
    first = _first_seed(views)
    detectors = list(dict.fromkeys(view.detector for view in first))
    conditions = list(dict.fromkeys(view.condition for view in first))
    by_place = {(view.detector, view.condition): view for view in first}
    several = len(detectors) > 1
    columns = [
        f"{detector}: {name}" if several else name
        for detector in detectors
        for name in ("AI tracks found", "human tracks accused")
    ]
    rows = []
    for condition in conditions:
        cells: list[float | None] = []
        for detector in detectors:
            view = by_place.get((detector, condition))
            cells += [None if view is None else _share(view, view.y == k) for k in (1, 0)]
        rows.append((condition, tuple(cells)))
    found = [Heat("every detector and condition", tuple(columns), tuple(rows))]
    families = [_family_heat(d, conditions, by_place) for d in detectors]
    return [*found, *(heat for heat in families if len(heat.columns) > 1)]


def _family_heat(
    detector: str, conditions: Sequence[str], by_place: Mapping[tuple[str, str], View]
) -> Heat:
    own = [by_place[detector, c] for c in conditions if (detector, c) in by_place]
    counts = Counter(name for name in own[0].families.tolist() if name) if own else Counter()
    names = sorted(name for name, n in counts.items() if n >= LEAST)
    rows = tuple(
        (view.condition, tuple(_share(view, view.families == name) for name in names))
        for view in own
    )
    columns = tuple(f"{name} ({counts[name]})" for name in names)
    return Heat(f"{detector}: AI tracks found, by family (number of tracks)", columns, rows)


def _share(view: View, about: NDArray[np.bool_]) -> float | None:
    margin = view.margin[about & np.isfinite(view.margin)]
    return float(np.mean(margin >= 0)) if margin.size else None


def _first_seed(views: Sequence[View]) -> list[View]:
    """Return the views of the lowest seed of each condition."""
    least: dict[tuple[str, str], View] = {}
    for view in views:
        key = (view.detector, view.condition)
        if key not in least or view.seed < least[key].seed:
            least[key] = view
    return list(least.values())


def confusions(views: Sequence[View]) -> list[Confusion]:
    """Return the verdicts of every detector and condition, all seeds together."""
    found: dict[tuple[str, str], NDArray[np.int64]] = {}
    for view in views:
        ai, undecided = view.called_ai > 0, view.undecided > 0
        calls = (ai, undecided, ~(ai | undecided))
        counts = np.array([[int((c & (view.y == k)).sum()) for c in calls] for k in (1, 0)])
        key = (view.detector, view.condition)
        found[key] = found.get(key, np.zeros((2, 3), dtype=np.int64)) + counts
    return [
        Confusion(*key, ai=tuple(counts[0].tolist()), human=tuple(counts[1].tolist()))
        for key, counts in found.items()
    ]


def pair_rows(results: Sequence[Result]) -> list[list[str]]:
    """Return a line for each pair of detectors, condition and seed."""
    lines: dict[tuple[str, str, int], dict[str, Result]] = {}
    for row in results:
        if row.metric.endswith(("_difference", "delong_p")):
            lines.setdefault((row.detector, row.condition, row.seed), {})[row.metric] = row
    found = []
    for (detectors, condition, _), values in lines.items():
        at = next((m for m in values if m.startswith("detection_at_")), None)
        rate = at.removeprefix("detection_at_").removesuffix("_difference") if at else ""
        found.append(
            [
                detectors,
                condition,
                str(values["auc_difference"].n_tracks),
                cell(values["auc_difference"]),
                _p(values["delong_p"].value),
                cell(values[at]) if at else "–",
                f"{float(rate):.0%}" if rate else "",
            ]
        )
    return found


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def time_rows(seconds: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Return what each condition cost, slowest first; adversarial ones in a part of their own."""
    parts: dict[str, list[list[str]]] = {"attacks that do not see the detector": []}
    for condition, row in sorted(seconds.items(), key=lambda item: -item[1]["median_s"]):
        part = "adversarial attacks" if row["kind"] == ADVERSARIAL else next(iter(parts))
        values = [f"{row['median_s']:.3f}", f"{row['total_s']:.1f}", f"{row['attack_share']:.0%}"]
        parts.setdefault(part, []).append([condition, str(row["n"]), *values])
    for part, rows in parts.items():
        n, total = sum(int(row[1]) for row in rows), sum(float(row[3]) for row in rows)
        parts[part] = [*rows, ["all of them", str(n), "", f"{total:.1f}", ""]]
    return list(parts.items())


def data_rows(tracks: Sequence[Track]) -> list[list[str]]:
    """Return label, tracks, groups and families of what was measured."""
    found = []
    for label in dict.fromkeys(track.label for track in tracks):
        own = [track for track in tracks if track.label == label]
        groups = {track.group or track.id for track in own}
        families = Counter(t.family or t.generator for t in own if t.label != "human")
        names = ", ".join(f"{name} {n}" for name, n in sorted(families.items()) if name)
        found.append([label, str(len(own)), str(len(groups)), names])
    return found


def detector_rows(detectors: Sequence[Detector]) -> list[list[str]]:
    """Return name, what it is, what its calibration stands on, and hash."""
    found = []
    for detector in detectors:
        bundles = list(detector.bundles.values())
        first = bundles[0]
        what = str(first.card.get("summary", ""))
        if len(bundles) > 1:
            what = f"{len(bundles)} bundles, one for each fold; the first: {what}"
        found.append([detector.name, what, str(first.calibration["name"]), detector.sha256])
    return found


def errors(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, str, str, str]]:
    """Return count, condition, type and one message of each kind of failure."""
    kinds: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], str] = {}
    for row in rows:
        if row["error"] is not None:
            key = (row["condition"], row["error"]["type"])
            kinds[key] += 1
            example.setdefault(key, row["error"]["message"])
    return [(count, *key, example[key]) for key, count in kinds.most_common()]
