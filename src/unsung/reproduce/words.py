# SPDX-License-Identifier: MIT
"""What a page says in words: metrics, conditions, limits. No number is made here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from unsung import registry
from unsung.attacks import parse
from unsung.reproduce.conditions import CLEAN
from unsung.reproduce.detectors import CROSSFIT
from unsung.reproduce.timing import kind_of
from unsung.reproduce.views import View

__all__ = ["DEFINITIONS", "described_conditions", "known_limits", "metric_words"]

FEW_GROUPS = 20
"""Below so many groups a class, bootstrap intervals come out too short."""

DEFINITIONS: Mapping[str, str] = {
    "auc": "Area under the ROC curve: the chance that an AI track scores above a human one. "
    "0.5 says nothing, 1 is perfect.",
    "eer": "Equal error rate: where as many AI tracks are missed as human ones accused.",
    "detection_at_0.05": "Share of AI tracks found when the threshold is set on this condition's "
    "own human tracks so that at most 5 % of them are accused.",
    "detection_at_0.01": "The same at 1 %; left out below 100 human tracks.",
    "detection": "Share of AI tracks at or above the detector's own threshold for 1 % false "
    "alarms, the same in every condition, before tracks that cannot carry the evidence are set "
    "aside.",
    "false_alarms": "Share of human tracks at or above that same threshold.",
    "verdict_detection": 'Share of AI tracks whose verdict is "AI".',
    "verdict_false_alarms": 'Share of human tracks whose verdict is "AI".',
    "undecided_ai": "Share of AI tracks without a verdict: between the thresholds, or too short, "
    "too quiet or too narrow in frequency to carry the evidence.",
    "undecided_human": "The same share of the human tracks.",
    "score_shift_ai": "Mean change of the logit of the AI tracks against the same tracks without "
    "attack; negative hides them.",
    "score_shift_human": "The same for human tracks; positive makes them look like AI.",
    "cllr": "Cost of the log-likelihood ratios in bits: 0 is perfect, 1 says nothing, above 1 "
    "misleads.",
    "cllr_change": "Cllr minus Cllr of the same tracks without attack.",
    "ece": "Expected calibration error: mean gap between stated and true probability, 15 bins, "
    "even prior.",
    "min_cllr": "Cllr after the best monotonic recalibration on these very tracks: what is left "
    "is poor separation.",
    "auc_difference": "AUC of the first detector minus that of the second on the same tracks; "
    "groups are resampled together.",
    "delong_p": "Two-sided p of DeLong's test that both AUCs are equal; takes tracks as "
    "independent, hence too sure where a page holds several.",
    "detection_at_0.01_difference": "Difference of the shares found at 1 % false alarms, each "
    "detector at its own threshold.",
    "detection_at_0.05_difference": "Difference of the shares found at 5 % false alarms (too few "
    "human tracks for 1 %).",
}


def metric_words(names: Sequence[str], present: Collection[str]) -> list[tuple[str, str]]:
    """Return name and definition of every metric asked for, and of the pairs that were made."""
    pairs = [name for name in DEFINITIONS if name.endswith(("_difference", "_p"))]
    wanted = [*names, *(name for name in pairs if name in present)]
    return [(name, DEFINITIONS[name]) for name in wanted]


def described_conditions(conditions: Sequence[str]) -> list[dict[str, str]]:
    """Return attack, strengths with unit, meaning and kind, for readers who do not know the code.

    One row for each attack with all its strengths, and one for each chain of several.
    """
    rows: dict[str, dict[str, str]] = {}
    for text in conditions:
        if text == CLEAN:
            rows[CLEAN] = {"name": CLEAN, "unit": "", "meaning": "the track as it is", "kind": ""}
            continue
        steps = parse(text).steps
        name = steps[0].name if len(steps) == 1 else text
        if name in rows:
            before, _, unit = rows[name]["unit"].rpartition(" " + steps[0].attack.unit)
            rows[name]["unit"] = f"{before}, {steps[0].strength:g} {steps[0].attack.unit}{unit}"
            continue
        rows[name] = {
            "name": name,
            "meaning": "; then ".join(
                registry.summary("attacks", step.name).rstrip(".") for step in steps
            ),
            "unit": ", ".join(f"{step.strength:g} {step.attack.unit}" for step in steps),
            "kind": kind_of(text).replace("plain", ""),
        }
    return list(rows.values())


def known_limits(
    record: Mapping[str, Any], views: Sequence[View], rows: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Yield what a reader must know: what the experiment states, then what the data show."""
    study = record["study"]
    yield from study["limits"]
    trained = len({row["track"] for row in rows if row.get("trained_on")})
    if trained:
        yield f"A detector had learned from {trained} of the tracks: figures on them flatter it."
    n_human = record["tracks"].get("human", 0)
    if n_human < 100:
        yield (
            f"{n_human} human tracks: a false-alarm rate of 1 % is less than one track and cannot "
            "be measured here."
        )
    for label, name in ((1, "AI"), (0, "human")):
        groups = {group for view in views for group in view.groups[view.y == label]}
        if len(groups) < FEW_GROUPS:
            yield (
                f"The {name} tracks come from {len(groups)} groups only; intervals over fewer "
                f"than {FEW_GROUPS} groups are too short."
            )
    middle_s = study["select"]["middle_s"]
    if middle_s is not None:
        yield f"At most the middle {middle_s:g} s of each track is heard, not the whole."
    if any(name.startswith(CROSSFIT) for name in study["experiment"]["detectors"]):
        yield (
            "Cross-fitted: each track is scored by a fit that left out its fold. The figures are "
            "of the method, not of the one bundle that is shipped."
        )
    failed = sum(row["error"] is not None for row in rows)
    if failed:
        yield f"{failed} of {len(rows)} scores failed and are left out of every number."
