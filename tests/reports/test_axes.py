# SPDX-License-Identifier: MIT
import itertools

import numpy as np
import pytest

from unsung.reports.axes import Axis, Label, finite_range, place


def test_percent_stays_inside():
    axis = Axis(-2.0, 2.0)
    assert [axis.percent(v) for v in (-9, -2, 0, 2, 9)] == [0, 0, 50, 100, 100]
    assert Axis(1.0, 1.0).percent(1.0) == 50.0


def test_up_turns_high_to_the_top():
    assert Axis(0, 10).up(10, 5, 100) == 5
    assert Axis(0, 10).up(0, 5, 100) == 100


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.3, 7.1), (0, 16000), (-0.02, 0.013)])
def test_ticks_are_round_and_inside(low, high):
    ticks = Axis(low, high).ticks(6)
    assert 2 <= len(ticks) <= 14
    assert all(0 <= t.at <= 100 for t in ticks)
    assert len({t.text for t in ticks}) == len(ticks)
    assert any(not t.wide for t in ticks)


@pytest.mark.parametrize("end", [0.4, 8, 61, 600, 3599, 7300, 200_000])
def test_time_ticks_are_few_and_nested(end):
    ticks = Axis(0, end).time_ticks()
    assert 1 <= len(ticks) <= 12
    assert 1 <= sum(not t.wide for t in ticks) <= 6
    assert ticks[0].text == "0:00" and not ticks[0].wide


def test_hz_ticks_choose_their_unit():
    assert "10 kHz" in [t.text for t in Axis(0, 22050).hz_ticks(6)]
    assert "400 Hz" in [t.text for t in Axis(0, 1000).hz_ticks(5)]


@pytest.mark.parametrize("width", [240, 580, 820, 1600])
def test_placed_labels_never_overlap_and_stay_inside(width):
    rng = np.random.default_rng(3)
    labels = [
        Label(float(at), "11 025 Hz +12.3 dB", float(i))
        for i, at in enumerate(np.concatenate([rng.uniform(0, 100, 30), [0, 0.1, 99.9, 100]]))
    ]
    placed = place(labels, 3, width)
    half = len(labels[0].text) * 6.3 / 2
    assert placed
    for row in range(3):
        middles = sorted(p.x / 100 * width for p in placed if p.row == row)
        assert all(b - a >= 2 * half for a, b in itertools.pairwise(middles))
        assert all(half <= m <= width - half for m in middles)
    # leaders do not cross: labels stand in the order of their places
    assert [p.index for p in placed] == sorted(
        (p.index for p in placed), key=lambda i: labels[i].at
    )


def test_heaviest_label_wins_and_too_wide_ones_are_dropped():
    labels = [Label(50, "x" * 20, 1.0), Label(50, "y" * 20, 2.0), Label(5, "z" * 90, 9.0)]
    assert [p.index for p in place(labels, 1, 140)] == [1]


def test_finite_range_skips_what_is_not_a_number():
    assert finite_range([np.nan, 2.0, -1.0, np.inf], (0, 1)) == (-1.0, 2.0)
    assert finite_range([np.nan], (0.0, 1.0)) == (0.0, 1.0)
