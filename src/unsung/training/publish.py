# SPDX-License-Identifier: MIT
"""Writes what a build found: results as JSON Lines and a page."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation import (
    bootstrap_difference,
    bootstrap_interval,
    cllr,
    evaluate,
    llr_to_probability,
    min_cllr,
    roc_auc,
)
from unsung.evaluation.calibration import ece_debiased
from unsung.evaluation.proportions import clopper_pearson
from unsung.evaluation.weighted import auc_many
from unsung.training.outcome import (
    Outcome,
    family_unseen,
    nested_ratios,
    nested_verdicts,
)
from unsung.training.shortcuts import metadata_scores, sound_scores
from unsung.types import Result

__all__ = ["LIMITS", "VERSION", "write_results"]

VERSION = "6"
COMMAND = "python -m unsung.training.default"
CONDITIONS = {"table": "as published", "equal": "equalised"}
LIMITS = {"min_active_s": 3.0, "min_bandwidth_hz": 5000.0}
"""Shorter or narrower sound gets no verdict: below 3 s the averages are mostly noise, and below
5 kHz more than a third of the evidence band is missing."""

RATES = (0.05, 0.01)
CALIBRATED = "calibrated on other folds"
METRICS = ("auc", "eer", "detection_at_0.05", "detection_at_0.01", "min_cllr")
SEED = 0


def experiment(outcome: Outcome) -> str:
    """Return the name of a build's results."""
    return f"{outcome.name}-detector"


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
    rows += _calibration(outcome)
    rows += _verdicts(outcome)
    # A metric that so few tracks cannot give is left out: JSON has no word for "not a number".
    text = "".join(json.dumps(row.to_dict()) + "\n" for row in rows if math.isfinite(row.value))
    (folder / f"{experiment(outcome)}.jsonl").write_text(text, encoding="utf-8")
    (folder / f"{experiment(outcome)}.md").write_text(_page(rows, outcome), encoding="utf-8")
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
        if not (here & positive).any():
            continue  # a corpus need not have every kind of positive
        chosen = np.flatnonzero(here & ((labels == "human") | positive))
        whole = name == "AI, all" and detector.startswith(outcome.name)
        families = [outcome.tracks[i].family or outcome.tracks[i].generator for i in chosen]
        rows += evaluate(
            positive[chosen].astype(int),
            values[chosen],
            groups[chosen],
            families=families if whole else None,
            experiment=experiment(outcome),
            detector=detector,
            dataset=name,
            condition=condition,
            seed=SEED,
            hashes=("", outcome.sha256),
        )
    return rows


def _difference(outcome: Outcome, kind: str, condition: str) -> Result:
    """Compare our detector with the published one on the same rows, paired."""
    labels, groups = outcome.labels(), outcome.groups()
    chosen = np.flatnonzero((outcome.kind == kind) & np.isin(labels, ("human", "ai")))
    paired = bootstrap_difference(
        roc_auc,
        (labels[chosen] == "ai").astype(int),
        outcome.own[chosen],
        outcome.scores["published"][chosen],
        groups[chosen],
        many=auc_many,
        seed=SEED,
    )
    return Result(
        experiment(outcome),
        f"{outcome.name} − published",
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
            if not n:
                continue
            for verdict in ("human", "undecided", "ai"):
                hits = int((verdicts[here] == verdict).sum())
                span = clopper_pearson(hits, n)
                rows.append(
                    Result(
                        experiment(outcome), outcome.name, name,
                        f"verdict at {rate:g} false alarms",
                        f"share_{verdict}", hits / n, span.low, span.high, n,
                        len(set(groups[here])), SEED, data_sha256=outcome.sha256,
                    )
                )  # fmt: skip
    return rows


def _calibration(outcome: Outcome) -> list[Result]:
    """Measure what the likelihood ratios are worth, calibrated on other folds."""
    ratios = nested_ratios(outcome)
    groups = outcome.groups()
    rows = np.concatenate(outcome.calibration_rows())
    labels = (outcome.labels()[rows] == "ai").astype(int)
    metrics = {
        "cllr": cllr,
        "cllr_loss": lambda y, llr: cllr(y, llr) - min_cllr(y, llr),
        "ece_debiased": lambda y, llr: ece_debiased(y, llr_to_probability(llr, float(np.mean(y)))),
    }
    found = []
    for name, metric in metrics.items():
        span = bootstrap_interval(metric, labels, ratios[rows], groups[rows], seed=SEED)
        found.append(
            Result(
                experiment(outcome), outcome.name, "AI against human, whole tracks too",
                CALIBRATED, name,
                span.value, span.low, span.high, len(rows), len(set(groups[rows])), SEED,
                data_sha256=outcome.sha256,
            )
        )  # fmt: skip
    return found


def _page(rows: Sequence[Result], outcome: Outcome) -> str:
    counts = Counter(
        (track.label, kind) for track, kind in zip(outcome.tracks, outcome.kind, strict=True)
    )
    numbers = ", ".join(f"{n} {label} ({kind})" for (label, kind), n in sorted(counts.items()))
    parts = [
        f"# The {outcome.name} detector on unseen pages",
        "",
        f"Written by `{COMMAND}{_given(outcome)}`; do not edit. Leave-one-fold-out: the "
        "fits never saw a page of the fold that they score. 95 % intervals resample source pages "
        "(verdict shares: exact binomial). `published` is the published linear peak detector's "
        "front end, fitted on the same table. `equalised`: the middle 4 s, low-passed at 7 kHz, "
        "one level, mp3 at 64 kbit/s mono, for both classes alike. Every row with its counts and "
        "seed stands in the .jsonl beside this page.",
        "",
        f"Rows: {numbers}.",
        "",
    ]
    for condition in CONDITIONS.values():
        here = [row for row in rows if row.condition == condition and "[" not in row.metric]
        parts += [f"## {condition}", "", *pivot(here, METRICS, "metric"), ""]
        gain = next(row for row in here if row.metric == "auc_difference")
        parts += [f"AUC, {outcome.name} − published, paired: {cell(gain)}.", ""]
    ratios = [f"{row.metric} {cell(row)}" for row in rows if row.condition == CALIBRATED]
    parts += [
        "## Calibration",
        "",
        "Log-likelihood ratios by a line fitted on the other folds; `cllr_loss` is Cllr less min "
        f"Cllr, in bits; ECE in 15 bins of equal mass: {', '.join(ratios)}.",
        "",
    ]
    shares = [row for row in rows if row.condition.startswith("verdict")]
    parts += ["## Verdicts, thresholds from other folds", ""]
    parts += [*pivot(shares, [f"share_{v}" for v in ("human", "undecided", "ai")], "verdict"), ""]
    parts += [
        "## Each family against all human excerpts, as published",
        "",
        *_families(rows, outcome.name),
        "",
    ]
    return "\n".join(parts)


def _given(outcome: Outcome) -> str:
    return "" if outcome.name == "default" else f" --detector {outcome.name}"


def pivot(rows: Sequence[Result], metrics: Sequence[str], kind: str) -> list[str]:
    """Return a Markdown table: a line for each detector and set, a column for each metric."""
    by_line: dict[tuple[str, ...], dict[str, Result]] = {}
    for row in rows:
        extra = (row.condition,) if kind == "verdict" else ()
        by_line.setdefault((row.detector, row.dataset, *extra), {})[row.metric] = row
    head = ["detector", "set", *(["condition"] if kind == "verdict" else []), "n", *metrics]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for names, found in by_line.items():
        if metrics[0] in found:
            cells = [*names, str(found[metrics[0]].n_tracks), *(cell(found[m]) for m in metrics)]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def cell(row: Result) -> str:
    """Return a value with its interval: "0.91 [0.87, 0.95]"."""
    if row.low is None or row.high is None:
        return "not available"
    return f"{row.value:.3f} [{row.low:.2f}, {row.high:.2f}]"


def _families(rows: Sequence[Result], name: str) -> list[str]:
    here = [r for r in rows if r.condition == "as published" and "[family=" in r.metric]
    found = {(r.detector, *r.metric.rstrip("]").split("[family=")): r for r in here}
    seen = [row for key, row in found.items() if key[:2] == (name, "auc")]
    lines = [
        "| family | n | AUC | found at 1 % | AUC, family unseen | found at 1 %, family unseen |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in sorted(seen, key=lambda r: -r.value):
        family = row.metric.removeprefix("auc[family=").rstrip("]")
        cells = [
            cell(found[detector, metric, family])
            for detector in (name, family_unseen(name))
            for metric in ("auc", "detection_at_0.01")
        ]
        lines.append(f"| {family} | {row.n_tracks} | {' | '.join(cells)} |")
    return lines
