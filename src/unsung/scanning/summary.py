# SPDX-License-Identifier: MIT
"""Counts a catalogue in one stream: verdicts, distributions, drift, labels, share of AI tracks.

Memory does not grow with the catalogue but for one index (16 bytes a track): distributions are
histograms, names beyond the most frequent are added up, drift and shares use an even sample.
Where a path stands twice in the file, its newest row counts. Copies with the very same bytes count
as tracks in the catalogue's totals, but once in drift and shares.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.evaluation.proportions import Interval, wilson
from unsung.runtime import load_bundle
from unsung.scanning.calibration import recalibrated
from unsung.scanning.drift import Change, Stretch, change, group_means, stretches
from unsung.scanning.output import newest_rows
from unsung.scanning.prevalence import Reference, likelihood_share, rogan_gladen_share
from unsung.scanning.settings import FileFacts, Settings
from unsung.types import Record, Score

__all__ = ["LOGIT_STEP", "GroupCount", "Summary", "summarise"]

LOGIT_STEP = 0.5
"""Width of one bin of the logits' histogram."""

MOST_NAMES = 20_000
"""Different artists, labels or folders that are counted apart; later ones are added up."""

SAMPLE = 20_000
"""Tracks behind drift and shares: an even sample; more would not move an interval visibly."""

SHOWN = 25
_LIMIT = 60.0  # logits beyond are counted in the last bin


@dataclass(frozen=True)
class GroupCount(Record):
    """One artist, label or folder: its tracks and the share that is called AI."""

    name: str
    n: int
    ai: int
    human: int
    undecided: int
    share: Interval


@dataclass(frozen=True)
class Summary(Record):
    """What the page shows; ``groups`` maps label, artist and folder to their counts."""

    detector: str
    false_alarm_rate: float
    threshold: float | None
    n_tracks: int
    n_other: int
    hours: float
    n_duplicates: int
    n_trained: int
    n_damaged: int
    verdicts: dict[str, int]
    errors: dict[str, int]
    logits: dict[str, int]
    probabilities: tuple[int, ...]
    calibration: str
    groups: dict[str, tuple[GroupCount, ...]]
    n_names: dict[str, int]
    by_order: tuple[Stretch, ...]
    by_date: tuple[Stretch, ...]
    order_change: Change | None
    date_change: Change | None
    n_sampled: int
    n_groups: int
    counted: Interval | None
    corrected: Interval | None
    likelihood: Interval | None
    why_no_share: str = ""


def summarise(scores: Path, settings: Settings, *, seed: int = 0) -> Summary:
    """Count what a scan has written.

    Args:
        scores: JSON Lines of a scan or a catalogue.
        settings: of the scan; its bundle's calibration logits correct the share.
        seed: of the sample and the intervals.

    Raises:
        UsageError: no such file, or no rows in it.
    """
    bundle = recalibrated(load_bundle(settings.bundle), settings.calibration, settings.fast)
    counts = _Counts(np.random.default_rng(seed), bundle.trained_on)
    for score, facts in newest_rows(scores):
        counts.add(score, facts)
    if not counts.n:
        raise UsageError(f"{scores}: expected rows of a scan, got none; scan something first")
    # One threshold for the share: that of tracks as long as these are on average.
    typical_s = counts.seconds / counts.n
    threshold = bundle.thresholds(settings.false_alarm_rate, typical_s).ai_logit
    return counts.finish(settings, threshold, bundle.calibration_of(typical_s), seed)


@dataclass
class _Counts:
    """Everything that is added up while the rows pass."""

    rng: np.random.Generator
    trained_on: Callable[[str], bool]
    n: int = 0
    trained: int = 0
    seconds: float = 0.0
    duplicates: int = 0
    damaged: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    detectors: Counter[str] = field(default_factory=Counter)
    logits: Counter[int] = field(default_factory=Counter)
    probabilities: Counter[int] = field(default_factory=Counter)
    calibration: str = ""
    names: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: {"label": {}, "artist": {}, "folder": {}}
    )
    sample: list[tuple[float, float, float, str]] = field(default_factory=list)
    offered: int = 0

    def add(self, score: Score, facts: FileFacts) -> None:
        """Count one track."""
        self.n += 1
        kind = score.state
        self.verdicts[kind] += 1
        self.damaged += score.damaged
        self.detectors[score.detector] += 1
        self.seconds += score.duration_s or score.covered_s
        self.duplicates += bool(facts.duplicate_of)
        if score.error is not None and not score.damaged:
            self.errors[score.error.type] += 1
        if kind in ("failed", "unrated"):
            return
        for field_name, name in _names(score, facts).items():
            self._name(field_name, name, kind)
        if score.logit is None or not math.isfinite(score.logit):
            return
        self.logits[math.floor(max(-_LIMIT, min(_LIMIT, score.logit)) / LOGIT_STEP)] += 1
        if score.probability is not None:
            self.probabilities[min(19, int(score.probability * 20))] += 1
            self.calibration = score.calibration
        learned = self.trained_on(score.sha256)  # a detector is surer of what it has heard before
        self.trained += learned
        if score.llr_nats is not None and not facts.duplicate_of and not learned:
            self._offer(score.logit, facts, _group(score, facts))

    def _name(self, field_name: str, name: str, kind: str) -> None:
        held = self.names[field_name]
        if not name:
            return
        if name not in held and len(held) >= MOST_NAMES:
            name = ""
        held.setdefault(name, Counter())[kind] += 1

    def _offer(self, logit: float, facts: FileFacts, group: str) -> None:
        """Keep an even sample of all tracks (reservoir sampling, Vitter 1985)."""
        changed = facts.modified_ns
        row = (float(logit), float(self.n), math.nan if changed is None else changed / 1e9, group)
        self.offered += 1
        if len(self.sample) < SAMPLE:
            self.sample.append(row)
            return
        at = int(self.rng.integers(self.offered))
        if at < SAMPLE:
            self.sample[at] = row

    def finish(
        self, settings: Settings, threshold: float | None, known: dict[str, Any], seed: int
    ) -> Summary:
        """Return the summary."""
        logit = np.array([row[0] for row in self.sample])
        order = np.array([row[1] for row in self.sample])
        date = np.array([row[2] for row in self.sample])
        group = np.array([row[3] for row in self.sample])
        dated = np.isfinite(date)
        shares, why = _shares(logit, group, threshold, known, seed)
        return Summary(
            detector=self.detectors.most_common(1)[0][0],
            false_alarm_rate=settings.false_alarm_rate,
            threshold=threshold,
            n_tracks=self.n,
            n_other=self.n - self.detectors.most_common(1)[0][1],
            hours=self.seconds / 3600,
            n_duplicates=self.duplicates,
            n_trained=self.trained,
            n_damaged=self.damaged,
            verdicts=dict(self.verdicts),
            errors=dict(self.errors.most_common()),
            logits={str(number): self.logits[number] for number in sorted(self.logits)},
            probabilities=tuple(self.probabilities[number] for number in range(20)),
            calibration=self.calibration,
            groups={name: _ranked(held) for name, held in self.names.items()},
            n_names={name: len(held) for name, held in self.names.items()},
            by_order=stretches(order, logit, threshold) if logit.size else (),
            by_date=stretches(date[dated], logit[dated], threshold) if dated.any() else (),
            order_change=_change(order, logit, group),
            date_change=_change(date[dated], logit[dated], group[dated]),
            n_sampled=len(self.sample),
            n_groups=len(set(group.tolist())),
            counted=shares[0],
            corrected=shares[1],
            likelihood=shares[2],
            why_no_share=why,
        )


def _change(
    places: NDArray[np.float64], logits: NDArray[np.float64], groups: NDArray[np.str_]
) -> Change | None:
    return change(*group_means(places, logits, groups)) if logits.size else None


def _shares(
    logits: NDArray[np.float64],
    groups: NDArray[np.str_],
    threshold: float | None,
    known: dict[str, Any],
    seed: int,
) -> tuple[tuple[Interval | None, Interval | None, Interval | None], str]:
    """Return the counted, the corrected and the likeliest share, or why there is none."""
    if not logits.size:
        return (
            None,
            None,
            None,
        ), "no track has a calibrated score that the detector has not learned from"
    try:
        reference = Reference(
            np.asarray(known.get("human_logits", ()), dtype=np.float64),
            np.asarray(known.get("ai_logits", ()), dtype=np.float64),
        )
    except UsageError as error:
        return (None, None, None), str(error)
    likeliest = likelihood_share(logits, groups, reference, seed=seed)
    if threshold is None:
        return (None, None, likeliest), "no threshold is available at this false-alarm rate"
    counted = wilson(int(np.sum(logits >= threshold)), int(logits.size))
    corrected = rogan_gladen_share(logits, groups, reference, threshold, seed=seed)
    return (counted, corrected, likeliest), ""


def _names(score: Score, facts: FileFacts) -> dict[str, str]:
    tags = facts.metadata
    return {
        "label": tags.label,
        "artist": tags.album_artist or tags.artist,
        "folder": str(PurePosixPath(score.path.replace("\\", "/")).parent),
    }


def _group(score: Score, facts: FileFacts) -> str:
    """Name what a track was made together with: its artist, else its folder."""
    names = _names(score, facts)
    return names["artist"] or names["folder"]


def _ranked(held: dict[str, Counter[str]]) -> tuple[GroupCount, ...]:
    """Return the names whose share is surely high first: by the low end of the interval."""
    found = []
    for name, kinds in held.items():
        total = kinds.total()
        share = wilson(kinds["ai"], total)
        found.append(
            GroupCount(name, total, kinds["ai"], kinds["human"], kinds["undecided"], share)
        )
    found.sort(key=lambda item: (item.name == "", -item.share.low, -item.n, item.name))
    return tuple(found[:SHOWN])
