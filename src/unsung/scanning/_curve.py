# SPDX-License-Identifier: MIT
"""What one attack at rising strengths did to one verdict: the records and how they compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from unsung.scanning.settings import FALSE_ALARM_RATE
from unsung.types import Clip, Failure, Record, Verdict

__all__ = [
    "Break",
    "Change",
    "Curve",
    "Heard",
    "Judge",
    "Point",
    "Stress",
    "change",
    "fragile_first",
    "strength_text",
]

Change = Literal["false alarm", "miss", "loss", "recovery", "to ai", "to human"]


@dataclass(frozen=True)
class Heard(Record):
    """What a detector says of one clip; ``reason`` says why it is undecided."""

    logit: float | None
    verdict: Verdict
    reason: str = ""


Judge = Callable[[Clip], Heard]


@dataclass(frozen=True)
class Point(Record):
    """One attacked clip: the strength and what was heard, or the error instead."""

    strength: float
    logit: float | None = None
    verdict: Verdict | None = None
    reason: str = ""
    error: Failure | None = None


@dataclass(frozen=True)
class Break(Record):
    """The mildest strength found with one kind of change.

    ``above`` is the strength just before it that does not show the change (None: already the
    mildest step does); ``returns_at`` is a harsher one where the clean verdict is back.
    """

    change: Change
    strength: float
    logit: float | None
    verdict: Verdict
    reason: str
    above: float | None
    returns_at: float | None


@dataclass(frozen=True)
class Curve(Record):
    """One attack on one track: the ladder as tried, then the refinement, then where it breaks.

    ``breaks`` holds one entry a kind of change, mildest first; ``breaking_strength`` and
    ``direction`` are those of the first, None and "" where the verdict survives all strengths.
    """

    attack: str
    unit: str
    strengths: tuple[float, ...]
    logits: tuple[float | None, ...]
    verdicts: tuple[Verdict | None, ...]
    clean: Heard
    breaking_strength: float | None = None
    direction: str = ""
    breaks: tuple[Break, ...] = ()
    refined: tuple[Point, ...] = ()
    error: Failure | None = None
    seconds: float = 0.0

    @property
    def endured(self) -> float:
        """Share of the ladder before the first change: the lower, the more fragile."""
        changed = [
            i for i, v in enumerate(self.verdicts) if v is not None and v != self.clean.verdict
        ]
        return changed[0] / len(self.strengths) if changed else 1.0


@dataclass(frozen=True)
class Stress(Record):
    """One track under all attacks; ``curves`` is in the order of the attacks.

    ``group`` is what the manifest says belongs together (a source page, a recording);
    ``thresholds`` names the calibration that the verdicts follow.
    """

    path: str
    sha256: str = ""
    label: str = ""
    group: str = ""
    detector: str = ""
    thresholds: str = ""
    false_alarm_rate: float = FALSE_ALARM_RATE
    ai_logit: float | None = None
    human_logit: float | None = None
    trained_on: bool = False
    start_s: float = 0.0
    duration_s: float = 0.0
    seed: int = 0
    clean: Heard | None = None
    curves: tuple[Curve, ...] = ()
    seconds: float = 0.0
    error: Failure | None = None


def strength_text(value: float) -> str:
    """Return a strength with four figures, or with two figures of its distance from 1.

    A factor of 1 changes nothing, so what matters of one near it is how near.

    >>> strength_text(22050.0), strength_text(0.38483), strength_text(1.000234)
    ('22050', '0.3848', '1.00023')
    """
    apart = abs(value - 1)
    if 0 < apart < 0.01:
        return f"{value:.{1 - math.floor(math.log10(apart))}f}".rstrip("0")
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def change(before: Verdict, after: Verdict, label: str = "") -> Change:
    """Name a change of verdict: by the label where there is one, else by the clean verdict.

    >>> change("human", "ai"), change("ai", "human"), change("ai", "undecided")
    ('false alarm', 'miss', 'loss')
    """
    if after == "undecided":
        return "loss"
    truth = label if label in ("human", "ai") else before
    if after == truth:
        return "recovery"
    if truth == "undecided":
        return "to ai" if after == "ai" else "to human"
    return "false alarm" if after == "ai" else "miss"


def fragile_first(curves: Iterable[Curve]) -> list[Curve]:
    """Sort curves: the smallest share of the ladder endured first, attacks without a result last.

    Among equals the larger move of the logit is the more fragile.
    """

    def key(curve: Curve) -> tuple[bool, float, float, str]:
        clean = curve.clean.logit or 0.0
        moved = max((abs(v - clean) for v in curve.logits if v is not None), default=0.0)
        nothing = all(verdict is None for verdict in curve.verdicts)
        return nothing, curve.endured, -moved, curve.attack

    return sorted(curves, key=key)
