# SPDX-License-Identifier: MIT
"""The page of an experiment: one HTML file that holds all it shows and asks nothing of the network.

A page holds no numbers of its own: all come from the scores and results beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from unsung.reproduce import figures
from unsung.reproduce.experiment import CLEAN
from unsung.reproduce.figures import Figure
from unsung.reproduce.tables import compare, pivot
from unsung.reproduce.views import View
from unsung.reproduce.worker import FALSE_ALARM_RATE
from unsung.types import Result

__all__ = ["write_page"]

_TEMPLATES = Path(__file__).parent / "templates"
_MEAN = " seeds]"
_FAMILY = "detection[family="


def write_page(
    folder: Path,
    record: Mapping[str, Any],
    results: Sequence[Result],
    views: Sequence[View],
    rows: Sequence[Mapping[str, Any]],
) -> Path:
    """Write index.html.

    Args:
        folder: where the tables are.
        record: what was run, with hashes.
        results: every number.
        views: the scores behind them.
        rows: the scores as they stand in the file, for counts and errors.
    """
    experiment = record["study"]["experiment"]
    head, body = pivot([row for row in results if not row.metric.endswith(_MEAN)])
    context = {
        "experiment": experiment,
        "select": {k: v for k, v in record["study"]["select"].items() if v not in (None, [])},
        "record": record,
        "rate": f"{FALSE_ALARM_RATE:.0%}",
        "heats": _heats(results),
        "drawings": _drawings(results, views),
        "head": head,
        "body": body,
        "expected": compare(results, experiment["expected"]),
        "seeds": [row for row in results if row.metric.endswith(_MEAN) and "[f" not in row.metric],
        "trained_on": len({row["track"] for row in rows if row.get("trained_on")}),
        "errors": _errors(rows),
        "n_errors": sum(row["error"] is not None for row in rows),
        "n_groups": len({group for view in views for group in view.groups}),
    }
    path = folder / "index.html"
    page = _environment().get_template("page.html").render(context)
    path.write_text(page, encoding="utf-8")
    return path


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _heats(results: Sequence[Result]) -> list[Figure]:
    """Draw found tracks and false alarms for each detector, and for each family."""
    first = min(row.seed for row in results)
    rows = [row for row in results if row.seed == first]
    conditions = list(dict.fromkeys(row.condition for row in rows))
    found = []
    for detector in dict.fromkeys(row.detector for row in rows):
        values = {}
        names = ["AI tracks found", "false alarms on human"]
        for row in rows:
            if row.detector != detector:
                continue
            if row.metric in ("detection", "false_alarms"):
                values[row.condition, names[row.metric == "false_alarms"]] = row
            elif row.metric.startswith(_FAMILY) and not row.metric.endswith(_MEAN):
                values[row.condition, row.metric.removeprefix(_FAMILY).rstrip("]")] = row
        families = sorted({column for _, column in values} - set(names))
        columns = [*(name for name in names if any(k[1] == name for k in values)), *families]
        if columns:
            title = f"{detector}: share of tracks at or above the unchanged threshold, in percent"
            svg = figures.heat_map(values, conditions, columns, title)
            found.append(Figure(Markup(svg), title))
    return found


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


def _errors(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, str, str, str]]:
    """Return count, condition, type and one message of each kind of failure."""
    kinds: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], str] = {}
    for row in rows:
        if row["error"] is not None:
            key = (row["condition"], row["error"]["type"])
            kinds[key] += 1
            example.setdefault(key, row["error"]["message"])
    return [(count, *key, example[key]) for key, count in kinds.most_common()]
