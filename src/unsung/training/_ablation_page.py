# SPDX-License-Identifier: MIT
"""The ablation as JSON Lines and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation import bootstrap_difference, bootstrap_interval, roc_auc
from unsung.evaluation.proportions import clopper_pearson
from unsung.evaluation.weighted import auc_many
from unsung.training.ablation import FULL, VARIANTS, condition_rows
from unsung.training.outcome import Outcome, nested_verdicts
from unsung.types import Result

__all__ = ["write"]

NAME = "ablation"
RATE = 0.01
SEED = 0


def write(outcomes: Mapping[str, Outcome], attack: NDArray[np.str_], folder: Path) -> list[Result]:
    """Measure every variant under every condition; write ``ablation.md`` and ``ablation.jsonl``."""
    rows = [row for name in outcomes for row in _results(name, outcomes, attack)]
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row.to_dict()) + "\n" for row in rows)
    (folder / f"{NAME}.jsonl").write_text(text, encoding="utf-8")
    (folder / f"{NAME}.md").write_text(_page(rows, outcomes[FULL]), encoding="utf-8")
    return rows


def _results(name: str, outcomes: Mapping[str, Outcome], attack: NDArray[np.str_]) -> list[Result]:
    own, full = outcomes[name], outcomes[FULL]
    called = nested_verdicts(own, RATE) == "ai"
    labels, groups = own.labels(), own.groups()
    found = []

    def add(condition: str, metric: str, value: tuple[float, float | None, float | None],
            chosen: NDArray[np.intp]) -> None:  # fmt: skip
        found.append(
            Result(NAME, name, "music", condition, metric, *value, len(chosen),
                   len(set(groups[chosen])), SEED, data_sha256=own.sha256)
        )  # fmt: skip

    for condition, here in condition_rows(own, attack).items():
        truth = (labels[here] == "ai").astype(int)
        auc = bootstrap_interval(
            roc_auc, truth, own.own[here], groups[here], many=auc_many, seed=SEED
        )
        add(condition, "auc", (auc.value, auc.low, auc.high), here)
        if name != FULL:
            gain = bootstrap_difference(
                roc_auc,
                truth,
                own.own[here],
                full.own[here],
                groups[here],
                many=auc_many,
                seed=SEED,
            )
            add(condition, "auc_difference", (gain.value, gain.low, gain.high), here)
        for label, metric in (("ai", "found"), ("human", "false_alarms")):
            rows = here[labels[here] == label]
            hits = int(called[rows].sum())
            span = clopper_pearson(hits, len(rows))
            add(condition, metric, (hits / len(rows), span.low, span.high), rows)
    resynth = np.flatnonzero((own.kind == "table") & np.isin(labels, ("human", "resynth")))
    if (labels[resynth] == "resynth").any():
        truth = (labels[resynth] == "resynth").astype(int)
        auc = bootstrap_interval(
            roc_auc, truth, own.own[resynth], groups[resynth], many=auc_many, seed=SEED
        )
        add("resynthesis", "auc", (auc.value, auc.low, auc.high), resynth)
    return found


def _page(rows: list[Result], full: Outcome) -> str:
    by = {(row.detector, row.condition, row.metric): row for row in rows}
    conditions = list(dict.fromkeys(row.condition for row in rows if row.metric == "found"))
    shown = [name for name in VARIANTS if any(row.detector == name for row in rows)]
    n = {row.metric: row.n_tracks for row in rows if row.condition == "clean"}
    clean = by[FULL, "clean", "auc"]
    parts = [
        "# Ablation: each ingredient left out in turn",
        "",
        "Written by `python -m unsung.training.ablation`; do not edit. Every variant is fitted, "
        "joined and calibrated without the fold that it scores, from the same measurements. "
        f"{n['found']} AI and {n['false_alarms']} human excerpts of {clean.n_groups} pages in each "
        "condition. Found and false alarms: share called AI at a stated 1 %, thresholds from the "
        "other folds' clean recordings. Intervals (95 %) resample pages; those of the shares and "
        f"every other figure stand in {NAME}.jsonl.",
        "",
        "## Sound as published",
        "",
        "| variant | AUC | less than everything | found | false alarms | resynthesis AUC |",
        "|---|---|---|--:|--:|---|",
    ]
    for name in shown:
        loss = by.get((name, "clean", "auc_difference"))
        words = VARIANTS[name].words
        cells = [
            f"{name} ({words})" if words else name,
            _cell(by[name, "clean", "auc"]),
            _cell(loss, signed=True),
            *(f"{by[name, 'clean', metric].value:.1%}" for metric in ("found", "false_alarms")),
            _cell(by.get((name, "resynthesis", "auc"))),
        ]
        parts.append(f"| {' | '.join(cells)} |")
    others = [name for name in conditions if name != "clean"]
    parts += [
        "",
        "## Under manipulation: AUC / found / false alarms",
        "",
        "The threshold is that of clean sound. `reverb` and `mp3` copies (of other pages) are "
        "learned from; speed, stretch and noise are not.",
        "",
        f"| variant | {' | '.join(others)} |",
        f"|---|{'---|' * len(others)}",
    ]
    for name in shown:
        cells = [
            f"{by[name, c, 'auc'].value:.2f} / {by[name, c, 'found'].value:.0%} / "
            f"{by[name, c, 'false_alarms'].value:.1%}"
            for c in others
        ]
        parts.append(f"| {name} | {' | '.join(cells)} |")
    parts += ["", f"Data {full.sha256[:16]}, seed {SEED}.", ""]
    return "\n".join(parts)


def _cell(row: Result | None, *, signed: bool = False) -> str:
    if row is None or row.low is None or row.high is None:
        return ""
    sign = "+" if signed else ""
    return f"{row.value:{sign}.3f} [{row.low:{sign}.2f}, {row.high:{sign}.2f}]"
