# SPDX-License-Identifier: MIT
"""Passages against a fine grid and against answers anyone can draw on paper."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unsung.evaluation._checks import EvaluationError, OneClassError
from unsung.evaluation.discrimination import eer
from unsung.evaluation.localisation import (
    FrameCounts,
    frame_counts,
    passage_iou,
    segment_eer,
    window_labels,
)

passages = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda p: (p[0], p[0] + p[1])), max_size=5
)


def seconds(items):
    return {k for start, end in items for k in range(start, end)}


@settings(max_examples=80, deadline=None)
@given(passages, passages)
def test_iou_and_frames_against_sets_of_seconds(reference, estimate):
    a, b = seconds(reference), seconds(estimate)
    expected = len(a & b) / len(a | b) if a | b else 1.0
    assert passage_iou(reference, estimate) == pytest.approx(expected)
    counts = frame_counts(reference, estimate, 40.0, hop_s=0.5)
    assert counts.found == 2 * len(a & b)
    assert counts.missed == 2 * len(a - b)
    assert counts.false == 2 * len(b - a)
    assert counts.clear == 80 - 2 * len(a | b)


def test_perfect_missed_and_false():
    whole, nothing = [(0.0, 4.0)], []
    assert passage_iou(whole, whole) == 1
    assert passage_iou(whole, [(4.0, 8.0)]) == 0
    perfect = frame_counts(whole, whole, 8.0)
    assert (perfect.precision, perfect.recall, perfect.f1) == (1, 1, 1)
    silent = frame_counts(whole, nothing, 8.0)
    assert (silent.precision, silent.recall, silent.f1) == (0, 0, 0)
    false = frame_counts(nothing, whole, 8.0)
    assert (false.precision, false.recall) == (0, 1)
    quiet = frame_counts(nothing, nothing, 8.0)
    assert (quiet.precision, quiet.recall, quiet.f1) == (1, 1, 1)


def test_tracks_pool_by_adding():
    total = frame_counts([(0, 1)], [(0, 1)], 1.0) + frame_counts([(0, 1)], [], 1.0)
    assert (total.precision, total.recall) == (1, 0.5)
    assert FrameCounts.from_dict(json.loads(json.dumps(total.to_dict()))) == total


def test_windows_by_share():
    starts_s = [0.0, 1.0, 2.0, 3.0]
    reference = [(2.5, 4.0), (3.0, 9.0)]
    assert window_labels(reference, starts_s, 2.0).tolist() == [0, 1, 1, 1]
    assert window_labels(reference, starts_s, 2.0, min_share=0.5).tolist() == [0, 0, 1, 1]
    assert window_labels(reference, starts_s, 2.0, min_share=0.9).tolist() == [0, 0, 0, 1]


def test_segment_eer_pools_the_windows_of_all_tracks():
    rng = np.random.default_rng(0)
    references = [[(10.0, 20.0)], [], [(0.0, 30.0)]]
    windows = [[(float(t), float(rng.normal())) for t in range(0, 30, 2)] for _ in references]
    labels = [
        int(any(start < end and t + 2 > begin for begin, end in ref for start in [t]))
        for ref, track in zip(references, windows, strict=True)
        for t, _ in track
    ]
    scores = [score for track in windows for _, score in track]
    assert segment_eer(references, windows, 2.0) == pytest.approx(eer(labels, scores))


def test_wrong_input_is_named():
    with pytest.raises(EvaluationError, match=r"0 <= start_s < end_s, got \(3.0, 3.0\)"):
        passage_iou([(3.0, 3.0)], [])
    with pytest.raises(EvaluationError, match="0 <= start_s"):
        passage_iou([(-1.0, 3.0)], [])
    with pytest.raises(EvaluationError, match="duration and a hop above 0"):
        frame_counts([], [], 0.0)
    with pytest.raises(EvaluationError, match="window above 0"):
        window_labels([], [0.0], 0.0)
    with pytest.raises(EvaluationError, match="least share"):
        window_labels([], [0.0], 1.0, min_share=1.0)
    with pytest.raises(EvaluationError, match="expected 1 tracks with windows"):
        segment_eer([[]], [], 1.0)
    with pytest.raises(OneClassError, match="0 AI"):
        segment_eer([[]], [[(0.0, 1.0)]], 1.0)
    with pytest.raises(EvaluationError, match="at least one item"):
        segment_eer([[]], [[]], 1.0)
