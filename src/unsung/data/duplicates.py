# SPDX-License-Identifier: MIT
"""Finds the same sound under another name, codec, gain, rate or cut, by its fingerprints.

An inverted index of the words proposes pairs that agree at some shift; the bit error rate over the
whole overlap decides. Both follow Haitsma and Kalker (ISMIR 2002). Memory: 12 bytes a word for a
part of the index at a time. A resynthesis matches its original: that is the same music.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.data.cache import Cache
from unsung.data.fingerprint import HOP_S, Words, fingerprints
from unsung.errors import UsageError
from unsung.types import Failure, Record, Track

__all__ = ["MAX_ERROR", "MIN_OVERLAP_S", "Match", "bit_error_rate", "find_matches", "sound_pairs"]

MAX_ERROR = 0.30
"""Highest bit error rate of a match. Unrelated music has 0.5; among all pairs of 931 excerpts the
lowest proposed pair that was other music had 0.39; 95 % of re-encodings lay below 0.17."""
MIN_OVERLAP_S = 2.5
_VOTES = 2
"""Words that must agree at one shift before the overlap is looked at."""
_LAGS = 64
"""Each word is paired with so many later ones that equal it: frequent words say little."""
_SHIFTS = 3
_PART = 20_000_000
_COUNTS = np.array([bin(value).count("1") for value in range(256)], np.uint8)


@dataclass(frozen=True)
class Match(Record):
    """Two sounds (by index) that are one: ``b`` begins ``offset_s`` after ``a`` began."""

    a: int
    b: int
    offset_s: float
    overlap_s: float
    bit_error_rate: float


def find_matches(
    words: Sequence[Words], max_error: float = MAX_ERROR, min_overlap_s: float = MIN_OVERLAP_S
) -> list[Match]:
    """Return the pairs of sounds that share at least ``min_overlap_s``, ordered by index.

    Args:
        words: a fingerprint for each sound, ``[frame]``.
        max_error: highest share of bits that may differ.
        min_overlap_s: shorter overlaps match by chance; counted in frames, which takes 0.4 s of
            the sound for the first.

    Raises:
        UsageError: an error rate or overlap that cannot be meant.
    """
    if not 0 < max_error < 0.5 or min_overlap_s <= 0:
        raise UsageError(
            "expected a bit error rate between 0 and 0.5 and an overlap above 0 s, got "
            f"{max_error} and {min_overlap_s}"
        )
    least = max(1, round(min_overlap_s / HOP_S))
    found = []
    for a, b, shifts in _candidates(words):
        rated = [(*_best(words[a], words[b], shift, least), shift) for shift in shifts]
        error, overlap, at = min(((e, o, s) for e, o, s, _ in rated), default=(1.0, 0, 0))
        if error <= max_error:
            found.append(Match(a, b, at * HOP_S, overlap * HOP_S, round(error, 4)))
    return sorted(found, key=lambda match: (match.a, match.b))


def sound_pairs(tracks: Iterable[Track], cache: Cache, jobs: int = 1) -> list[tuple[str, str]]:
    """Return the ids of every two tracks that sound the same; unreadable files match nothing."""
    pairs = fingerprints(tracks, cache, jobs)
    heard = [(track.id, words) for track, words in pairs if not isinstance(words, Failure)]
    matches = find_matches([words for _, words in heard])
    return [(heard[match.a][0], heard[match.b][0]) for match in matches]


def bit_error_rate(a: Words, b: Words, shift: int) -> tuple[float, int]:
    """Return the share of differing bits where ``b`` begins ``shift`` frames after ``a``.

    Frames that are silent in either count for nothing.

    Returns:
        The rate (1.0 without any overlap), and the number of frames compared.
    """
    first = a[max(0, shift) :]
    second = b[max(0, -shift) :]
    count = min(len(first), len(second))
    first, second = first[:count], second[:count]
    sounding = (first != 0) & (second != 0)
    frames = int(sounding.sum())
    if not frames:
        return 1.0, 0
    differing = (first[sounding] ^ second[sounding]).view(np.uint8)
    return float(_COUNTS[differing].sum()) / (32 * frames), frames


def _best(a: Words, b: Words, shift: int, least: int) -> tuple[float, int, int]:
    """Return error, overlap and shift of the best of three neighbouring shifts."""
    tried = [(*bit_error_rate(a, b, at), at) for at in (shift - 1, shift, shift + 1)]
    return min(((e if frames >= least else 1.0), frames, at) for e, frames, at in tried)


def _candidates(words: Sequence[Words]) -> Iterator[tuple[int, int, list[int]]]:
    """Yield pairs of sounds with the shifts at which the most of their words agree."""
    total = sum(len(w) for w in words)
    if not total:
        return
    parts = max(1, -(-total // _PART))
    votes = [_agreements(words, part, parts) for part in range(parts)]
    pairs, shifts = (np.concatenate(column) for column in zip(*votes, strict=True))
    if not len(pairs):
        return
    order = np.lexsort((shifts, pairs))
    pairs, shifts = pairs[order], shifts[order]
    new = np.flatnonzero((np.diff(pairs, prepend=-1) != 0) | (np.diff(shifts, prepend=0) != 0))
    counts = np.diff(np.append(new, len(pairs)))
    pairs, shifts = pairs[new], shifts[new]
    # A shift between two frames spreads its votes over both.
    near = (pairs[1:] == pairs[:-1]) & (shifts[1:] == shifts[:-1] + 1)
    both = counts.copy()
    both[:-1] += np.where(near, counts[1:], 0)
    strong = both >= _VOTES
    pairs, shifts, both = pairs[strong], shifts[strong], both[strong]
    order = np.lexsort((-both, pairs))
    pairs, shifts = pairs[order], shifts[order]
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    for start, end in zip(starts, np.append(starts[1:], len(pairs)), strict=True):
        a, b = divmod(int(pairs[start]), len(words))
        yield a, b, [int(s) for s in shifts[start : min(end, start + _SHIFTS)]]


def _agreements(
    words: Sequence[Words], part: int, parts: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pair number (``a * n + b``, a < b) and shift of every two equal words."""
    values, owners, places = _index(words, part, parts)
    pairs: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    shifts: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for lag in range(1, _LAGS + 1):
        same = np.flatnonzero(values[lag:] == values[:-lag])
        if not len(same):
            break
        same = same[owners[same] != owners[same + lag]]
        # The index is sorted by word, then owner: a < b.
        a, b = owners[same].astype(np.int64), owners[same + lag].astype(np.int64)
        pairs.append(a * len(words) + b)
        shifts.append(places[same].astype(np.int64) - places[same + lag])
    return np.concatenate(pairs), np.concatenate(shifts)


def _index(
    words: Sequence[Words], part: int, parts: int
) -> tuple[Words, NDArray[np.int32], NDArray[np.int32]]:
    """Return words, their sounds and places, sorted; silence is left out."""
    kept = [np.flatnonzero((w % parts == part) & (w != 0)).astype(np.int32) for w in words]
    values = np.concatenate([w[k] for w, k in zip(words, kept, strict=True)])
    owners = np.repeat(np.arange(len(words), dtype=np.int32), [len(k) for k in kept])
    places = np.concatenate(kept)
    order = np.argsort(values, kind="stable")
    return values[order], owners[order], places[order]
