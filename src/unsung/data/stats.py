# SPDX-License-Identifier: MIT
"""What a manifest holds, counted: labels, generators, splits, hours, formats, licences, confounds.

Only the rows are read, no sound: build or check the manifest first, so that they are measured.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from unsung.data.confounds import Confound, confounds
from unsung.types import Manifest, Record, Track

__all__ = ["Cell", "Histogram", "Stats", "stats"]

_PROPERTIES = ("codec", "sample_rate_hz", "channels", "licence", "family", "use", "dataset")
_NUMBERS = {"duration_s": "s", "bitrate_kbps": "kbit/s"}
_BINS = 24


@dataclass(frozen=True)
class Cell(Record):
    """One combination of label, generator and split."""

    label: str
    generator: str
    split: str
    n: int
    n_groups: int
    hours: float


@dataclass(frozen=True)
class Histogram(Record):
    """Counts of a number by label between ``edges``; the last bin also holds what is larger."""

    name: str
    unit: str
    edges: tuple[float, ...]
    counts: dict[str, list[int]] = field(default_factory=dict)
    n_unknown: int = 0


@dataclass(frozen=True)
class Stats(Record):
    """All counts of one manifest; ``properties`` is name → value → label → count."""

    manifest: str
    version: str
    sha256: str
    n: int
    n_groups: int
    hours: float
    labels: dict[str, int]
    cells: tuple[Cell, ...]
    properties: dict[str, dict[str, dict[str, int]]]
    histograms: tuple[Histogram, ...]
    confounds: tuple[Confound, ...]


def stats(manifest: Manifest, seed: int = 0) -> Stats:
    """Count a manifest; ``seed`` is that of the confound model's folds and resamples."""
    tracks = manifest.tracks
    return Stats(
        manifest.name,
        manifest.version,
        manifest.sha256,
        n=len(tracks),
        n_groups=len({track.group for track in tracks} - {""}),
        hours=_hours(tracks),
        labels=dict(Counter(track.label for track in tracks).most_common()),
        cells=tuple(_cells(tracks)),
        properties={name: _property(tracks, name) for name in _PROPERTIES},
        histograms=tuple(_histogram(tracks, name, unit) for name, unit in _NUMBERS.items()),
        confounds=tuple(confounds(tracks, seed)),
    )


def _hours(tracks: Iterable[Track]) -> float:
    return sum(track.duration_s or 0.0 for track in tracks) / 3600


def _cells(tracks: Iterable[Track]) -> list[Cell]:
    lots: dict[tuple[str, str, str], list[Track]] = defaultdict(list)
    for track in tracks:
        lots[track.label, track.generator, track.split].append(track)
    return [
        Cell(*key, len(lot), len({t.group for t in lot if t.group}), _hours(lot))
        for key, lot in sorted(lots.items())
    ]


def _property(tracks: Iterable[Track], name: str) -> dict[str, dict[str, int]]:
    """Return value → label → count, the most frequent value first; unstated ones as "?"."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for track in tracks:
        value = getattr(track, name)
        counts["?" if value in ("", None) else str(value).split("@")[0]][track.label] += 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return {value: dict(by_label) for value, by_label in ranked}


def _histogram(tracks: Sequence[Track], name: str, unit: str) -> Histogram:
    """Count between round edges up to the 99th percentile: one long file hides no others."""
    values = np.array([np.nan if getattr(t, name) is None else getattr(t, name) for t in tracks])
    known = np.isfinite(values)
    if not known.any():
        return Histogram(name, unit, (), n_unknown=len(tracks))
    top = max(float(np.quantile(values[known], 0.99)) * 1.02, 1e-6)
    edges = np.linspace(0.0, top, _BINS + 1)
    labels = np.array([track.label for track in tracks])
    counts = {
        str(label): [
            int(n) for n in np.histogram(values[known & (labels == label)].clip(0, top), edges)[0]
        ]
        for label in sorted(set(labels))
    }
    return Histogram(name, unit, tuple(edges.round(6).tolist()), counts, int((~known).sum()))
