# SPDX-License-Identifier: MIT
"""Numbers of one family of generators, or of one generator, against all human tracks.

``auc[family=x]`` and ``detection[family=x]`` where the group has at least five tracks: below, a
share says nothing. They are many, so that an experiment names the groupings it wants as results;
the page's map shows the plain shares of every family in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation import bootstrap_interval, roc_auc
from unsung.evaluation.weighted import auc_many
from unsung.reproduce.metrics import Draw, Found, both, share_above, without_bounds
from unsung.reproduce.views import View

__all__ = ["GROUPINGS", "LEAST", "by_group"]

LEAST = 5
"""Tracks that a group needs for numbers of its own."""

GROUPINGS: Mapping[str, Callable[[View], NDArray[np.str_]]] = {
    "family": lambda view: view.families,
    "generator": lambda view: view.generators,
}
"""Kinds of groups an experiment may report."""


def by_group(kind: str, view: View, draw: Draw) -> Found:
    """Yield the numbers of every group of a kind that has enough tracks."""
    names = GROUPINGS[kind](view)
    for name in sorted(set(names) - {""}):
        about = view.scored & (names == name)
        keep = about | (view.scored & (view.y == 0))
        if not both(view.y, keep) or about.sum() < LEAST:
            continue
        y, g = view.y[keep], view.groups[keep]
        span = bootstrap_interval(roc_auc, y, view.logit[keep], g, many=auc_many, **draw)
        alone = len(set(view.groups[about])) == 1
        yield f"auc[{kind}={name}]", without_bounds(span) if alone else span, about
        if np.isfinite(view.margin[keep]).all():
            rate = share_above(y, view.margin[keep], g, label=1, least=0.0, draw=draw)
            yield f"detection[{kind}={name}]", rate, about
