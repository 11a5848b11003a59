# SPDX-License-Identifier: MIT
"""The search over shifts: it finds a moved comb where it was moved to, and joins two scores."""

from __future__ import annotations

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.runtime.shift import HOLE, REACH, STEP, Join, ShiftSearch

AXES = [np.arange(250.0, 8000.0, 1.953125), np.arange(250.0, 8000.0, 0.9765625)]


def comb(axis, spacing_hz=187.0, factor=1.0):
    """A triangular line of two bins at every multiple of a spacing."""
    step = axis[1] - axis[0]
    teeth = np.arange(spacing_hz, 9000, spacing_hz) * factor
    distance = np.abs(axis[:, None] - teeth[None]).min(axis=1) / step
    return np.maximum(0, 1 - distance / 2).astype(np.float32)[None]


@pytest.fixture(scope="module")
def search():
    means = [np.zeros((1, len(axis)), np.float32) for axis in AXES]
    return ShiftSearch(AXES, [comb(axis) for axis in AXES], means)


@pytest.mark.parametrize("factor", [0.94, 1.01, 1.0595, 1.075])
def test_a_moved_comb_is_found_where_it_was_moved_to(search, factor):
    score, shift = search.best([comb(axis, factor=factor) for axis in AXES])
    assert shift == pytest.approx(np.log(factor), abs=3 * STEP)
    away, _ = search.best([comb(axis, spacing_hz=131.0, factor=factor) for axis in AXES])
    assert score > 1.5 * away


def test_the_curve_is_the_plain_sum_over_moved_bins(search):
    rng = np.random.default_rng(0)
    pictures = [rng.standard_normal((1, len(axis))).astype(np.float32) for axis in AXES]
    curve = search.curve(pictures)
    assert len(curve) == len(search.shifts) == 2 * round(REACH / STEP) + 1
    grid = np.exp(np.arange(np.log(250.0), np.log(min(a[-1] for a in AXES)), STEP))
    for index in (0, 100, 800, 1300, len(curve) - 1):
        steps = round(search.shifts[index] / STEP)
        slow = 0.0
        for axis, picture, template in zip(AXES, pictures, search.weights, strict=True):
            read = np.interp(grid, axis, picture[0]) * grid * STEP / (axis[1] - axis[0])
            weight = np.interp(grid, axis, template[0])
            places = np.arange(len(grid)) - steps
            inside = (places >= 0) & (places < len(grid))
            slow += float((read[inside] * weight[places[inside]]).sum())
        assert curve[index] == pytest.approx(slow, abs=2e-2)


def test_the_unshifted_place_is_left_to_the_linear_part(search):
    _, shift = search.best([comb(axis) for axis in AXES])
    assert abs(shift) > HOLE


def test_nothing_to_see_scores_nothing(search):
    score, _ = search.best([np.zeros((1, len(axis)), np.float32) for axis in AXES])
    assert score == 0


def test_wrong_shapes_and_narrow_bands_are_refused():
    axis = AXES[0]
    good = np.zeros((1, len(axis)), np.float32)
    with pytest.raises(UsageError, match=r"expected weights and means \[channel"):
        ShiftSearch([axis], [good[:, :-1]], [good])
    narrow = np.arange(1000.0, 1200.0, 1.0)
    with pytest.raises(UsageError, match="too narrow"):
        ShiftSearch([narrow], [np.zeros((1, 200), np.float32)], [np.zeros((1, 200), np.float32)])


JOIN = Join(linear_limit=1.0, linear_spread=2.0, shift_limit=5.0, shift_spread=0.5)


def test_the_join_leaves_the_linear_logit_alone_where_the_shift_says_little():
    assert JOIN(-3.0, 0.0) == pytest.approx(-3.0, abs=1e-6)
    assert JOIN(4.0, 4.0) == pytest.approx(4.0, abs=0.01)
    assert not JOIN.favours_shift(4.0, 4.0)


def test_the_join_takes_over_a_strong_shift():
    # Two spreads above its limit: the linear limit and two of its spreads.
    assert JOIN(-3.0, 6.0) == pytest.approx(1.0 + 2 * 2.0, abs=0.01)
    assert JOIN.favours_shift(-3.0, 6.0)
    assert not JOIN.favours_shift(-3.0, 4.9)  # no more than human music reaches


def test_a_second_model_speaks_only_above_its_limit():
    join = Join(1.0, 2.0, 5.0, 0.5, copies_limit=3.0, copies_spread=4.0)
    assert join(-3.0, 0.0, -20.0) == pytest.approx(float(join(-3.0, 0.0)), abs=1e-4)
    # Two spreads above its limit: the linear limit and two of its spreads.
    assert join(-3.0, 0.0, 11.0) == pytest.approx(1.0 + 2 * 2.0, abs=0.01)
    assert JOIN(-3.0, 0.0, 11.0) == JOIN(-3.0, 0.0)  # a bundle without one
    assert join(-3.0) == -3.0
    grid = np.linspace(-9, 20, 31)
    assert (np.diff(join(-1.0, 4.0, grid)) >= 0).all()


def test_the_join_rises_with_both_scores():
    grid = np.linspace(-5, 10, 31)
    table = JOIN(grid[:, None], grid[None])
    assert (np.diff(table, axis=0) >= 0).all() and (np.diff(table, axis=1) >= 0).all()
    assert (table >= grid[:, None]).all()
