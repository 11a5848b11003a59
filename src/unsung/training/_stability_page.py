# SPDX-License-Identifier: MIT
"""What a verdict gains and loses when it must hold under small changes, as a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unsung.runtime.stable import CHANGES, LEAST

if TYPE_CHECKING:
    from unsung.training.stability import Share

__all__ = ["page"]


def page(shares: Sequence[Share]) -> str:
    """Return results/robust-verdict.md."""
    fixed = [rule for rule in _rules(shares) if "own threshold" not in rule]
    own = [rule for rule in _rules(shares) if "own threshold" in rule]
    return "\n".join(
        [
            "# AI only when it is stable: what `--robust` changes",
            "",
            "Written by `python -m unsung.training.stability`; do not edit. Excerpts of the table "
            "(human, fully generated) and the middle of whole human tracks, scored by the bundle "
            "that has not seen their page, as they are and under five changes: "
            f"{', '.join(CHANGES)}. Exact binomial intervals.",
            "",
            "## The bundle's own threshold at 1 % false alarms, kept",
            "",
            f"`--robust` asks for {LEAST} of {len(CHANGES)}.",
            "",
            *_tables(shares, fixed),
            "## Pooled scores, each with its own threshold at 1 %",
            "",
            "The threshold is set on clean human excerpts of the other folds. This is the fair "
            "comparison of scores: at the same false-alarm rate, which finds more?",
            "",
            *_tables(shares, own),
        ]
    )


def _rules(shares: Sequence[Share]) -> list[str]:
    return list(dict.fromkeys(share.rule for share in shares))


def _tables(shares: Sequence[Share], rules: Sequence[str]) -> list[str]:
    known = {(s.rule, s.condition, s.positive): s for s in shares}
    conditions = list(dict.fromkeys(share.condition for share in shares))
    lines = []
    for positive, title in ((False, "Human, called AI"), (True, "AI, found")):
        heads = []
        for condition in conditions:
            one = known.get((rules[0], condition, positive)) if rules else None
            heads.append(f"{condition} (n = {one.n})" if one is not None else condition)
        lines += [f"### {title}", "", f"| rule | {' | '.join(heads)} |"]
        lines.append(f"|---|{'---|' * len(conditions)}")
        for rule in rules:
            found = [known.get((rule, condition, positive)) for condition in conditions]
            cells = " | ".join("" if share is None else _cell(share) for share in found)
            lines.append(f"| {rule} | {cells} |")
        lines.append("")
    return lines


def _cell(share: Share) -> str:
    return f"{share.hits / share.n:.3f} [{share.low:.3f}, {share.high:.3f}]"
