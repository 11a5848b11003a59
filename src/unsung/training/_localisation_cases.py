# SPDX-License-Identifier: MIT
"""Which tracks the study of partly AI music builds: whole, spliced, growing shares, and mixes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from unsung.training.material import Material
from unsung.types import Track

__all__ = ["MIX_DB", "SHARES", "SPLICES_S", "Case", "cases"]

SPLICES_S = (10.0, 20.0, 40.0)
SPLICED_S = 120.0
"""Length of the human track that an AI part is set into."""

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
SHARED_S = 50.0
"""Length of the tracks whose AI share grows: as much as one generator's page holds."""

MIX_DB = (-12.0, -6.0, 0.0, 6.0, 12.0)
"""Level of the AI sound over the human sound."""


@dataclass(frozen=True)
class Case:
    """One track to build.

    Attributes:
        key: names it in the kept scores.
        kind: "whole", "splice", "share" or "mix".
        fold: whose bundle has seen none of it.
        human: path of the human sound; empty for none.
        human_s: seconds of it that are used; None takes all.
        ai: paths of excerpts of one generator, in order.
        ai_s: seconds of them.
        start_s: where they begin.
        strength: splice and share: `ai_s` or the share; mix: dB of AI over human.
        generator: whose sound it is.
        group: the human source page.
    """

    key: str
    kind: str
    fold: int
    human: str = ""
    human_s: float | None = None
    ai: tuple[str, ...] = ()
    ai_s: float = 0.0
    start_s: float = 0.0
    strength: float = 0.0
    generator: str = ""
    group: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what a kept row says of its case."""
        names = ("kind", "fold", "strength", "generator", "group")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class _Voice:
    """The excerpts of one generator on one page, and how long they are together."""

    generator: str
    fold: int
    paths: tuple[str, ...]
    seconds: float


def cases(material: Material, n: int, seed: int = 0) -> list[Case]:
    """Return the cases: all whole human tracks, and `n` of every other kind and strength."""
    rng = np.random.default_rng(seed)
    whole = [
        (track, int(fold))
        for track, kind, fold in zip(material.tracks, material.kind, material.folds, strict=True)
        if kind == "full"
    ]
    whole = [whole[int(i)] for i in rng.permutation(len(whole))]
    table = [t for t, kind in zip(material.tracks, material.kind, strict=True) if kind == "table"]
    voices = _voices(table)
    found = _splices(whole, voices, n, rng) + _shares(whole, voices, n, rng)
    found += _mixes(table, n, np.random.default_rng([seed, 1]))
    found += [Case(f"whole|{t.id}", "whole", fold, t.path, group=t.group) for t, fold in whole]
    return found


def _voices(table: Sequence[Track]) -> list[_Voice]:
    pages: dict[tuple[str, str, int], list[Track]] = defaultdict(list)
    for track in table:
        if track.label == "ai" and track.use == "full":
            pages[track.group, track.generator, int(track.split)].append(track)
    return [
        _Voice(generator, fold, tuple(t.path for t in tracks), _seconds(tracks))
        for (_, generator, fold), tracks in sorted(pages.items())
    ]


def _seconds(tracks: Sequence[Track]) -> float:
    return sum(track.duration_s or 0.0 for track in tracks)


def _pairs(
    whole: Sequence[tuple[Track, int]],
    voices: Sequence[_Voice],
    n: int,
    least_s: tuple[float, float],
    rng: np.random.Generator,
) -> list[tuple[Track, _Voice]]:
    """Draw human tracks and voices of one fold, both long enough; voices take turns."""
    human_s, ai_s = least_s
    long = [(t, fold) for t, fold in whole if (t.duration_s or _length_s(t.path)) >= human_s]
    fit = [voice for voice in voices if voice.seconds >= ai_s]
    pairs: list[tuple[Track, _Voice]] = []
    for turn in range(n):
        voice = fit[turn % len(fit)]
        same = [t for t, fold in long if fold == voice.fold]
        if same:
            pairs.append((same[int(rng.integers(len(same)))], voice))
    return pairs


@cache
def _length_s(path: str) -> float:
    import soundfile

    duration: float = soundfile.info(path).duration
    return duration


def _splices(
    whole: Sequence[tuple[Track, int]],
    voices: Sequence[_Voice],
    n: int,
    rng: np.random.Generator,
) -> list[Case]:
    found = []
    for ai_s in SPLICES_S:
        for number, (track, voice) in enumerate(_pairs(whole, voices, n, (SPLICED_S, ai_s), rng)):
            start = float(rng.uniform(5.0, SPLICED_S - ai_s - 5.0))
            key = f"splice|{ai_s:g}|{number}|{track.id}|{voice.generator}"
            found.append(
                Case(
                    key, "splice", voice.fold, track.path, SPLICED_S, voice.paths, ai_s,
                    round(start, 2), ai_s, voice.generator, track.group,
                )
            )  # fmt: skip
    return found


def _shares(
    whole: Sequence[tuple[Track, int]],
    voices: Sequence[_Voice],
    n: int,
    rng: np.random.Generator,
) -> list[Case]:
    found = []
    for number, (track, voice) in enumerate(_pairs(whole, voices, n, (SHARED_S,) * 2, rng)):
        for share in SHARES:
            ai_s = share * SHARED_S
            key = f"share|{share:g}|{number}|{track.id}|{voice.generator}"
            paths = voice.paths if share else ()
            found.append(
                Case(
                    key, "share", voice.fold, track.path, SHARED_S, paths, ai_s,
                    0.0, share, voice.generator, track.group,
                )
            )  # fmt: skip
    return found


def _mixes(table: Sequence[Track], n: int, rng: np.random.Generator) -> list[Case]:
    """Pair every drawn AI excerpt with a human one of its fold."""
    ai = [t for t in table if t.label == "ai" and t.use == "full"]
    human = [t for t in table if t.label == "human"]
    found = []
    for number, place in enumerate(rng.permutation(len(ai))[:n]):
        track = ai[int(place)]
        same = [t for t in human if t.split == track.split]
        partner = same[int(rng.integers(len(same)))]
        for level in MIX_DB:
            key = f"mix|{level:g}|{number}|{track.id}|{partner.id}"
            found.append(
                Case(
                    key, "mix", int(track.split), partner.path, None, (track.path,), 0.0,
                    0.0, level, track.generator, partner.group,
                )
            )  # fmt: skip
        for kind, one in (("alone ai", track), ("alone human", partner)):
            key = f"{kind}|{number}|{one.id}"
            found.append(
                Case(
                    key, kind, int(track.split), one.path, generator=track.generator,
                    group=partner.group,
                )
            )  # fmt: skip
    return found
