# SPDX-License-Identifier: MIT
"""The page of an experiment: one HTML file that holds all it shows and asks nothing of the network.

A page holds no numbers of its own: all come from the scores and results beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from unsung.outputs import write_whole
from unsung.reproduce import figures, sections, words
from unsung.reproduce.conditions import CLEAN
from unsung.reproduce.detectors import Detector
from unsung.reproduce.figures import Figure
from unsung.reproduce.tables import compare, pivot
from unsung.reproduce.views import View
from unsung.reproduce.worker import FALSE_ALARM_RATE
from unsung.types import Result, Track

__all__ = ["Shown", "write_page"]

_TEMPLATES = Path(__file__).parent / "templates"
_MEAN = " seeds]"


@dataclass(frozen=True)
class Shown:
    """What a page is about.

    Attributes:
        record: what was run, with hashes.
        results: every number.
        views: the scores behind them.
        rows: the scores as they stand in the file, for counts and errors.
        tracks: what was measured.
        detectors: by what.
    """

    record: Mapping[str, Any]
    results: Sequence[Result]
    views: Sequence[View]
    rows: Sequence[Mapping[str, Any]]
    tracks: Sequence[Track]
    detectors: Sequence[Detector]


def write_page(folder: Path, shown: Shown) -> Path:
    """Write index.html into a folder."""
    path = folder / "index.html"
    page = _environment().get_template("page.html").render(_context(shown))
    write_whole(path, page)
    return path


def _context(shown: Shown) -> dict[str, Any]:
    record, results, views, rows = shown.record, shown.results, shown.views, shown.rows
    experiment = record["study"]["experiment"]
    single = [row for row in results if not row.metric.endswith(_MEAN)]
    head, body = pivot(single)
    return {
        "experiment": experiment,
        "select": {k: v for k, v in record["study"]["select"].items() if v not in (None, [])},
        "record": record,
        "rate": f"{FALSE_ALARM_RATE:.0%}",
        "data": sections.data_rows(shown.tracks),
        "detectors": sections.detector_rows(shown.detectors),
        "conditions": words.described_conditions([CLEAN, *experiment["attacks"]]),
        "metrics": words.metric_words(experiment["metrics"], {row.metric for row in results}),
        "limits": list(words.known_limits(record, views, rows)),
        "heats": sections.heats(views),
        "confusions": sections.confusions(views),
        "pairs": sections.pair_rows(single),
        "drawings": _drawings(results, views),
        "head": head,
        "body": body,
        "expected": compare(results, experiment["expected"]),
        "seeds": [row for row in results if row.metric.endswith(_MEAN) and "=" not in row.metric],
        "times": sections.time_rows(record["seconds"]),
        "errors": sections.errors(rows),
        "n_errors": sum(row["error"] is not None for row in rows),
        "n_groups": len({group for view in views for group in view.groups}),
    }


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _drawings(results: Sequence[Result], views: Sequence[View]) -> list[Figure]:
    drawn = []
    for detector in dict.fromkeys(view.detector for view in views):
        own = [v for v in views if v.detector == detector and len(set(v.y[v.scored])) == 2]
        seed = min((v.seed for v in own), default=0)
        own = [v for v in own if v.seed == seed]
        if not own:
            continue
        chosen = _telling(own, results, detector)
        caption = f"{detector}: clean and the conditions with the lowest AUC"
        drawn.append(Figure(Markup(figures.roc(chosen)), f"ROC, {caption}"))
        if all(view.calibrated for view in chosen):
            diagram = figures.reliability_diagram(chosen)
            drawn.append(Figure(Markup(diagram), f"Reliability, {caption}; even prior, 10 bins"))
        drawn += [
            Figure(Markup(f.svg), f"{detector}: score shift, {f.caption}")
            for f in figures.shift_curves(results, detector, seed)
        ]
    return drawn


def _telling(views: Sequence[View], results: Sequence[Result], detector: str) -> list[View]:
    """Return the clean view and those with the lowest AUC."""
    auc = {r.condition: r.value for r in results if (r.detector, r.metric) == (detector, "auc")}
    clean = [view for view in views if view.condition == CLEAN]
    rest = [view for view in views if view.condition != CLEAN]
    rest.sort(key=lambda view: auc.get(view.condition, 1.0))
    return [*clean, *rest[: figures.COLOURS - len(clean)]]
