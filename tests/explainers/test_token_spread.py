# SPDX-License-Identifier: MIT
"""How far relevance spreads: one moment, all moments, and nothing at all."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from unsung.types import Track

BENCH = Path(__file__).resolve().parents[2] / "bench" / "token_spread.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("token_spread", BENCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_effective_share_counts_moments_that_matter_alike(bench):
    for count in (1, 2, 5, 10):
        found = bench.effective_share(np.r_[np.full(count, 3.0), np.zeros(10 - count)])
        assert found == pytest.approx(count / 10)
    assert bench.effective_share([4.0, -9.0]) == pytest.approx(
        0.5
    )  # what speaks against is no part
    assert math.isnan(bench.effective_share([-1.0, 0.0]))


def test_strips_are_read_on_the_axis_that_they_resolve(bench):
    strips = np.zeros((2, 4, 8))
    strips[0, :, 3] = 1.0  # a temporal token: one moment, all bands
    strips[1, 1, :] = 1.0  # a spectral one: one band, all moments
    assert bench.shares(strips) == pytest.approx({"moments": 1 / 8, "bands": 1 / 4})
    assert bench.shares(np.ones((1, 4, 8))) == pytest.approx({"moments": 1.0, "bands": 1.0})


def test_tracks_are_drawn_from_pages_in_turn(bench):
    tracks = [
        Track(f"{page}{n}", "", label, group=page, use="full")
        for page, label, count in (("a", "ai", 9), ("b", "ai", 2), ("c", "human", 1))
        for n in range(count)
    ]
    found = bench.drawn(tracks, 4)
    assert [track.group for track in found] == ["c", "a", "b", "a", "b"]
