# SPDX-License-Identifier: MIT
"""Copies measured figures from results/ into the README, between its markers.

python bench/readme_tables.py
"""

from __future__ import annotations

import json
from pathlib import Path

from unsung.training.songs_page import SERVICES

ROOT = Path(__file__).resolve().parent.parent
FILE = "only duration, rate, channels, codec"
SOUND = "only level, silence, bandwidth of the sound"
ALL, RAW, EQUAL = "AI, all", "as published", "equalised"
SHOWN = [
    ("default", ALL, RAW, "**unsung**, all AI"),
    ("default, family unseen", ALL, RAW, "unsung, page and family unseen"),
    ("default", "AI, fully generated", RAW, "unsung, fully generated only"),
    ("published", ALL, RAW, "published linear peak detector, same data"),
    ("default", ALL, EQUAL, "**unsung**, equalised"),
    ("published", ALL, EQUAL, "published linear peak detector, equalised"),
    (FILE, ALL, RAW, f"shortcut: {FILE}"),
    (FILE, ALL, EQUAL, "the same shortcut, equalised"),
    (SOUND, ALL, EQUAL, f"shortcut: {SOUND}, equalised"),
    ("default", "resynthesis of human music", RAW, "unsung, neural resynthesis of human music"),
]
METRICS = ("auc", "eer", "detection_at_0.01", "detection_at_0.05")


def results_table() -> str:
    lines = (ROOT / "results/default-detector.jsonl").read_text().splitlines()
    rows = {}
    for line in lines:
        row = json.loads(line)
        rows[row["detector"], row["dataset"], row["condition"], row["metric"]] = row
    out = ["| | n | AUC | EER | found at 1 % false alarms | at 5 % |", "|---|--:|---|---|---|---|"]
    for detector, dataset, condition, name in SHOWN:
        found = [rows[detector, dataset, condition, metric] for metric in METRICS]
        cells = [f"{r['value']:.2f} [{r['low']:.2f}, {r['high']:.2f}]" for r in found]
        out.append(f"| {name} | {found[0]['n_tracks']} | {' | '.join(cells)} |")
    verdicts = []
    for dataset in ("AI, all", "human excerpts", "whole human tracks"):
        shares = {
            v: rows["default", dataset, "verdict at 0.01 false alarms", f"share_{v}"]
            for v in ("ai", "undecided", "human")
        }
        text = ", ".join(f"{s['value']:.1%} {v}" for v, s in shares.items())
        alarm = shares["ai"]
        verdicts.append(
            f"{dataset} (n = {alarm['n_tracks']}): {text} "
            f"(AI: 95 % interval {alarm['low']:.1%} to {alarm['high']:.1%})"
        )
    out += [
        "",
        "Verdicts at a stated 1 %, thresholds from other folds: " + "; ".join(verdicts) + ".",
    ]
    return "\n".join(out)


def songs_table() -> str:
    """Return verdicts on songs, and every service that people ask about, as the page has them."""
    text = (ROOT / "results/songs.md").read_text()
    verdicts = _table(text, "## Verdicts at a stated false-alarm rate")
    services = [line for line in _table(text, "## Services by name") if _asked(line)]
    kinds = _table(text, "## Human music by kind")
    parts = ["Verdicts by how much was heard:", "", *verdicts]
    parts += ["", "Services by name, tracks of 15 s and more, at 1 %:", "", *services]
    parts += ["", "Human music by kind, songs of 15 s and more:", "", *kinds]
    return "\n".join(parts)


def _table(text: str, title: str) -> list[str]:
    rows = text[text.index(title) :].splitlines()
    first = next(i for i, line in enumerate(rows) if line.startswith("|"))
    last = next((i for i in range(first, len(rows)) if not rows[i].startswith("|")), len(rows))
    return rows[first:last]


def _asked(line: str) -> bool:
    name = line.split("|")[1].strip()
    return name in (*SERVICES, "service") or name.startswith("---")


def speed_table() -> str:
    text = (ROOT / "results/scan-speed.md").read_text()
    return text[text.index("| ratio |") :].strip()


def main() -> None:
    path = ROOT / "README.md"
    text = path.read_text()
    tables = {"songs": songs_table(), "results": results_table(), "speed": speed_table()}
    for name, table in tables.items():
        start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
        head, rest = text.split(start)
        _, tail = rest.split(end)
        text = f"{head}{start}\n{table}\n{end}{tail}"
    path.write_text(text)


if __name__ == "__main__":
    main()
