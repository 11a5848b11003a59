# SPDX-License-Identifier: MIT
"""Two detectors on the very same tracks: by how much they differ, and whether chance could do it.

``auc_difference`` and ``detection_at_0.01_difference`` (or ``_0.05_`` where 1 % of the human tracks
is less than one) resample groups of tracks together for both; ``delong_p`` is the two-sided p value
of DeLong's test, which takes every track as independent and is therefore too sure when pages hold
several. Tracks that either could not score are left out of both.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from unsung.evaluation import bootstrap_difference, detection_rate_at, roc_auc
from unsung.evaluation.delong import delong_test
from unsung.evaluation.discrimination import allowed_alarms
from unsung.evaluation.proportions import Interval
from unsung.evaluation.weighted import auc_many, detection_rate_many
from unsung.reproduce.metrics import Draw, Found, both
from unsung.reproduce.views import View

__all__ = ["RATES", "compared"]

RATES = (0.01, 0.05)


def compared(first: View, second: View, draw: Draw) -> Found:
    """Yield the differences first − second, with the tracks of `first` that they are about."""
    place = {name: index for index, name in enumerate(second.ids)}
    rows = np.array([place.get(name, -1) for name in first.ids])
    other = np.where(rows >= 0, second.logit[rows], math.nan)
    keep = first.scored & np.isfinite(other)
    if not both(first.y, keep) or min((first.y[keep] == k).sum() for k in (0, 1)) < 2:
        return
    y, a, b, g = first.y[keep], first.logit[keep], other[keep], first.groups[keep]
    yield "auc_difference", bootstrap_difference(roc_auc, y, a, b, g, many=auc_many, **draw), keep
    p = delong_test(y, a, b).p_value
    yield "delong_p", Interval(p, math.nan, math.nan), keep
    for rate in RATES:
        if allowed_alarms(int((y == 0).sum()), rate) >= 1:
            span = bootstrap_difference(
                partial(detection_rate_at, false_alarm_rate=rate),
                y, a, b, g, many=detection_rate_many(rate), **draw,
            )  # fmt: skip
            yield f"detection_at_{rate:g}_difference", span, keep
            return
