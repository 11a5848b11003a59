# SPDX-License-Identifier: MIT
"""Finds the stretches of a track that measure like AI, from its window logits.

A hidden Markov model of two states, read by the Viterbi algorithm (Rabiner, "A Tutorial on Hidden
Markov Models", 1989): each window's evidence speaks for one state, each change of state costs. A
stretch is told only where its windows together outweigh both of its ends; the cost is set so that
at most one whole human recording in a hundred gets a stretch (results/localisation). Evidence is
read on the detector's own scale, between a typical human logit and the AI threshold at 1 % false
alarms, so that a detector built again needs no other constants. Units: s, logits.
When not to use: on mixes of AI and human sound at one time, which have no stretches; and for
anything shorter than a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unsung.types import Segment

if TYPE_CHECKING:
    from unsung.runtime import Bundle

__all__ = ["LEVEL", "SWITCH", "evidence_of", "find_segments", "segments_of", "spans"]

RATE = 0.01
LEVEL = 1.0
"""Where between a typical human logit (0) and the AI threshold (1) a window speaks for neither: a
window at the threshold itself, which one human recording in a hundred reaches."""

SWITCH = 0.5
"""What entering or leaving an AI-like stretch costs, in the same unit. Level (0.5 to 1.1 tried) and
cost (0.3 to 1.3) were chosen on the splices of results/localisation and on the human stretches
around them, where these are the cheapest pair without a false stretch; whole tracks are the check.
"""

GAP = 1.55
"""Windows further apart than so many windows are not neighbours."""

MOST = 2.0
"""No window says more than this: one loud chord must not make a stretch by itself."""


def segments_of(
    bundle: Bundle, windows: Sequence[tuple[float, float]], end_s: float
) -> tuple[Segment, ...]:
    """Return a track's AI-like stretches, none where the bundle is not calibrated.

    Args:
        bundle: the detector whose windows they are.
        windows: ``(start_s, logit)`` in order.
        end_s: end of what was heard.
    """
    limits = bundle.thresholds(RATE, bundle.window_s)
    human = bundle.calibration_of(bundle.window_s).get("human_logits")
    if limits.ai_logit is None or not human or not windows:
        return ()
    evidence = evidence_of(
        [logit for _, logit in windows], float(np.median(human)), limits.ai_logit
    )
    return find_segments(windows, evidence, end_s, bundle.window_s)


def evidence_of(
    logits: Sequence[float], human: float, ai: float, level: float = LEVEL
) -> NDArray[np.float64]:
    """Return what each window says for AI; 0 is neither. Shape: ``[window]`` → ``[window]``."""
    place = (np.asarray(logits, np.float64) - human) / max(ai - human, 1e-6)
    return np.clip(place - level, -MOST, MOST)


def find_segments(
    windows: Sequence[tuple[float, float]],
    evidence: NDArray[np.float64],
    end_s: float,
    window_s: float,
    switch: float = SWITCH,
) -> tuple[Segment, ...]:
    """Return the stretches of the best path.

    A track's first and last window have one neighbour; its ends are as dear as any other, so that
    a stretch needs the same evidence wherever it lies. A gap between windows ends a stretch.

    Shape: evidence ``[window]``.
    """
    found = []
    for part in _connected(windows, window_s):
        for first, last in _stretches(evidence[part], switch):
            inside = windows[part.start + first : part.start + last + 1]
            following = part.start + last + 1
            end = windows[following][0] if following < part.stop else None
            if end is None:
                end = end_s if part.stop == len(windows) else inside[-1][0] + window_s
            mean = float(np.mean([logit for _, logit in inside]))
            found.append(Segment(inside[0][0], round(end, 3), round(mean, 4)))
    return tuple(found)


def spans(segments: Sequence[Segment]) -> list[tuple[float, float]]:
    """Return ``(start_s, end_s)`` pairs, as `unsung.evaluation.localisation` takes them."""
    return [(segment.start_s, segment.end_s) for segment in segments]


def _connected(windows: Sequence[tuple[float, float]], window_s: float) -> list[slice]:
    """Cut where the track was not heard in between (a fast scan). The last window may be long."""
    starts = [start for start, _ in windows]
    cuts = [i for i in range(1, len(starts)) if starts[i] - starts[i - 1] > GAP * window_s]
    edges = [0, *cuts, len(starts)]
    return [slice(a, b) for a, b in pairwise(edges)]


def _stretches(evidence: NDArray[np.float64], switch: float) -> list[tuple[int, int]]:
    """Return first and last window of each AI stretch of the best path (Viterbi, two states)."""
    scores = np.array([0.0, -switch])  # human and AI before the first window
    came = np.zeros((len(evidence), 2), np.intp)
    for index, value in enumerate(evidence):
        stay, move = scores, scores[::-1] - switch
        if index == 0:
            stay, move = scores, np.full(2, -np.inf)  # the price of starting in AI is paid
        came[index] = np.where(stay >= move, [0, 1], [1, 0])
        scores = np.maximum(stay, move) + np.array([0.0, value])
    state = int(scores[1] - switch > scores[0])
    states = np.zeros(len(evidence), bool)
    for index in range(len(evidence) - 1, -1, -1):
        states[index] = state == 1
        state = int(came[index, state])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], states.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
