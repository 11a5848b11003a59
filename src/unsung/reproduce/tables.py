# SPDX-License-Identifier: MIT
"""Results as JSON Lines and CSV (every number) and as Markdown and LaTeX (condition × metric)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from unsung.outputs import replacing, write_whole
from unsung.tables import write_csv
from unsung.types import Result

__all__ = ["COLUMNS", "cell", "compare", "pivot", "write_tables"]

COLUMNS = {
    "auc": "AUC",
    "detection_at_0.01": "found at 1 %",
    "detection": "found",
    "false_alarms": "false alarms",
    "undecided_ai": "AI undecided",
    "undecided_human": "human undecided",
    "score_shift_ai": "shift AI",
    "score_shift_human": "shift human",
    "cllr": "Cllr",
    "ece": "ECE",
}
"""Columns of the short tables and their headings; the long ones hold every metric."""

CSV_COLUMNS = (
    "detector", "condition", "seed", "metric", "value", "low", "high", "n_tracks", "n_groups",
)  # fmt: skip
"""The rest is the same in every row; it stands in results.jsonl and experiment.json."""

_SIGNED = ("score_shift", "cllr_change")
_TEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "~": r"\~{}", "^": r"\^{}"}


def write_tables(results: Sequence[Result], folder: Path) -> None:
    """Write results.jsonl, .csv, .md and .tex into a folder."""
    lines = "".join(_line(row) for row in results)
    write_whole(folder / "results.jsonl", lines)
    with (
        replacing(folder / "results.csv") as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        values = (row.to_dict() for row in results)
        write_csv(file, CSV_COLUMNS, ([row[name] for name in CSV_COLUMNS] for row in values))
    head, body = pivot(results)
    write_whole(folder / "results.md", _markdown(head, body))
    write_whole(folder / "results.tex", _latex(head, body))


def _line(row: Result) -> str:
    compact = (",", ":")  # thousands of rows: every blank would cost kilobytes
    text = json.dumps(row.to_dict(), allow_nan=False, separators=compact, ensure_ascii=False)
    return text + "\n"


def pivot(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Return headings and a line for each detector, condition and seed, in order of appearance."""
    lines: dict[tuple[str, str, int], dict[str, Result]] = {}
    for row in results:
        if row.metric in COLUMNS:
            lines.setdefault((row.detector, row.condition, row.seed), {})[row.metric] = row
    used = [m for m in COLUMNS if any(m in found for found in lines.values())]
    seeds = len({key[2] for key in lines}) > 1
    head = ["detector", "condition", *(["seed"] if seeds else []), "n", *(COLUMNS[m] for m in used)]
    body = []
    for (detector, condition, seed), found in lines.items():
        first = next(iter(found.values()))
        names = [detector, condition, *([str(seed)] if seeds else []), str(first.n_tracks)]
        body.append([*names, *(cell(found[m]) if m in found else "–" for m in used)])
    return head, body


def cell(row: Result) -> str:
    """Return a value with its interval: "0.912 [0.87, 0.95]"."""
    sign = "+" if row.metric.startswith(_SIGNED) else ""
    digits = 2 if sign else 3
    text = f"{row.value:{sign}.{digits}f}"
    if row.low is None or row.high is None:
        return text
    return f"{text} [{row.low:{sign}.2f}, {row.high:{sign}.2f}]"


def compare(results: Sequence[Result], expected: dict[str, dict[str, object]]) -> list[list[str]]:
    """Return published beside measured: a line for each detector and expected value."""
    lines = []
    for want in expected.values():
        rows = [
            row
            for row in results
            if (row.condition, row.metric) == (want["condition"], want["metric"])
            and want["detector"] in ("", row.detector)
        ]
        value, tolerance = float(str(want["value"])), float(str(want["tolerance"]))
        stated = f"{value:.3f} ± {tolerance:g}"
        head = [str(want["condition"]), str(want["metric"])]
        if not rows:
            lines.append([*head, "", stated, "not measured", "", "–", str(want["source"])])
        for row in rows:
            difference = row.value - value
            mark = "within" if abs(difference) <= tolerance + 1e-12 else "outside"
            values = [stated, cell(row), f"{difference:+.3f}", mark]
            lines.append([*head, row.detector, *values, str(want["source"])])
    return lines


def _markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "".join("| " + " | ".join(c.replace("|", r"\|") for c in row) + " |\n" for row in rows)


def _latex(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [" & ".join(_tex(c) for c in row) + r" \\" for row in (head, *body)]
    columns = "ll" + "r" * (len(head) - 2)
    top = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", lines[0], r"\hline"]
    return "\n".join([*top, *lines[1:], r"\hline", r"\end{tabular}", ""])


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text).replace("–", "--")
