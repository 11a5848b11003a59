# SPDX-License-Identifier: MIT
"""Finds the mildest strength at which a verdict changes, without assuming that it changes once.

Every step of an attack's ladder is heard first; then the gap before a change is halved a few
times. A two-sided ladder (±semitones, rates below and above 1) has two sides, each searched on its
own: half-way between −1 and +1 lies no milder attack but none at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from unsung.attacks import Attack, ChainLadder
from unsung.errors import UnsungError, UsageError
from unsung.scanning._curve import Break, Change, Curve, Heard, Judge, Point, change
from unsung.types import Clip, Failure, Verdict

__all__ = ["HALVINGS", "neutral", "search"]

HALVINGS = 4
"""A sixteenth of a ladder's step: finer than the difference between two songs."""

STEPPED_UNITS = frozenset({"kbps"})
"""Encoders take the nearest bit rate of their standard: there is nothing between two steps."""


def neutral(strengths: Sequence[float], unit: str) -> float | None:
    """Return the strength of a two-sided ladder that changes nothing; None for one-sided ones.

    A ladder that only rises or only falls has one side, whatever its signs (an SNR may be below 0).

    >>> neutral((-1.0, 1.0), "dB"), neutral((1.1, 0.9, 1.2), "x"), neutral((5.0, 0.0, -5.0), "dB")
    (0.0, 1.0, None)
    """
    low, high = min(strengths), max(strengths)
    steps = [b > a for a, b in pairwise(strengths)]
    if len(set(steps)) < 2 and (len(strengths) != 2 or low != -high):
        return None
    if low < 0 < high:
        return 0.0
    return 1.0 if unit == "x" and low < 1 < high else None


def search(
    name: str,
    attack: Attack | ChainLadder,
    clip: Clip,
    clean: Heard,
    judge: Judge,
    *,
    label: str = "",
    seed: int = 0,
    halvings: int = HALVINGS,
) -> Curve:
    """Attack a clip at every strength and find where its verdict breaks; nothing is raised.

    Args:
        name: the attack's public name.
        attack: the attack; its ladder is tried from the mildest strength to the harshest.
        clip: the clean sound.
        clean: what the judge says of it.
        judge: clip in, logit and verdict out.
        label: "human" or "ai" where the truth is known; else the clean verdict counts as true.
        seed: the same seed for every strength, so that only the strength differs.
        halvings: bisection steps between the last strength without a change and the first with.
    """
    centre = neutral(attack.strengths, attack.unit)

    def probe(strength: float) -> Point:
        return _hear(attack, clip, strength, judge, seed)

    ladder = [probe(strength) for strength in attack.strengths]
    smooth = attack.unit not in STEPPED_UNITS and getattr(attack, "continuous", True)
    found: list[tuple[float, Break]] = []
    extra: list[Point] = []
    for side in _sides(attack, ladder, clean, centre):
        known = {point.strength for point in side}
        refine = _Refiner(side, probe, halvings if smooth else 0)
        found += refine.breaks(clean.verdict, label, centre, ladder)
        extra += [point for point in side if point.strength not in known]
    return _curve(name, attack.unit, ladder, clean, breaks=_mildest(found), extra=extra)


def _curve(
    name: str,
    unit: str,
    ladder: list[Point],
    clean: Heard,
    *,
    breaks: tuple[Break, ...],
    extra: list[Point],
) -> Curve:
    return Curve(
        name,
        unit,
        tuple(p.strength for p in ladder),
        tuple(p.logit for p in ladder),
        tuple(p.verdict for p in ladder),
        clean,
        breaks[0].strength if breaks else None,
        breaks[0].change if breaks else "",
        breaks,
        tuple(extra),
        next((p.error for p in ladder if p.error is not None), None),
    )


class _Refiner:
    """Halves the gap before each kind of change on one side of a ladder; adds points to it."""

    def __init__(self, side: list[Point], probe: Callable[[float], Point], halvings: int) -> None:
        self._side, self._probe, self._halvings = side, probe, halvings

    def breaks(
        self, clean: Verdict, label: str, centre: float | None, ladder: list[Point]
    ) -> list[tuple[float, Break]]:
        """Return the breaks of this side with how harsh each is."""
        found = []
        self._close_in(lambda p: p.verdict is not None and p.verdict != clean)
        for verdict in ("ai", "human", "undecided"):
            if verdict == clean:
                continue
            at = self._close_in(lambda p, v=verdict: p.verdict == v)  # type: ignore[misc]
            if at is not None:
                broken = self._break(at, clean, label, verdict)
                found.append((_harshness(broken.strength, centre, ladder), broken))
        return found

    def _break(self, at: int, clean: Verdict, label: str, verdict: Verdict) -> Break:
        point = self._side[at]
        before = [p.strength for p in self._side[:at] if p.error is None]
        back = [p.strength for p in self._side[at + 1 :] if p.verdict == clean]
        return Break(
            change(clean, verdict, label),
            point.strength,
            point.logit,
            verdict,
            point.reason,
            before[-1] if before else None,
            back[0] if back else None,
        )

    def _close_in(self, changed: Callable[[Point], bool]) -> int | None:
        """Return the place of the first changed point, after halving the gap before it."""
        for _ in range(self._halvings):
            at = self._first(changed)
            if not at:  # none changed, or nothing milder is known
                return at
            middle = (self._side[at - 1].strength + self._side[at].strength) / 2
            point = self._probe(middle)
            if self._side[at - 1].error is not None or point.error is not None:
                return at
            self._side.insert(at, point)
        return self._first(changed)

    def _first(self, changed: Callable[[Point], bool]) -> int | None:
        return next((i for i, point in enumerate(self._side) if changed(point)), None)


def _hear(
    attack: Attack | ChainLadder, clip: Clip, strength: float, judge: Judge, seed: int
) -> Point:
    try:
        heard = judge(attack(clip, strength, seed))
    except UnsungError as error:
        return Point(strength, error=Failure(type(error).__name__, str(error)))
    except Exception as error:
        words = f"unexpected: {error or 'no message'}; the other attacks go on; please report this"
        return Point(strength, error=Failure(type(error).__name__, words))
    return Point(strength, heard.logit, heard.verdict, heard.reason)


def _sides(
    attack: Attack | ChainLadder, ladder: list[Point], clean: Heard, centre: float | None
) -> list[list[Point]]:
    """Return the ladder's sides, mildest first; the clean sound stands before a two-sided one."""
    if centre is None:
        return [list(ladder)]
    try:
        attack.check(centre)
        start = [Point(centre, clean.logit, clean.verdict, clean.reason)]
    except UsageError:
        start = []
    below = sorted((p for p in ladder if p.strength < centre), key=lambda p: -p.strength)
    above = sorted((p for p in ladder if p.strength > centre), key=lambda p: p.strength)
    return [start + side for side in (below, above) if side]


def _harshness(strength: float, centre: float | None, ladder: list[Point]) -> float:
    """Return a number that grows with harshness and compares strengths of one ladder."""
    if centre is not None:
        return abs(math.log(strength)) if centre else abs(strength)
    return (strength - ladder[0].strength) * (ladder[-1].strength - ladder[0].strength)


def _mildest(found: list[tuple[float, Break]]) -> tuple[Break, ...]:
    """Keep the mildest break of each kind, mildest kind first."""
    best: dict[Change, Break] = {}
    for _, broken in sorted(found, key=lambda pair: pair[0]):
        best.setdefault(broken.change, broken)
    return tuple(best.values())
