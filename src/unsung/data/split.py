# SPDX-License-Identifier: MIT
"""Splits a manifest without leaks: what belongs together stays together.

Tracks that share a group, a recording or a pair (directly or through others) form one block; blocks
are dealt out, the largest first, each to the part that lacks the most of its labels. Shares are
met as well as the blocks allow.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from unsung.data.check import KEYS, leaks
from unsung.errors import ManifestError, UnknownName, UsageError
from unsung.types import Manifest, Track

__all__ = ["KEYS_ALLOWED", "blocks", "fold_parts", "parse_parts", "split", "split_counts"]

KEYS_ALLOWED = ("group", "recording", "pair_id", "generator", "family", "dataset", "sha256")
"""Fields that may hold tracks together."""


def fold_parts(folds: int) -> dict[str, float]:
    """Return equal parts named "0" to "k-1".

    >>> fold_parts(2)
    {'0': 0.5, '1': 0.5}
    """
    if folds < 2:
        raise UsageError(f"expected at least 2 folds, got {folds}")
    return {str(fold): 1 / folds for fold in range(folds)}


def parse_parts(text: str) -> dict[str, float]:
    """Read names and shares.

    >>> parse_parts("train=0.8, test=0.2")
    {'train': 0.8, 'test': 0.2}
    """
    parts: dict[str, float] = {}
    for piece in text.split(","):
        name, _, share = piece.partition("=")
        try:
            parts[name.strip()] = float(share)
        except ValueError as error:
            raise UsageError(
                f"expected parts like train=0.8,valid=0.1,test=0.1, got '{text}'"
            ) from error
    return parts


def split_counts(manifest: Manifest) -> dict[str, dict[str, int]]:
    """Return part → label → number of tracks."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for track in manifest:
        counts[track.split][track.label] += 1
    return {part: dict(counts[part]) for part in sorted(counts)}


def split(
    manifest: Manifest,
    parts: Mapping[str, float],
    *,
    by: Sequence[str] = KEYS,
    seed: int = 0,
    unseen: Sequence[str] = (),
    unseen_part: str = "test",
    together: Iterable[Sequence[str]] = (),
    keep: bool = True,
) -> Manifest:
    """Return the manifest with ``split`` set.

    Args:
        manifest: any.
        parts: name → share; shares are divided by their sum.
        by: fields whose equal values hold tracks together.
        seed: of the order among blocks of equal size.
        unseen: generators that only ``unseen_part`` may hold, with all that belongs to them.
        unseen_part: where they go.
        together: further sets of track ids to hold together (the same sound under two names).
        keep: leave the split of tracks that have one, and send what belongs to them there too.

    Raises:
        UsageError: shares or fields that cannot be meant.
        UnknownName: no such generator.
        ManifestError: kept splits leak among themselves: nothing can mend that but a new split.
    """
    if not parts or any(not share > 0 for share in parts.values()):
        raise UsageError(f"expected parts with shares above 0, got {dict(parts)}")
    for key in by:
        if key not in KEYS_ALLOWED:
            raise UnknownName("field to split by", key, KEYS_ALLOWED)
    _known(manifest, unseen)
    lots = blocks(manifest.tracks, by, together)
    places = _fixed(manifest.tracks, lots, keep, set(unseen), unseen_part)
    free = {part: share for part, share in parts.items() if not (unseen and part == unseen_part)}
    if not free:
        raise UsageError(f"expected a part beside '{unseen_part}', which holds the unseen")
    _deal(manifest.tracks, lots, places, parts, free=free, seed=seed)
    tracks = tuple(replace(t, split=places[lots[i]]) for i, t in enumerate(manifest.tracks))
    left = leaks(tracks, [key for key in by if key != "sha256"])
    if left:  # kept splits were checked above: only a fault of this module comes here
        raise AssertionError(left)
    return Manifest(manifest.name, manifest.version, tracks)


def blocks(
    tracks: Sequence[Track], by: Sequence[str] = KEYS, together: Iterable[Sequence[str]] = ()
) -> list[int]:
    """Return the block number of every track: connected by any shared value of any field."""
    parent = list(range(len(tracks)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[tuple[str, str], int] = {}
    for index, track in enumerate(tracks):
        for key in by:
            value = getattr(track, key)
            if value:
                parent[root(index)] = root(first.setdefault((key, value), index))
    sets = [list(ids) for ids in together]
    place = {track.id: index for index, track in enumerate(tracks)} if sets else {}
    for ids in sets:
        known = [place[name] for name in ids if name in place]
        for index in known[1:]:
            parent[root(index)] = root(known[0])
    return [root(index) for index in range(len(tracks))]


def _known(manifest: Manifest, unseen: Sequence[str]) -> None:
    present = {track.generator for track in manifest} - {""}
    for name in unseen:
        if name not in present:
            raise UnknownName("generator in this manifest", name, present)


def _fixed(
    tracks: Sequence[Track], lots: Sequence[int], keep: bool, unseen: set[str], unseen_part: str
) -> dict[int, str]:
    """Return the place of the blocks that have one already."""
    places: dict[int, str] = {}
    for lot, track in zip(lots, tracks, strict=True):
        if keep and track.split:
            known = places.setdefault(lot, track.split)
            if known != track.split:
                raise ManifestError(
                    f"track '{track.id}' is in split '{track.split}', what belongs to it in "
                    f"'{known}': the given splits leak; drop them with --resplit"
                )
    for lot, track in zip(lots, tracks, strict=True):
        if track.generator in unseen:
            if places.get(lot, unseen_part) != unseen_part:
                raise ManifestError(
                    f"track '{track.id}' of the unseen generator '{track.generator}' is in split "
                    f"'{places[lot]}'; drop the given splits with --resplit"
                )
            places[lot] = unseen_part
    return places


def _deal(
    tracks: Sequence[Track],
    lots: Sequence[int],
    places: dict[int, str],
    parts: Mapping[str, float],
    *,
    free: Mapping[str, float],
    seed: int,
) -> None:
    """Give every block without a place the part that lacks the most of its labels."""
    labels: dict[int, Counter[str]] = defaultdict(Counter)
    for lot, track in zip(lots, tracks, strict=True):
        labels[lot][track.label] += 1
    totals = sum(labels.values(), Counter[str]())
    whole = sum(parts.values())
    lack = {
        part: {label: parts[part] / whole * count for label, count in totals.items()}
        for part in free
    }
    for lot, part in places.items():
        for label, count in labels[lot].items():
            if part in lack:
                lack[part][label] -= count
    waiting = [lot for lot in labels if lot not in places]
    order = np.random.default_rng(seed).permutation(len(waiting))
    ranked = sorted((waiting[i] for i in order), key=lambda lot: -sum(labels[lot].values()))
    for lot in ranked:
        part = max(lack, key=lambda name: _gain(lack[name], labels[lot], totals))
        places[lot] = part
        for label, count in labels[lot].items():
            lack[part][label] -= count


def _gain(lack: Mapping[str, float], block: Mapping[str, int], totals: Mapping[str, int]) -> float:
    """Return how much nearer a block brings a part to its shares (rare labels count as much)."""
    return sum(
        (lack[label] ** 2 - (lack[label] - count) ** 2) / totals[label] ** 2
        for label, count in block.items()
    )
