# SPDX-License-Identifier: MIT
"""Turns views into result rows: every metric, every grouping, means over seeds, pairs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from unsung.errors import UsageError
from unsung.evaluation.proportions import Interval
from unsung.reproduce.groupings import by_group
from unsung.reproduce.metrics import METRICS, Draw, Found, Mask, bound
from unsung.reproduce.pairs import compared
from unsung.reproduce.views import View
from unsung.types import Result

__all__ = ["measure"]

DIGITS = 4
"""Decimals that are kept: finer than any interval of a study that fits on a disk."""


@dataclass(frozen=True)
class _About:
    experiment: str
    dataset: str
    hashes: tuple[str, str]

    def row(self, view: View, name: str, span: Interval, about: Mask) -> Result:
        counts = (int(about.sum()), len(set(view.groups[about])))
        bounds = (bound(span.low, DIGITS), bound(span.high, DIGITS))
        # A p value's size matters where it is tiny.
        value = float(f"{span.value:.3g}") if name == "delong_p" else round(span.value, DIGITS)
        return Result(
            self.experiment, view.detector, self.dataset, view.condition, name,
            value, *bounds, *counts, view.seed, *self.hashes,
        )  # fmt: skip


def measure(
    found: Iterable[View],
    names: Sequence[str],
    *,
    experiment: str,
    dataset: str,
    groupings: Sequence[str] = (),
    hashes: tuple[str, str] = ("", ""),
    replicates: int = 1000,
) -> list[Result]:
    """Return every number of every view; one that a view cannot give is left out.

    Args:
        found: what each detector said under each condition.
        names: metrics, keys of `METRICS`.
        experiment: its name.
        dataset: what was measured.
        groupings: keys of `GROUPINGS` with rows of their own.
        hashes: of the code and of the list of tracks.
        replicates: resamples behind each interval.

    Raises:
        UsageError: no view at all.
    """
    views = list(found)
    about = _About(experiment, dataset, hashes)
    draw = {"replicates": replicates, "seed": 0}
    rows = [
        about.row(view, metric, span, mask)
        for view in views
        for metric, span, mask in _numbers(view, names, groupings, draw)
    ]
    if not rows:
        raise UsageError("expected scores of AI and human tracks, got none; see the errors")
    for first, second in _pairs(views):
        for metric, span, mask in compared(first, second, draw):
            pair = replace(first, detector=f"{first.detector} − {second.detector}")
            rows.append(about.row(pair, metric, span, mask))
    return [*rows, *_over_seeds(rows)]


def _numbers(view: View, names: Sequence[str], groupings: Sequence[str], draw: Draw) -> Found:
    for name in names:
        yield from METRICS[name](view, draw)
    for kind in groupings:
        yield from by_group(kind, view, draw)


def _pairs(views: Sequence[View]) -> Iterator[tuple[View, View]]:
    """Yield the views of two detectors under the same condition and seed."""
    for first, second in itertools.combinations(views, 2):
        same = (first.condition, first.seed) == (second.condition, second.seed)
        if same and first.detector != second.detector:
            yield first, second


def _over_seeds(rows: Sequence[Result]) -> Iterator[Result]:
    """Yield the mean over seeds where there are several; low and high are the extremes."""
    parts: dict[tuple[str, str, str], list[Result]] = {}
    for row in rows:
        parts.setdefault((row.detector, row.condition, row.metric), []).append(row)
    for same in parts.values():
        if len(same) > 1:
            values = [row.value for row in same]
            name = f"{same[0].metric}[mean of {len(same)} seeds]"
            mean = round(sum(values) / len(values), DIGITS + 2)
            yield replace(same[0], metric=name, value=mean, low=min(values), high=max(values))
