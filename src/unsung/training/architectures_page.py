# SPDX-License-Identifier: MIT
"""The comparison of all recipes as one page: what each found, what it heard, what it costs.

    python -m unsung.training.architectures_page --crews crews --scores results/architectures \
        --bundle default=FOLDER --out results

Reads what `unsung.training.architectures` trained and what ``unsung reproduce architectures``
scored, measures speed and memory of each bundle in a process of its own without torch, and counts
parameters and operations. A recipe that was not trained or not scored yet has its line too, and
says so. The page holds no number that does not stand in the JSON Lines beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unsung.errors import UnsungError, UsageError
from unsung.runtime import load_bundle
from unsung.scanning.efficiency import RATE_HZ, analyse, status_bytes
from unsung.text import parse_json
from unsung.training.architectures import RECORD, THREADS, budget_file, read_budget
from unsung.types import Result

__all__ = ["joined", "main", "page", "read_results", "verdict"]

NAME = "architectures"
SOUND_S = 30.0
CROSSED = ", cross-fitted"
METRICS = ("auc", "eer", "detection_at_0.01")
COSTS = ("parameters", "flops_per_audio_s", "audio_s_per_cpu_s", "peak_ram_mb", "size_mb")
CHANCE = 0.5
MADE = "synthetic"
"""The condition of rows that were measured on the set made by `unsung.training.synthetic_set`."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure costs that are missing and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--crews", type=Path, help="what unsung.training.architectures wrote")
    parser.add_argument("--scores", type=Path, nargs="+", default=[],
                        help="what `unsung reproduce architectures` wrote; the first that has a "
                        "number gives it")  # fmt: skip
    parser.add_argument("--synthetic", type=Path, metavar="CREWS",
                        help="the same of the set of unsung.training.synthetic_set")  # fmt: skip
    parser.add_argument("--synthetic-scores", type=Path, metavar="FOLDER",
                        help="what `unsung reproduce architectures` wrote of it")  # fmt: skip
    parser.add_argument("--bundle", action="append", default=[], metavar="NAME=FOLDER",
                        help="a detector that is no recipe; repeatable")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--known", action="store_true", help="measure no cost that is missing")
    parser.add_argument("--cost", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.cost is not None:
        print(json.dumps(bundle_cost(given.cost)))
        return
    if given.crews is None or not given.scores:
        raise UsageError("expected --crews and --scores; see the module's first lines")
    budget = read_budget(budget_file())
    trained = _records(given.crews)
    results = joined([read_results(folder / "results.jsonl") for folder in given.scores])
    bundles = dict(item.split("=", 1) for item in given.bundle)
    bundles |= {n: str(given.crews / n / f"fold-{budget.left_out[0]}") for n in trained}
    measured = ([], {}) if given.known else (list(budget.recipes), bundles)
    costs = _costs(given.crews / "costs.json", *measured)
    for name in trained:  # what was trained counts, not what the recipe would build today
        costs.setdefault(name, {})["parameters"] = _parameters(given.crews / "runs" / name)
    names = [*bundles.keys() - budget.recipes.keys(), *budget.recipes]
    made = {} if given.synthetic is None else _records(given.synthetic)
    if given.synthetic_scores is not None:
        results += synthetic(read_results(given.synthetic_scores / "results.jsonl"))
    rows = [*results, *_cost_results(costs)]
    text = "".join(json.dumps(row.to_dict()) + "\n" for row in rows)
    (given.out / f"{NAME}.jsonl").write_text(text, encoding="utf-8")
    (given.out / f"{NAME}.md").write_text(page(names, trained, rows, made), encoding="utf-8")
    print(given.out / f"{NAME}.md")


def read_results(path: Path) -> list[Result]:
    """Read result rows; detectors go by the names of their recipes."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").split("\n")
    rows = [Result.from_dict(parse_json(line)) for line in lines if line]
    return [
        Result.from_dict({**row.to_dict(), "detector": row.detector.removesuffix(CROSSED)})
        for row in rows
    ]


def joined(parts: Iterable[Sequence[Result]]) -> list[Result]:
    """Return each number once, from the first part that has it: larger sets come first."""
    found: dict[tuple[str, str, str], Result] = {}
    for part in parts:
        for row in part:
            found.setdefault((row.detector, row.condition, row.metric), row)
    return list(found.values())


def synthetic(rows: Iterable[Result]) -> list[Result]:
    """Return the rows of the set made here under its own condition."""
    return [
        Result.from_dict({**row.to_dict(), "condition": MADE})
        for row in rows
        if row.condition == "clean"
    ]


def verdict(auc: Result | None) -> str:
    """Say whether a detector beats chance: its interval must lie above one half.

    >>> verdict(None)
    'not measured yet'
    """
    if auc is None:
        return "not measured yet"
    if auc.low is not None and auc.low > CHANCE:
        return "yes"
    return "not shown in this budget"


def page(
    names: Sequence[str],
    trained: Mapping[str, Mapping[str, Any]],
    rows: Sequence[Result],
    made: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Return the Markdown page: one line a detector in each table."""
    found = {(r.detector, r.condition, r.metric): r for r in rows}
    own = ("cost", MADE)
    conditions = list(dict.fromkeys(r.condition for r in rows if r.condition not in own))
    lines = ["# Architectures under one protocol", "", *_intro(rows)]
    lines += ["## Clean sound of pages that nobody heard", ""]
    head = ["detector", "beats chance", "AUC", "EER", "found at 1 %", "trained on", "heard", "CPU"]
    lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name in names:
        cells = [found.get((name, "clean", metric)) for metric in METRICS]
        lines.append("| " + " | ".join(
            [name, verdict(cells[0]), *(_cell(c) for c in cells), *_heard(trained.get(name))]
        ) + " |")  # fmt: skip
    attacked = [c for c in conditions if c != "clean"]
    for metric, title in (("auc", "AUC"), ("detection_at_0.01", "Found at 1 % false alarms")):
        if any(r.metric == metric and r.condition in attacked for r in rows):
            lines += ["", f"## {title} under attack", ""]
            lines += [f"| detector | {' | '.join(['clean', *attacked])} |",
                      f"|{'---|' * (2 + len(attacked))}"]  # fmt: skip
            for name in names:
                cells = [found.get((name, c, metric)) for c in ("clean", *attacked)]
                if any(cells[1:]):
                    lines.append(f"| {name} | {' | '.join(_cell(c) for c in cells)} |")
    lines += ["", *_made_table(names, found, made or {})]
    return "\n".join([*lines, *_cost_table(names, found), ""])


def _intro(rows: Sequence[Result]) -> list[str]:
    sets: dict[tuple[int, int], list[str]] = {}
    who: dict[tuple[int, int], set[str]] = {}
    for row in rows:
        if row.metric == "auc":
            size = (row.n_tracks, row.n_groups)
            names = sets.setdefault(size, [])
            names += [row.condition] if row.condition not in names else []
            who.setdefault(size, set()).add(row.detector)
    parts = [
        f"{', '.join(c)}: {n} tracks from {g} pages ({len(who[n, g])} detectors)"
        for (n, g), c in sets.items()
    ]
    measured = "; ".join(parts) or "nothing yet"
    return [
        "Written by `python -m unsung.training.architectures_page`; do not edit. Each recipe was "
        "trained on one core within the settings of `recipes/budgets/architectures.toml`: "
        "seconds to a minute, where published trainings take days. It shows which recipes learn at "
        "once, not which architecture is best in the end. Two folds of pages were left out of all "
        "trainings and are what is measured. `default` is the shipped detector's method fitted "
        "without those folds, on more material: a reference, no competitor. `released-…` are "
        "weights of others, trained on speech, as they are.",
        "",
        f"Measured on: {measured}. 95 % intervals resample pages. \"Beats chance\" means that the "
        "interval of the AUC lies above 0.5.",
        "",
    ]  # fmt: skip


def _heard(record: Mapping[str, Any] | None) -> list[str]:
    if record is None:
        return ["", "", ""]
    tracks = record["tracks"]
    return [f"{tracks['train']} + {tracks['valid']} tracks", f"{record['heard_s']:.0f} s",
            f"{record['cpu_s']:.0f} s"]  # fmt: skip


def _cell(row: Result | None) -> str:
    if row is None or not math.isfinite(row.value):
        return ""
    span = "" if row.low is None or row.high is None else f" [{row.low:.2f}, {row.high:.2f}]"
    return f"{row.value:.3f}{span}"


def _made_table(
    names: Sequence[str],
    found: Mapping[tuple[str, str, str], Result],
    made: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    rows = [row for (_, condition, metric), row in found.items()
            if (condition, metric) == (MADE, "auc")]  # fmt: skip
    if not rows:
        return []
    lines = [
        "## On a set made here: every recipe learns", "",
        "The same recipes and settings on `python -m unsung.training.synthetic_set`: pieces played "
        "by this program, and the same with steady lines at multiples of 500 Hz. Two folds of "
        f"pieces left out, {rows[0].n_tracks} excerpts of {rows[0].n_groups} pieces. It shows "
        "that training works from sound to bundle, and says nothing about AI music.", "",
        "| detector | beats chance | AUC | EER | trained on | heard | CPU |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name in names:
        if name in made:
            auc, eer = (found.get((name, MADE, metric)) for metric in ("auc", "eer"))
            cells = [name, verdict(auc), _cell(auc), _cell(eer), *_heard(made.get(name))]
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _cost_table(names: Sequence[str], found: Mapping[tuple[str, str, str], Result]) -> list[str]:
    lines = [
        "## Costs", "",
        "Operations of the network alone, a multiplication and an addition as two, a second of "
        "sound; weighted sums over a picture, all that the linear detectors do, are not counted. "
        "Speed and memory of a scan's analysis (resampling from 44.1 kHz, front end, graph) in one "
        "thread of a shared machine, without torch; memory is the whole process.", "",
        "| detector | parameters | MFLOP for 1 s | s of sound a CPU s | RAM, MB | bundle, MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for name in names:
        cells = [found.get((name, "cost", metric)) for metric in COSTS]
        scale = (1.0, 1e-6, 1.0, 1.0, 1.0)
        texts = ["" if c is None else f"{c.value * s:,.4g}" if c.value * s < 100
                 else f"{c.value * s:,.0f}" for c, s in zip(cells, scale, strict=True)]  # fmt: skip
        if any(texts):
            lines.append(f"| {name} | {' | '.join(texts)} |")
    return lines


def _records(crews: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted(crews.glob(f"runs/*/{RECORD}")):
        found[path.parent.name] = parse_json(path.read_text(encoding="utf-8"))
    return found


def _parameters(run: Path) -> float:
    summary = max(run.rglob("summary.json"))  # of several rounds any: they are one network
    return float(parse_json(summary.read_text(encoding="utf-8"))["parameters"])


def _costs(
    store: Path, recipes: Iterable[str], bundles: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Measure what is not in the store yet, and keep it there."""
    known: dict[str, dict[str, float]] = {}
    if store.exists():
        known = parse_json(store.read_text(encoding="utf-8"))
    for name in recipes:
        if "flops_per_audio_s" not in known.get(name, {}):
            known.setdefault(name, {}).update(_arithmetic(name))
            store.write_text(json.dumps(known, indent=1), encoding="utf-8")
    for name, folder in bundles.items():
        if "peak_ram_mb" not in known.get(name, {}):
            known.setdefault(name, {}).update(_in_a_process(folder))
            store.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return known


def _arithmetic(name: str) -> dict[str, float]:
    """Count parameters and operations of a recipe's network; nothing where it cannot be built."""
    from dataclasses import replace

    from unsung.detectors._cost import cost
    from unsung.training.prepare import build_detector
    from unsung.training.recipe import find_recipe, load_recipe

    budget = read_budget(budget_file())
    cut = budget.recipes[name]
    recipe = load_recipe(find_recipe(cut.recipe or name), [*budget.set, *cut.set])
    try:
        found = cost(build_detector(replace(recipe, rounds=(), stage="")))
    except UnsungError:  # a package is absent; the page leaves the cells empty
        return {}
    return {"parameters": found.n_parameters, "flops_per_audio_s": found.flops_per_audio_s}


def _in_a_process(folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "unsung.training.architectures_page", "--cost", folder]
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise UsageError(f"{folder}: its cost cannot be measured ({ended.stderr.strip()[-300:]})")
    found: dict[str, float] = parse_json(ended.stdout)
    return found


def bundle_cost(folder: Path) -> dict[str, float]:
    """Return speed and peak memory of this process with a bundle on seeded noise."""
    bundle = load_bundle(folder)
    seconds = max(SOUND_S, bundle.window_s)
    noise = np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ), dtype=np.float32)
    sound = 0.1 * noise
    times = []
    for _ in range(2):  # the first also loads the graph
        began = time.process_time()
        analyse(bundle, sound)
        times.append(time.process_time() - began)
    size = sum(file.stat().st_size for file in bundle.path.iterdir() if file.is_file())
    return {
        "audio_s_per_cpu_s": round(seconds / max(min(times), 1e-9), 2),
        "peak_ram_mb": round(_peak_mb(), 1),
        "size_mb": round(size / 1e6, 3),
    }


def _peak_mb() -> float:
    try:
        return status_bytes("VmHWM") / 2**20
    except OSError:  # no Linux
        return math.nan


def _cost_results(costs: Mapping[str, Mapping[str, float]]) -> list[Result]:
    return [
        Result(NAME, name, "", "cost", metric, float(values[metric]), None, None, 0, 0, 0)
        for name, values in costs.items()
        for metric in COSTS
        if metric in values
    ]


if __name__ == "__main__":
    try:
        main()
    except UnsungError as error:
        sys.exit(str(error))
