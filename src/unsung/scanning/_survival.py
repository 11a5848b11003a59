# SPDX-License-Identifier: MIT
"""Shares of tracks whose verdict survives an attack, AI and human apart, with intervals.

Tracks of one group (a source page, a recording) are not independent: where a manifest has groups,
the exact interval is taken at the effective number of tracks (Korn and Graubard, Survey Methodology
1998), which the spread between groups gives; without any spread it is the number of groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from scipy import special

from unsung.evaluation.proportions import Interval, clopper_pearson
from unsung.types import Record, Verdict

if TYPE_CHECKING:
    from unsung.scanning._curve import Stress

__all__ = [
    "Survival",
    "Weakness",
    "by_fragility",
    "clean_counts",
    "grouped_share",
    "survival",
    "weakness",
]


_Judged: TypeAlias = tuple[Verdict, Verdict, str]  # clean, attacked, group


@dataclass(frozen=True)
class Survival(Record):
    """One attack at one strength over the tracks of one label.

    ``survives`` is counted over the tracks that were rightly judged when clean (None: there are
    none); ``called_ai`` over all tracks of the label: detections of AI, false alarms of human.
    ``n_groups`` counts the groups of these tracks, each track its own where none is named.
    """

    attack: str
    unit: str
    strength: float
    label: str
    n_right: int
    survives: Interval | None
    n_losses: int
    n: int
    called_ai: Interval | None
    n_groups: int = 0


@dataclass(frozen=True)
class Weakness(Record):
    """The worst of one attack for one label.

    ``half_lost_at`` is the mildest strength at which fewer than half survive, ``survives`` the
    lowest share; ``called_ai`` is the lowest share for AI tracks (detections) and the highest for
    the others (false alarms). None where no track counts.
    """

    attack: str
    unit: str
    label: str
    n_right: int
    n: int
    half_lost_at: float | None
    survives: Interval | None
    worst_at: float | None
    called_ai: Interval | None
    called_at: float | None
    n_groups: int = 0

    @property
    def wrong(self) -> Interval | None:
        """The most that goes wrong: AI tracks missed, or others accused."""
        share = self.called_ai
        if share is None or self.label != "ai":
            return share
        return Interval(1 - share.value, 1 - share.high, 1 - share.low, share.level)

    @property
    def wrong_word(self) -> str:
        """What `wrong` counts, in a word."""
        return "missed" if self.label == "ai" else "accused"


def survival(tracks: Iterable[Stress]) -> list[Survival]:
    """Return one row an attack, strength and label, in the order of the attacks and strengths.

    Tracks, and strengths of a track, that have an error are not counted.
    """
    cells: dict[tuple[str, str, float, str], list[_Judged]] = {}
    for index, track in enumerate(tracks):
        group = track.group or track.sha256 or f"#{index}"
        for curve in track.curves:
            for strength, verdict in zip(curve.strengths, curve.verdicts, strict=True):
                cell = cells.setdefault((curve.attack, curve.unit, strength, track.label), [])
                if verdict is not None:
                    cell.append((curve.clean.verdict, verdict, group))
    order = {key[:3]: i for i, key in reversed(list(enumerate(cells)))}
    keys = sorted(cells, key=lambda k: (k[0], _label_rank(k[3]), order[k[:3]]))
    return [_row(key, cells[key]) for key in keys]


def clean_counts(tracks: Iterable[Stress]) -> dict[str, dict[Verdict, int]]:
    """Return how the clean tracks of each label were judged."""
    counts: dict[str, dict[Verdict, int]] = {}
    for track in tracks:
        if track.clean is not None:
            row = counts.setdefault(track.label, {"human": 0, "ai": 0, "undecided": 0})
            row[track.clean.verdict] += 1
    return dict(sorted(counts.items(), key=lambda item: _label_rank(item[0])))


def by_fragility(rows: Iterable[Survival]) -> list[tuple[str, list[Survival]]]:
    """Return the rows of each attack, the one that spares the fewest verdicts first."""
    groups: dict[str, list[Survival]] = {}
    for row in rows:
        groups.setdefault(row.attack, []).append(row)
    return sorted(groups.items(), key=lambda item: (_endured(item[1]), item[0]))


def weakness(rows: Iterable[Survival]) -> list[Weakness]:
    """Return one line an attack and label, most fragile attack first."""
    return [
        _weakness([row for row in mine if row.label == label])
        for _, mine in by_fragility(rows)
        for label in dict.fromkeys(row.label for row in mine)
    ]


def _weakness(rows: Sequence[Survival]) -> Weakness:
    right = [(r.survives, r.strength) for r in rows if r.survives is not None]
    called = [(r.called_ai, r.strength) for r in rows if r.called_ai is not None]
    lost = [strength for share, strength in right if share.value < 0.5]
    survives, worst_at = min(right, key=lambda pair: pair[0].value, default=(None, None))
    extreme = min if rows[0].label == "ai" else max
    called_ai, called_at = extreme(called, key=lambda pair: pair[0].value, default=(None, None))
    return Weakness(
        rows[0].attack,
        rows[0].unit,
        rows[0].label,
        max(row.n_right for row in rows),
        max(row.n for row in rows),
        lost[0] if lost else None,
        survives,
        worst_at,
        called_ai,
        called_at,
        max(row.n_groups for row in rows),
    )


def _endured(rows: Iterable[Survival]) -> float:
    """Return the mean share that survives, over strengths and labels; 1 where nothing counts."""
    shares = [row.survives.value for row in rows if row.survives is not None]
    return sum(shares) / len(shares) if shares else 1.0


def grouped_share(hits: Sequence[bool], groups: Sequence[str]) -> Interval:
    """Return a share with a 95 % interval that knows which tracks belong together.

    >>> grouped_share([True, True, False], ["a", "b", "c"]) == clopper_pearson(2, 3)
    True
    """
    n, members = len(hits), _by_group(hits, groups)
    if len(members) == n:
        return clopper_pearson(sum(hits), n)
    share, m = sum(hits) / n, len(members)
    if share in (0.0, 1.0) or m == 1:
        n_effective = float(m)
    else:
        # Ultimate clusters: the sum of residuals in each group, spread over the groups.
        rest = [sum(group) - share * len(group) for group in members]
        variance = m / (m - 1) * sum(r * r for r in rest) / n**2
        n_effective = min(float(n), max(share * (1 - share) / max(variance, 1e-12), 1.0))
    k, tail = share * n_effective, 0.025
    low = 0.0 if k <= 0 else float(special.betaincinv(k, n_effective - k + 1, tail))
    high = 1.0 if share == 1 else float(special.betaincinv(k + 1, n_effective - k, 1 - tail))
    return Interval(share, low, high)


def _by_group(hits: Sequence[bool], groups: Sequence[str]) -> list[list[bool]]:
    found: dict[str, list[bool]] = {}
    for hit, group in zip(hits, groups, strict=True):
        found.setdefault(group, []).append(hit)
    return list(found.values())


def _row(key: tuple[str, str, float, str], judged: Sequence[_Judged]) -> Survival:
    label = key[3]
    right = [(after, group) for before, after, group in judged if before == label]
    kept, called = [v == label for v, _ in right], [v == "ai" for _, v, _ in judged]
    return Survival(
        *key,
        len(right),
        grouped_share(kept, [group for _, group in right]) if right else None,
        sum(v == "undecided" for v, _ in right),
        len(judged),
        grouped_share(called, [group for _, _, group in judged]) if judged else None,
        len({group for _, _, group in judged}),
    )


def _label_rank(label: str) -> tuple[int, str]:
    return {"ai": 0, "human": 1}.get(label, 2), label
