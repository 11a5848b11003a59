# SPDX-License-Identifier: MIT
"""The learning rate as a function of where a run stands: nothing to store, nothing to restore.

Cosine: Loshchilov and Hutter, SGDR, ICLR 2017 (one cycle); warm-up: Goyal et al. 2017. Positions
are in epochs, with fractions; a plateau looks at the validation losses so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from unsung.training.settings import Schedule

__all__ = ["learning_rate"]


def learning_rate(
    schedule: Schedule, peak: float, at: float, epochs: int, losses: Sequence[float] = ()
) -> float:
    """Return the rate at a position.

    Args:
        schedule: the law.
        peak: the optimiser's own rate.
        at: epochs done, with the fraction of the present one.
        epochs: length of the run; the cosine reaches `min_lr` there.
        losses: validation loss of each epoch done.

    >>> [round(learning_rate(Schedule("cosine"), 1.0, at, 4), 3) for at in (0, 1, 2, 4)]
    [1.0, 0.854, 0.5, 0.0]
    """
    warm = schedule.warmup_epochs
    if at < warm:
        return schedule.warmup_lr + (peak - schedule.warmup_lr) * at / warm
    if schedule.name == "cosine":
        share = min(1.0, (at - warm) / max(1e-9, epochs - warm))
        return schedule.min_lr + (peak - schedule.min_lr) * (1 + math.cos(math.pi * share)) / 2
    if schedule.name == "step":
        return peak * schedule.factor ** int((at - warm) // schedule.every)
    if schedule.name == "plateau":
        return max(schedule.min_lr, peak * schedule.factor ** _plateaus(losses, schedule.every))
    return peak


def _plateaus(losses: Sequence[float], every: int) -> int:
    """Count how often `every` epochs passed without a loss below the best before."""
    best, waited, count = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == every:
            count, waited = count + 1, 0
    return count
