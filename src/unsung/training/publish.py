# SPDX-License-Identifier: MIT
"""Writes what a build found: results as JSON Lines and a page, and the bundle with its card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.detectors.base import Detector
from unsung.evaluation import bootstrap_difference, evaluate, roc_auc
from unsung.evaluation.proportions import clopper_pearson
from unsung.evaluation.tables import markdown_table
from unsung.export import export_bundle
from unsung.training.card import model_card
from unsung.training.outcome import Outcome, calibration_of, nested_verdicts
from unsung.training.shortcuts import metadata_scores, sound_scores
from unsung.types import Result

__all__ = ["LIMITS", "VERSION", "write_bundle", "write_results"]

VERSION = "1"
EXPERIMENT = "default-detector"
CONDITIONS = {"table": "as published", "equal": "equalised"}
LIMITS = {"min_active_s": 3.0, "min_bandwidth_hz": 5000.0}
"""Shorter or narrower sound gets no verdict: below 3 s the averages are mostly noise, and below
5 kHz more than a third of the evidence band is missing."""

RATES = (0.05, 0.01)
SEED = 0


def write_results(outcome: Outcome, folder: Path) -> list[Result]:
    """Measure every detector under every condition; write JSON Lines and a Markdown page."""
    scores = dict(outcome.scores)
    scores["only duration, rate, channels, codec"] = metadata_scores(outcome)
    scores["only level, silence, bandwidth of the sound"] = sound_scores(outcome)
    rows = []
    for kind, condition in CONDITIONS.items():
        for detector, values in scores.items():
            rows += _positives(outcome, values, kind, condition, detector)
        rows.append(_difference(outcome, kind, condition))
    rows += _verdicts(outcome)
    text = "".join(json.dumps(row.to_dict()) + "\n" for row in rows)
    (folder / f"{EXPERIMENT}.jsonl").write_text(text, encoding="utf-8")
    (folder / f"{EXPERIMENT}.md").write_text(_page(rows, outcome), encoding="utf-8")
    return rows


def _positives(
    outcome: Outcome, values: NDArray[np.float64], kind: str, condition: str, detector: str
) -> list[Result]:
    labels, groups = outcome.labels(), outcome.groups()
    uses = np.array([track.use for track in outcome.tracks])
    sets = {
        "AI, all": labels == "ai",
        "AI, fully generated": (labels == "ai") & (uses == "full"),
        "AI, partial, edit or stem": (labels == "ai") & (uses != "full"),
        "resynthesis of human music": labels == "resynth",
    }
    rows = []
    here = outcome.kind == kind
    for name, positive in sets.items():
        chosen = np.flatnonzero(here & ((labels == "human") | positive))
        whole = name == "AI, all" and detector == "default"
        families = [outcome.tracks[i].family or outcome.tracks[i].generator for i in chosen]
        rows += evaluate(
            positive[chosen].astype(int),
            values[chosen],
            groups[chosen],
            families=families if whole else None,
            experiment=EXPERIMENT,
            detector=detector,
            dataset=name,
            condition=condition,
            seed=SEED,
            data_sha256=outcome.sha256,
        )
    return rows


def _difference(outcome: Outcome, kind: str, condition: str) -> Result:
    """Compare our detector with the published one on the same rows, paired."""
    labels, groups = outcome.labels(), outcome.groups()
    chosen = np.flatnonzero((outcome.kind == kind) & np.isin(labels, ("human", "ai")))
    paired = bootstrap_difference(
        (labels[chosen] == "ai").astype(int),
        outcome.scores["default"][chosen],
        outcome.scores["published"][chosen],
        roc_auc,
        groups[chosen],
        seed=SEED,
    )
    return Result(
        EXPERIMENT,
        "default − published",
        "AI, all",
        condition,
        "auc_difference",
        paired.value,
        paired.low,
        paired.high,
        len(chosen),
        len(set(groups[chosen])),
        SEED,
        data_sha256=outcome.sha256,
    )


def _verdicts(outcome: Outcome) -> list[Result]:
    """Share of each verdict, with thresholds from other folds; exact binomial intervals."""
    labels, groups = outcome.labels(), outcome.groups()
    sets = {
        ("human excerpts", "table", "human"),
        ("whole human tracks", "full", "human"),
        ("AI, all", "table", "ai"),
        ("resynthesis of human music", "table", "resynth"),
        ("human excerpts, equalised", "equal", "human"),
        ("AI, all, equalised", "equal", "ai"),
    }
    rows = []
    for rate in RATES:
        verdicts = nested_verdicts(outcome, rate)
        for name, kind, label in sorted(sets):
            here = (outcome.kind == kind) & (labels == label)
            n = int(here.sum())
            for verdict in ("human", "undecided", "ai"):
                hits = int((verdicts[here] == verdict).sum())
                span = clopper_pearson(hits, n)
                rows.append(
                    Result(
                        EXPERIMENT, "default", name, f"verdict at {rate:g} false alarms",
                        f"share_{verdict}", hits / n, span.low, span.high, n,
                        len(set(groups[here])), SEED, data_sha256=outcome.sha256,
                    )
                )  # fmt: skip
    return rows


def _page(rows: Sequence[Result], outcome: Outcome) -> str:
    counts = Counter((track.label, kind) for track, kind in zip(outcome.tracks, outcome.kind))
    parts = [
        "# The default detector on unseen pages",
        "",
        "Written by `python -m unsung.training.default`; do not edit. Leave-one-fold-out: the "
        "fits never saw a page of the fold that they score. 95 % intervals resample source pages "
        "(verdict shares: exact binomial). `published` is the published linear peak detector's "
        "front end, fitted on the same table. `equalised`: the middle 4 s, low-passed at 7 kHz, "
        "one level, mp3 at 64 kbit/s mono, for both classes alike.",
        "",
        "Rows: " + ", ".join(f"{n} {label} ({kind})" for (label, kind), n in sorted(counts.items()))
        + ".",
        "",
    ]  # fmt: skip
    plain = [row for row in rows if "[" not in row.metric]
    for condition in dict.fromkeys(row.condition for row in plain):
        chosen = [replace(row, experiment="") for row in plain if row.condition == condition]
        parts += [f"## {condition}", "", markdown_table(chosen), ""]
    families = [row for row in rows if "[" in row.metric and row.condition == "as published"]
    parts += ["## Each generator family, as published", "", markdown_table(families), ""]
    return "\n".join(parts)


def write_bundle(
    detector: Detector, outcome: Outcome, rows: Sequence[Result], folder: Path
) -> None:
    """Export the fitted detector with its calibration and card."""
    export_bundle(
        detector,
        folder,
        name="default",
        version=VERSION,
        reference=1,
        calibration=calibration_of(outcome),
        limits=LIMITS,
        card=model_card(outcome, rows),
    )
