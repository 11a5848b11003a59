# SPDX-License-Identifier: MIT
"""Which window of which track comes when: a function of the seed and the epoch alone.

Without balance an epoch is a permutation: every track as often as `windows` says. With balance it
is as long, but drawn with replacement so that every class, within it every family, within it every
group comes equally often (as the recipe names them): a page of 200 clips counts like one of three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.types import Track

__all__ = ["Draw", "Share", "chances", "epoch_draws", "mixed_seed", "step_draws"]


@dataclass(frozen=True)
class Draw:
    """One window to be heard: row of the track, and the seed of all that is random in it."""

    row: int
    seed: int


@dataclass(frozen=True)
class Share:
    """The part of each step that one process does: its rank among so many."""

    rank: int = 0
    world: int = 1


def mixed_seed(*parts: int) -> int:
    """Return one seed of several numbers; neighbours have nothing in common.

    >>> mixed_seed(0, 1) == mixed_seed(0, 1), mixed_seed(0, 1) == mixed_seed(1, 0)
    (True, False)
    """
    return int(np.random.SeedSequence(list(parts)).generate_state(1)[0])


def chances(
    tracks: Sequence[Track], positive: Sequence[str], balance: Sequence[str]
) -> NDArray[np.float64]:
    """Return each track's chance. Shape: ``[track]``, sums to 1."""
    weight = np.ones(len(tracks))
    keys: list[tuple[str, ...]] = [() for _ in tracks]
    for level in balance:
        finer = [
            (*key, _value(track, level, positive)) for key, track in zip(keys, tracks, strict=True)
        ]
        siblings = Counter(key[:-1] for key in set(finer))
        weight /= np.array([siblings[key] for key in keys])
        keys = finer
    size = Counter(keys)
    weight /= np.array([size[key] for key in keys])
    return np.asarray(weight / weight.sum())


def epoch_draws(
    weights: NDArray[np.float64] | None, tracks: int, windows: int, seed: int, epoch: int
) -> list[Draw]:
    """Return the draws of one epoch in order; ``weights`` None gives a permutation."""
    rng = np.random.default_rng((seed, 1, epoch))
    count = tracks * windows
    if weights is None:
        rows = rng.permutation(np.repeat(np.arange(tracks), windows))
    else:
        # Systematic draws: expected counts to within one, unlike independent ones.
        points = (rng.random() + np.arange(count)) / count
        ends = np.cumsum(weights)
        rows = np.minimum(np.searchsorted(ends / ends[-1], points, side="right"), tracks - 1)
        rows = rng.permutation(rows)
    seeds = rng.integers(0, 2**62, count)
    return [Draw(int(row), int(value)) for row, value in zip(rows, seeds, strict=True)]


def step_draws(
    draws: Sequence[Draw], batch: int, accumulate: int, share: Share
) -> list[list[list[Draw]]]:
    """Return for each step the parts of this process. Shape: ``[step][part][window]``.

    The last step is filled from the epoch's beginning, so that every step has the same size; every
    process does as many.
    """
    if not draws:
        raise UsageError("expected at least one training window, got none; see data.manifests")
    whole = list(draws)
    while len(whole) % batch:
        whole += draws[: batch - len(whole) % batch]
    part = batch // (accumulate * share.world)
    steps = []
    for start in range(0, len(whole), batch):
        step = whole[start : start + batch]
        pieces = [step[i : i + part] for i in range(0, batch, part)]
        steps.append([pieces[share.rank + share.world * k] for k in range(accumulate)])
    return steps


def _value(track: Track, level: str, positive: Sequence[str]) -> str:
    if level == "class":
        return str(track.label in positive)
    if level == "family":
        return track.family or track.generator
    return str(getattr(track, level))
