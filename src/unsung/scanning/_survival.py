# SPDX-License-Identifier: MIT
"""Shares of tracks whose verdict survives an attack, AI and human apart, with exact intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unsung.evaluation.proportions import Interval, clopper_pearson
from unsung.types import Record, Verdict

if TYPE_CHECKING:
    from unsung.scanning.stress import Stress

__all__ = ["Survival", "Weakness", "by_fragility", "clean_counts", "survival", "weakness"]


@dataclass(frozen=True)
class Survival(Record):
    """One attack at one strength over the tracks of one label.

    ``survives`` is counted over the tracks that were rightly judged when clean (None: there are
    none); ``called_ai`` over all tracks of the label: detections of AI, false alarms of human.
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


def survival(tracks: Iterable[Stress]) -> list[Survival]:
    """Return one row an attack, strength and label, in the order of the attacks and strengths.

    Tracks, and strengths of a track, that have an error are not counted.
    """
    cells: dict[tuple[str, str, float, str], list[tuple[Verdict, Verdict]]] = {}
    for track in tracks:
        for curve in track.curves:
            for strength, verdict in zip(curve.strengths, curve.verdicts, strict=True):
                cell = cells.setdefault((curve.attack, curve.unit, strength, track.label), [])
                if verdict is not None:
                    cell.append((curve.clean.verdict, verdict))
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
    worst = min(right, key=lambda pair: pair[0].value, default=(None, None))
    extreme = min if rows[0].label == "ai" else max
    most = extreme(called, key=lambda pair: pair[0].value, default=(None, None))
    return Weakness(
        rows[0].attack,
        rows[0].unit,
        rows[0].label,
        max(row.n_right for row in rows),
        max(row.n for row in rows),
        lost[0] if lost else None,
        *worst,
        *most,
    )


def _endured(rows: Iterable[Survival]) -> float:
    """Return the mean share that survives, over strengths and labels; 1 where nothing counts."""
    shares = [row.survives.value for row in rows if row.survives is not None]
    return sum(shares) / len(shares) if shares else 1.0


def _row(key: tuple[str, str, float, str], pairs: Sequence[tuple[Verdict, Verdict]]) -> Survival:
    label = key[3]
    right = [after for before, after in pairs if before == label]
    return Survival(
        *key,
        len(right),
        clopper_pearson(sum(v == label for v in right), len(right)) if right else None,
        sum(v == "undecided" for v in right),
        len(pairs),
        clopper_pearson(sum(v == "ai" for _, v in pairs), len(pairs)) if pairs else None,
    )


def _label_rank(label: str) -> tuple[int, str]:
    return {"ai": 0, "human": 1}.get(label, 2), label
