# SPDX-License-Identifier: MIT
"""Whether the AI passages of a partly AI track were found: in seconds, frames and windows.

Passages are ``(start_s, end_s)`` pairs in any order; overlapping ones count once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unsung.evaluation._checks import EvaluationError, Ints, as_scores, same_length
from unsung.evaluation.discrimination import eer
from unsung.types import Record

__all__ = ["FrameCounts", "Passages", "frame_counts", "passage_iou", "segment_eer", "window_labels"]

Passages: TypeAlias = Sequence[tuple[float, float]]


def passage_iou(reference: Passages, estimate: Passages) -> float:
    """Return the seconds in both over the seconds in either; 1 when both are empty.

    >>> passage_iou([(0.0, 10.0)], [(5.0, 15.0)])
    0.3333333333333333
    """
    either = _length_s([*reference, *estimate])
    if either == 0:
        return 1.0
    return max(0.0, _length_s(reference) + _length_s(estimate) - either) / either


@dataclass(frozen=True)
class FrameCounts(Record):
    """Frames by what is there and what was claimed; add the counts of tracks to pool them."""

    found: int
    missed: int
    false: int
    clear: int

    def __add__(self, other: FrameCounts) -> FrameCounts:
        return FrameCounts(
            self.found + other.found,
            self.missed + other.missed,
            self.false + other.false,
            self.clear + other.clear,
        )

    @property
    def precision(self) -> float:
        """Share of claimed frames that are AI; without a claim 1 if none is AI, else 0."""
        claimed = self.found + self.false
        return self.found / claimed if claimed else float(self.missed == 0)

    @property
    def recall(self) -> float:
        """Share of AI frames that were claimed; 1 if none is AI."""
        there = self.found + self.missed
        return self.found / there if there else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def frame_counts(
    reference: Passages, estimate: Passages, duration_s: float, *, hop_s: float = 0.02
) -> FrameCounts:
    """Compare frame by frame; a frame is AI when its middle lies in a passage.

    The default hop is the resolution of PartialSpoof (Zhang et al. 2023), 20 ms.

    >>> counts = frame_counts([(0.0, 1.0)], [(0.5, 1.5)], 2.0)
    >>> counts.precision, counts.recall
    (0.5, 0.5)
    """
    if not (duration_s > 0 and hop_s > 0 and math.isfinite(duration_s / hop_s)):
        raise EvaluationError(
            f"expected a duration and a hop above 0 s, got {duration_s} and {hop_s}"
        )
    n_frames = max(1, math.ceil(duration_s / hop_s - 1e-9))
    middles_s = (np.arange(n_frames, dtype=np.float64) + 0.5) * hop_s
    there, claimed = _inside(reference, middles_s), _inside(estimate, middles_s)
    found, missed = int(np.sum(there & claimed)), int(np.sum(there & ~claimed))
    false = int(np.sum(~there & claimed))
    return FrameCounts(found, missed, false, n_frames - found - missed - false)


def window_labels(
    reference: Passages, starts_s: ArrayLike, window_s: float, *, min_share: float = 0.0
) -> Ints:
    """Return 1 for each window of which more than a share is AI, else 0.

    The default 0 calls a window AI for any AI sound in it, as in PartialSpoof.

    Shape: ``[window]`` → ``[window]``.

    >>> window_labels([(3.0, 6.0)], [0.0, 2.0, 4.0, 6.0], 2.0).tolist()
    [0, 1, 1, 0]
    """
    starts = as_scores(starts_s, "window starts")
    if not window_s > 0:
        raise EvaluationError(f"expected a window above 0 s, got {window_s}")
    if not 0 <= min_share < 1:
        raise EvaluationError(f"expected a least share from 0 to below 1, got {min_share}")
    covered_s = np.zeros(starts.size)
    for start, end in _merged(reference):
        overlap = np.minimum(starts + window_s, end) - np.maximum(starts, start)
        covered_s += np.maximum(overlap, 0)
    return (covered_s > min_share * window_s + 1e-9).astype(np.int64)


def segment_eer(
    references: Sequence[Passages],
    windows: Sequence[Sequence[tuple[float, float]]],
    window_s: float,
    *,
    min_share: float = 0.0,
) -> float:
    """Return the EER over the windows of all tracks together (PartialSpoof's segment EER).

    ``windows`` holds ``(start_s, score)`` pairs for each track, as in `unsung.types.Score`.

    Shape: ``[track][passage]``, ``[track][window]`` → a number from 0 to 1.

    >>> segment_eer([[(2.0, 4.0)]], [[(0.0, -1.0), (2.0, 3.0)]], 2.0)
    0.0
    """
    same_length("tracks with windows", len(windows), len(references))
    labels: list[Ints] = []
    scores: list[float] = []
    for reference, track in zip(references, windows, strict=True):
        if track:
            starts_s = [start for start, _ in track]
            labels.append(window_labels(reference, starts_s, window_s, min_share=min_share))
            scores += [score for _, score in track]
    return eer(np.concatenate(labels) if labels else [], scores)


def _merged(passages: Passages) -> list[tuple[float, float]]:
    """Return the passages sorted, overlapping ones joined."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted((float(a), float(b)) for a, b in passages):
        if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end):
            raise EvaluationError(
                f"expected passages with 0 <= start_s < end_s, got ({start}, {end})"
            )
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _length_s(passages: Passages) -> float:
    return math.fsum(end - start for start, end in _merged(passages))


def _inside(passages: Passages, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside = np.zeros(times_s.size, dtype=bool)
    for start, end in _merged(passages):
        inside |= (times_s >= start) & (times_s < end)
    return inside
