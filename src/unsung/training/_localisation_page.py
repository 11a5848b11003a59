# SPDX-License-Identifier: MIT
"""Figures of the study of partly AI music, as JSON Lines and a Markdown page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unsung.evaluation import bootstrap_interval, roc_auc
from unsung.evaluation.localisation import FrameCounts, frame_counts, passage_iou, window_labels
from unsung.evaluation.proportions import clopper_pearson
from unsung.runtime import Bundle, load_bundle
from unsung.scanning.segments import segments_of, spans
from unsung.training._localisation_cases import MIX_DB, SHARES, SPLICED_S, SPLICES_S
from unsung.types import Result

__all__ = ["EXPERIMENT", "measured", "write"]

EXPERIMENT = "localisation"
RATE = 0.01
HOP_S = 1.0
FOUND_IOU = 0.3
"""A splice counts as found when a stretch shares so much with it."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Judged:
    """A kept row with the verdict and the stretches that its fold's bundle gives."""

    row: Row
    verdict: str
    found: tuple[tuple[float, float], ...]

    @property
    def reference(self) -> list[tuple[float, float]]:
        region = self.row["region"]
        return [] if region is None else [(region[0], region[1])]


def write(rows: Sequence[Row], folds: Path, folder: Path) -> list[Result]:
    """Measure kept rows and write localisation.jsonl and index.md."""
    results = measured(rows, folds)
    folder.mkdir(parents=True, exist_ok=True)
    finite = [result for result in results if math.isfinite(result.value)]
    lines = "".join(json.dumps(result.to_dict()) + "\n" for result in finite)
    (folder / "localisation.jsonl").write_text(lines, encoding="utf-8")
    (folder / "index.md").write_text(_page(results), encoding="utf-8")
    return results


def measured(rows: Sequence[Row], folds: Path) -> list[Result]:
    """Return every figure of the study."""
    good = [row for row in rows if "error" not in row and row["logit"] is not None]
    bundles = {fold: load_bundle(folds / f"fold-{fold}") for fold in {row["fold"] for row in good}}
    by_kind: dict[str, list[_Judged]] = {}
    for row in good:
        by_kind.setdefault(row["kind"], []).append(_judge(row, bundles[row["fold"]]))
    results = _whole(by_kind.get("whole", []))
    for ai_s in SPLICES_S:
        here = [j for j in by_kind.get("splice", []) if j.row["strength"] == ai_s]
        results += _splice(here, f"splice of {ai_s:g} s", bundles)
    for share in SHARES:
        here = [j for j in by_kind.get("share", []) if j.row["strength"] == share]
        results += _verdicts(here, f"AI share {100 * share:g} %")
    for kind in ("alone human", "alone ai"):
        results += _verdicts(by_kind.get(kind, []), kind)
    for level in MIX_DB:
        here = [j for j in by_kind.get("mix", []) if j.row["strength"] == level]
        results += _verdicts(here, f"AI {level:+g} dB over human")
    return results


def _judge(row: Row, bundle: Bundle) -> _Judged:
    limits = bundle.thresholds(RATE)
    logit = row["logit"]
    verdict = "undecided"
    if not row["reason"] and limits.ai_logit is not None and logit >= limits.ai_logit:
        verdict = "ai"
    elif not row["reason"] and limits.human_logit is not None and logit <= limits.human_logit:
        verdict = "human"
    windows = [(start, value) for start, value in row["windows"]]
    found = spans(segments_of(bundle, windows, row["duration_s"]))
    return _Judged(row, verdict, tuple(found))


def _whole(judged: Sequence[_Judged]) -> list[Result]:
    name = "whole human tracks"
    return [
        _share(judged, name, "with a stretch", [bool(j.found) for j in judged]),
        _share(judged, name, "verdict AI", [j.verdict == "ai" for j in judged]),
        _share(
            judged, name, "with a stretch, verdict not AI",
            [bool(j.found) and j.verdict != "ai" for j in judged],
        ),
    ]  # fmt: skip


def _splice(
    judged: Sequence[_Judged], condition: str, bundles: Mapping[int, Bundle]
) -> list[Result]:
    if not judged:
        return []
    labels, scores, groups = [], [], []
    for one in judged:
        bundle = bundles[one.row["fold"]]
        starts = [start for start, _ in one.row["windows"]]
        labels += window_labels(one.reference, starts, bundle.window_s, min_share=0.5).tolist()
        scores += [value for _, value in one.row["windows"]]
        groups += [one.row["group"]] * len(starts)
    span = bootstrap_interval(roc_auc, labels, scores, groups, replicates=500)
    overlaps = [
        max((passage_iou(j.reference, [part]) for part in j.found), default=0.0) for j in judged
    ]
    hit = [overlap >= FOUND_IOU for overlap in overlaps]
    counts = FrameCounts(0, 0, 0, 0)
    for one in judged:
        counts += frame_counts(one.reference, one.found, one.row["duration_s"], hop_s=HOP_S)
    values = {
        "window AUC": (span.value, span.low, span.high),
        "precision of seconds": (counts.precision, None, None),
        "recall of seconds": (counts.recall, None, None),
        "F1 of seconds": (counts.f1, None, None),
        "error of a found end, median s": (_boundary_s(judged, hit), None, None),
    }
    rows = [_result(judged, condition, name, value) for name, value in values.items()]
    rows.append(_share(judged, condition, "found", hit))
    return [*rows, *_verdicts(judged, condition)]


def _boundary_s(judged: Sequence[_Judged], hit: Sequence[bool]) -> float:
    """Return the median distance of a stretch's ends from the true ones; NaN without a find."""
    errors = []
    for one, good in zip(judged, hit, strict=True):
        if good:
            best = max(one.found, key=lambda part: passage_iou(one.reference, [part]))
            errors += [abs(a - b) for a, b in zip(best, one.reference[0], strict=True)]
    return float(np.median(errors)) if errors else float("nan")


def _verdicts(judged: Sequence[_Judged], condition: str) -> list[Result]:
    if not judged:
        return []
    rows = [
        _share(judged, condition, f"verdict {word}", [j.verdict == key for j in judged])
        for word, key in (("AI", "ai"), ("undecided", "undecided"), ("human", "human"))
    ]
    rows.append(_share(judged, condition, "with a stretch", [bool(j.found) for j in judged]))
    middle = float(np.median([j.row["logit"] for j in judged]))
    return [*rows, _result(judged, condition, "median logit", (middle, None, None))]


def _share(judged: Sequence[_Judged], condition: str, metric: str, hits: Sequence[bool]) -> Result:
    if not judged:
        return _result(judged, condition, metric, (float("nan"), None, None))
    span = clopper_pearson(sum(hits), len(hits))
    return _result(judged, condition, metric, (sum(hits) / len(hits), span.low, span.high))


def _result(
    judged: Sequence[_Judged],
    condition: str,
    metric: str,
    span: tuple[float, float | None, float | None],
) -> Result:
    """Return a row; the span is a value with the ends of its interval."""
    value, low, high = span
    n_groups = len({j.row["group"] for j in judged})
    return Result(
        EXPERIMENT, "default, cross-fitted", "spliced and mixed", condition, metric, value, low,
        high, len(judged), n_groups, 0,
    )  # fmt: skip


_SPLICE = ("window AUC", "found", "precision of seconds", "recall of seconds", "F1 of seconds",
           "error of a found end, median s", "verdict AI")  # fmt: skip
_VERDICT = ("verdict AI", "verdict undecided", "verdict human", "with a stretch", "median logit")


def _page(results: Sequence[Result]) -> str:
    lengths = [f"splice of {ai_s:g} s" for ai_s in SPLICES_S]
    shares = [f"AI share {100 * share:g} %" for share in SHARES]
    mixes = ["alone human", *(f"AI {level:+g} dB over human" for level in MIX_DB), "alone ai"]
    whole = ("with a stretch", "with a stretch, verdict not AI", "verdict AI")
    return "\n".join(
        [
            "# Partly AI music",
            "",
            "Written by `python -m unsung.training.localisation`; do not edit. AI and human sound "
            "of a track come from one fold and are scored by the bundle that has seen neither. "
            "Shares have exact binomial intervals, the AUC one over human source pages. What it "
            "means stands in docs/localisation.md.",
            "",
            "## Whole human tracks",
            "",
            *_table(results, ["whole human tracks"], whole),
            "",
            f"## An AI part in {SPLICED_S:g} s of human music",
            "",
            f"Windows of 10 s; found = a stretch with IoU of at least {FOUND_IOU:g}.",
            "",
            *_table(results, lengths, _SPLICE),
            "",
            "## The AI part grows",
            "",
            *_table(results, shares, _VERDICT),
            "",
            "## AI and human sound at one time",
            "",
            *_table(results, mixes, _VERDICT),
            "",
        ]
    )


def _table(
    results: Sequence[Result], conditions: Sequence[str], metrics: Sequence[str]
) -> list[str]:
    known = {(r.condition, r.metric): r for r in results}
    lines = [f"| | n | {' | '.join(metrics)} |", f"|---|--:|{'---|' * len(metrics)}"]
    for condition in conditions:
        found = [known.get((condition, metric)) for metric in metrics]
        if found[0] is not None:
            cells = " | ".join("" if r is None else _cell(r) for r in found)
            lines.append(f"| {condition} | {found[0].n_tracks} | {cells} |")
    return lines


def _cell(result: Result) -> str:
    if result.value != result.value:
        return "–"
    digits = 1 if "median" in result.metric else 3
    text = f"{result.value:.{digits}f}"
    return text if result.low is None else f"{text} [{result.low:.2f}, {result.high:.2f}]"
