# SPDX-License-Identifier: MIT
"""Results as a table that people read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unsung.types import Result

__all__ = ["markdown_table"]

_HEADINGS = ("experiment", "detector", "dataset", "condition")


def markdown_table(results: Sequence[Result], *, digits: int = 3) -> str:
    """Return results as a Markdown table, a row each; headings without any entry are left out.

    >>> print(markdown_table([Result("e", "d", "", "", "auc", 0.9, 0.8, 0.95, 40, 20, 0)]))
    | experiment | detector | metric | value [95 %] | tracks | groups |
    |---|---|---|---:|---:|---:|
    | e | d | auc | 0.900 [0.800, 0.950] | 40 | 20 |
    """
    used = [name for name in _HEADINGS if any(getattr(row, name) for row in results)]
    head = [*used, "metric", "value [95 %]", "tracks", "groups"]
    rule = ["---"] * (len(used) + 1) + ["---:"] * 3
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(rule) + "|"]
    for row in results:
        words = [*(str(getattr(row, name)) for name in used), row.metric]
        cells = [word.replace("|", "\\|") for word in words]
        cells += [_number(row, digits), str(row.n_tracks), str(row.n_groups)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(row: Result, digits: int) -> str:
    if math.isnan(row.value):
        return "not available (too few human tracks)"
    text = f"{row.value:.{digits}f}"
    if row.low is None or row.high is None:
        return text
    return f"{text} [{row.low:.{digits}f}, {row.high:.{digits}f}]"
