# SPDX-License-Identifier: MIT
"""Stretches are those of the best path, end where windows end, and need strong evidence."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from unsung.runtime import load_bundle
from unsung.scanning.segments import (
    LEVEL,
    MOST,
    SWITCH,
    evidence_of,
    find_segments,
    segments_of,
    spans,
)


def windows_of(values, step_s=10.0):
    return [(index * step_s, float(value)) for index, value in enumerate(values)]


def best_by_trying(evidence, switch):
    """Every path there is: the sum of what its AI windows say less what its changes cost."""
    best, path = 0.0, (0,) * len(evidence)
    for states in itertools.product((0, 1), repeat=len(evidence)):
        changes = int(np.abs(np.diff((0, *states, 0))).sum())
        value = float(np.dot(states, evidence)) - switch * changes
        if value > best + 1e-12:
            best, path = value, states
    return path


@pytest.mark.parametrize("seed", range(12))
def test_the_path_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 1.2, 9)
    found = find_segments(windows_of(evidence), evidence, 90.0, 10.0, switch=0.7)
    states = np.zeros(9, int)
    for start, end in spans(found):
        states[round(start / 10) : round(end / 10)] = 1
    assert tuple(states) == best_by_trying(evidence, 0.7)


def test_a_stretch_has_its_ends_and_its_mean():
    values = [-1.0] * 4 + [3.0, 5.0, 4.0] + [-1.0] * 5
    evidence = evidence_of(values, human=-1.0, ai=1.0)
    (found,) = find_segments(windows_of(values), evidence, 120.0, 10.0)
    assert (found.start_s, found.end_s, found.logit) == (40.0, 70.0, 4.0)


def test_the_last_stretch_ends_with_the_sound():
    values = [-1.0, -1.0, 4.0, 4.0]
    evidence = evidence_of(values, human=-1.0, ai=1.0)
    (found,) = find_segments(windows_of(values), evidence, 44.5, 10.0)
    assert found.end_s == 44.5


def test_human_windows_have_none_and_weak_ones_neither():
    for values in ([-1.0] * 20, [0.0] * 20, [-1.0] * 9 + [0.9] + [-1.0] * 10):
        evidence = evidence_of(values, human=-1.0, ai=1.0)
        assert find_segments(windows_of(values), evidence, 200.0, 10.0) == ()


def test_a_gap_in_what_was_heard_ends_a_stretch():
    windows = [(0.0, 4.0), (10.0, 4.0), (100.0, 4.0), (110.0, 4.0)]
    evidence = evidence_of([4.0] * 4, human=-1.0, ai=1.0)
    found = find_segments(windows, evidence, 120.0, 10.0)
    assert spans(found) == [(0.0, 20.0), (100.0, 120.0)]


def test_dearer_changes_leave_fewer_stretches():
    rng = np.random.default_rng(0)
    evidence = rng.normal(0, 1, 60)
    counts = [
        len(find_segments(windows_of(evidence), evidence, 600.0, 10.0, switch=cost))
        for cost in (0.1, 0.5, 1.0, 3.0)
    ]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


def test_evidence_is_read_between_the_landmarks_and_kept_within_bounds():
    found = evidence_of([-1.0, 1.0, 100.0, -100.0], human=-1.0, ai=1.0)
    assert found.tolist() == [-LEVEL, 1 - LEVEL, MOST, -MOST]


def test_one_window_needs_far_more_than_a_threshold():
    """At the AI threshold itself a single window is no stretch: one in a hundred reaches it."""
    assert 1 - LEVEL < 2 * SWITCH


def test_the_packaged_detector_tells_stretches():
    bundle = load_bundle()
    low, high = -3.0, 8.0
    windows = windows_of([low] * 5 + [high] * 4 + [low] * 5)
    (found,) = segments_of(bundle, windows, 140.0)
    assert (found.start_s, found.end_s) == (50.0, 90.0)
    assert segments_of(bundle, windows_of([low] * 14), 140.0) == ()
    assert segments_of(bundle, [], 0.0) == ()
