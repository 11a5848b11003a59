# SPDX-License-Identifier: MIT
"""What attribution is worth: accuracy, open-set figures and confusions as a Markdown page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation import bootstrap_interval, roc_auc
from unsung.evaluation.proportions import clopper_pearson
from unsung.runtime.attribution import UNKNOWN
from unsung.training._attribution_combs import CombRow, comb_lines
from unsung.training._attribution_cross import Outcome
from unsung.training.attribution import FAMILIES, PENALTY, WRONG_NAME_RATE

__all__ = ["oscr", "page", "summary"]


def oscr(
    right: NDArray[np.bool_], known: NDArray[np.float64], unknown: NDArray[np.float64]
) -> float:
    """Return the area under the correctly named known over the wrongly named unknown recordings.

    Open-set classification rate: Dhamija, Günther and Boult, "Reducing Network Agnostophobia",
    NeurIPS 2018. 1 is perfect.

    Shape: ``[known]``, ``[known]``, ``[unknown]``.

    >>> oscr(np.array([True, True]), np.array([2.0, 3.0]), np.array([0.0, 1.0]))
    1.0
    """
    limits = np.sort(np.concatenate([known, unknown, [np.inf]]))[::-1]
    correct = [float(np.mean(right & (known >= limit))) for limit in limits]
    false = [float(np.mean(unknown >= limit)) for limit in limits]
    return float(np.trapezoid(correct, false))


def summary(outcome: Outcome) -> str:
    """Return one sentence for the bundle."""
    known = np.isin(outcome.families, list(FAMILIES))
    right = np.mean(outcome.named[known] == outcome.families[known])
    wrong = np.mean((outcome.named[known] != outcome.families[known]) & _named(outcome)[known])
    other = np.mean(_named(outcome)[~known])
    return (
        f"pages unseen, {known.sum()} recordings of {len(FAMILIES)} families: {right:.0%} named "
        f"rightly, {wrong:.0%} wrongly; {(~known).sum()} of other families: {other:.0%} named"
    )


def page(outcome: Outcome, combs: Sequence[CombRow]) -> str:
    """Return results/attribution.md."""
    known = np.isin(outcome.families, list(FAMILIES))
    return "\n".join(
        [
            "# Which family of decoders a track resembles",
            "",
            "Written by `python -m unsung.training.attribution`; do not edit. AI-generated and "
            "resynthesised excerpts of the table, each named by templates and limits that were "
            "made without its page. Families outside the list are unknown by construction: their "
            f"limits are nested, set so that {WRONG_NAME_RATE:.0%} of such recordings get a name. "
            f"Ridge penalty {PENALTY:g}; of 0.1, 0.3, 1, 3, 10 and 100 the choice was looked at on "
            "these pages, so that the figures are optimistic by as much as that choice is worth.",
            "",
            "## Summary",
            "",
            *_summary(outcome, known),
            "",
            "## Each family, page unseen",
            "",
            *_families(outcome),
            "",
            "`family unseen`: templates of the other families, none of which is right: the share "
            "that gets any name. `equalised`: middle 4 s, low-passed at 7 kHz, mp3 at 64 kbit/s.",
            "",
            "## Confusions",
            "",
            *_confusions(outcome),
            "",
            "## Families outside the list that got a name",
            "",
            *_strangers(outcome, known),
            "",
            "## Combs",
            "",
            *comb_lines(combs),
            "",
        ]
    )


def _named(outcome: Outcome) -> NDArray[np.bool_]:
    named: NDArray[np.bool_] = outcome.named != UNKNOWN
    return named


def _summary(outcome: Outcome, known: NDArray[np.bool_]) -> list[str]:
    right = outcome.named == outcome.families
    closed = outcome.closed == outcome.families
    listed, other = outcome.margins[known], outcome.margins[~known]
    labels = known.astype(int)
    auroc = bootstrap_interval(
        roc_auc, labels.tolist(), outcome.margins.tolist(), outcome.pages.tolist(), replicates=500
    )
    named = _named(outcome)
    unseen = outcome.unseen[known] != UNKNOWN
    rows = [
        ("named rightly", _cell(right[known])),
        ("named wrongly", _cell((~right & named)[known])),
        ("right family if one had to be named (closed set)", _cell(closed[known])),
        ("of those named, right", _cell(right[known & named])),
        ("outside families: any name", _cell(named[~known])),
        ("listed families left out of the fit: any name", _cell(unseen)),
        ("whole human tracks: any name, had they been called AI", _cell(outcome.human != UNKNOWN)),
        (
            "AUROC, listed against outside families",
            f"{auroc.value:.3f} [{auroc.low:.2f}, {auroc.high:.2f}] (n = {len(known)}, pages)",
        ),
        ("OSCR", f"{oscr(closed[known], listed, other):.3f}"),
    ]
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _families(outcome: Outcome) -> list[str]:
    lines = [
        "| family | n | pages | named rightly | wrongly | equalised, rightly "
        "| family unseen, named |",
        "|---|--:|--:|---|---|---|---|",
    ]
    for family in FAMILIES:
        own = outcome.families == family
        wrong = own & _named(outcome) & (outcome.named != family)
        copies = own & (outcome.equal != "")
        cells = [
            _cell(outcome.named[own] == family),
            _cell(wrong[own]),
            _cell(outcome.equal[copies] == family),
            _cell(outcome.unseen[own] != UNKNOWN),
        ]
        n_pages = len(set(outcome.pages[own]))
        lines.append(f"| {family} | {own.sum()} | {n_pages} | {' | '.join(cells)} |")
    return lines


def _confusions(outcome: Outcome) -> list[str]:
    heads = [*FAMILIES, UNKNOWN]
    lines = [f"| true \\ named | {' | '.join(heads)} |", f"|---|{'--:|' * len(heads)}"]
    listed = np.isin(outcome.families, list(FAMILIES))
    for name, own in [
        *((family, outcome.families == family) for family in FAMILIES),
        ("all other families", ~listed),
    ]:
        counts = Counter(outcome.named[own].tolist())
        lines.append(f"| {name} | {' | '.join(str(counts[head]) for head in heads)} |")
    return lines


def _strangers(outcome: Outcome, known: NDArray[np.bool_]) -> list[str]:
    lines = ["| family | n | named | as |", "|---|--:|--:|---|"]
    for family in sorted(set(outcome.families[~known])):
        own = outcome.families == family
        names = Counter(outcome.named[own].tolist())
        names.pop(UNKNOWN, None)
        if names:
            words = ", ".join(f"{name} ({count})" for name, count in names.most_common())
            lines.append(f"| {family} | {own.sum()} | {sum(names.values())} | {words} |")
    return lines


def _cell(hits: NDArray[np.bool_]) -> str:
    n, count = len(hits), int(hits.sum())
    if not n:
        return "–"
    span = clopper_pearson(count, n)
    return f"{count / n:.3f} [{span.low:.2f}, {span.high:.2f}] (n = {n})"
