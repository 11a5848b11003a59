# SPDX-License-Identifier: MIT
"""The default detector's fit: means and variation, a template at any shift, one scale for both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.training import robust
from unsung.training.linear import balance
from unsung.training.robust import (
    ALL,
    Design,
    Rows,
    Scores,
    fit_join,
    moved,
    size_of,
    split,
)
from unsung.training.songs import factor_of

ENDS = [
    ResidualSpectrum(16000, n_fft=1024, hop=512, low_hz=500, widths=(5, 13)),
    ResidualSpectrum(16000, n_fft=2048, hop=1024, low_hz=500, widths=(5,)),
]
SIZE = sum(len(f.widths) * len(f.freqs_hz) for f in ENDS)


def comb_row(rng, spacing_hz, factor=1.0, height=0.9):
    parts = []
    for end in ENDS:
        axis = end.freqs_hz
        teeth = np.arange(spacing_hz, 9000, spacing_hz) * factor
        near = np.abs(axis[:, None] - teeth[None]).min(axis=1) < (axis[1] - axis[0]) * 0.6
        for _ in end.widths:
            parts.append(height * near + rng.standard_normal(len(axis)))
    return np.concatenate(parts)


@pytest.mark.parametrize("factor", [0.93, 1.0, 1.06])
def test_a_line_moves_by_the_factor(factor):
    row = np.zeros((1, SIZE), np.float32)
    start = 0
    for end in ENDS:
        for _ in end.widths:
            row[0, start + int(np.abs(end.freqs_hz - 3000).argmin())] = 1
            start += len(end.freqs_hz)
    for end, picture in zip(ENDS, split(moved(row, ENDS, factor)[0], ENDS), strict=True):
        step = end.freqs_hz[1] - end.freqs_hz[0]
        for channel in picture:
            assert abs(end.freqs_hz[channel.argmax()] - 3000 * factor) <= step
            assert channel.sum() == pytest.approx(factor, abs=0.1)  # as wide as it is stretched


def test_what_moves_in_from_beyond_the_band_is_empty():
    row = np.ones((1, SIZE), np.float32)
    down = split(moved(row, ENDS, 0.9)[0], ENDS)[0]
    assert (down[:, ENDS[0].freqs_hz > 8000 * 0.9 + 20] == 0).all()
    assert (down[:, ENDS[0].freqs_hz < 8000 * 0.9 - 20] == 1).all()


def test_pictures_are_cut_in_the_order_of_the_front_ends():
    parts = split(np.arange(SIZE, dtype=np.float32), ENDS)
    assert [p.shape for p in parts] == [(len(f.widths), len(f.freqs_hz)) for f in ENDS]
    assert np.array_equal(np.concatenate([p.reshape(-1) for p in parts]), np.arange(SIZE))


def both(rows, rng, spread=None):
    """Means with deviations beside them. Shape: → ``[row, 2 · feature]``."""
    rows = np.asarray(rows)
    rest = rng.standard_normal(rows.shape) + 3 if spread is None else spread
    return np.concatenate([rows, rest], axis=1).astype(np.float16)


def attacks(n, copies=None, name="mp3@64"):
    """What was done to each row: nothing, or the same to those marked."""
    return np.where(np.zeros(n, bool) if copies is None else copies, name, "")


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    positive = np.arange(160) % 2 == 0
    means = [comb_row(rng, 250.0) if ai else rng.standard_normal(SIZE) for ai in positive]
    groups = [f"page {index // 8}" for index in range(160)]
    return Rows(
        both(means, rng), positive, groups, attacks(160, np.arange(160) % 4 > 1), np.ones(160)
    )


def test_the_fit_finds_lines_in_place_and_moved(rows):
    fit = Design(rows, ENDS).fit(np.arange(160))
    rng = np.random.default_rng(2)
    kinds = {
        "human": [rng.standard_normal(SIZE) for _ in range(40)],
        "ai": [comb_row(rng, 250.0) for _ in range(40)],
        "sped": [comb_row(rng, 250.0, factor=1.05) for _ in range(40)],
    }
    scores = {name: fit.scores(both(v, rng), ENDS) for name, v in kinds.items()}
    middle = {name: np.median(s.linear) for name, s in scores.items()}
    gap = middle["ai"] - middle["human"]
    assert gap > 4 * np.std(scores["human"].linear)
    assert abs(middle["sped"] - middle["human"]) < gap / 4
    assert (scores["sped"].shifted > np.median(scores["human"].shifted)).mean() > 0.95
    assert np.median(np.abs(scores["sped"].shift - np.log(1.05))) < 5e-4


def test_the_duals_are_the_ridge_regression_of_the_features(rows):
    """Slow twin: the normal equations of the primal problem, on a few features."""
    few = [ResidualSpectrum(16000, n_fft=1024, hop=512, low_hz=7000, widths=(5,))]
    size = len(few[0].freqs_hz)
    rng = np.random.default_rng(3)
    values = rng.standard_normal((40, 2 * size)).astype(np.float16)
    positive = np.arange(40) % 2 == 0
    groups = [f"g{i // 4}" for i in range(40)]
    given = Rows(values, positive, groups, attacks(40), np.ones(40))
    fit = Design(given, few, search=False).fit(np.arange(40))
    x = values.astype(np.float64)
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-4)
    x[:, size:] *= np.sqrt(robust.VARIATION)
    weights = balance(positive, [f"{g}|{p}" for g, p in zip(groups, positive, strict=True)])
    y = np.where(positive, 0.5, -0.5) * robust.LOGITS
    design = np.column_stack([np.ones(40), x])
    penalty = robust.PENALTY * np.eye(2 * size + 1)
    penalty[0, 0] = 0
    system = design.T @ (weights[:, None] * design) + penalty
    slow = design @ np.linalg.solve(system, design.T @ (weights * y))
    np.testing.assert_allclose(fit.logits(values), slow, atol=2e-3)


def test_a_track_of_one_window_has_no_variation(rows):
    fit = Design(rows, ENDS).fit(np.arange(160))
    rng = np.random.default_rng(4)
    mean = comb_row(rng, 250.0)
    alone = both([mean], rng, np.full((1, SIZE), np.nan))
    plain = fit.linear.logits(mean[None].astype(np.float16).astype(np.float32))
    np.testing.assert_allclose(fit.logits(alone), plain, atol=1e-5)


def test_copies_are_left_out_where_they_are_not_wanted(rows):
    copy = rows.attack != ""
    spoiled = replace(rows, features=np.where(copy[:, None], -rows.features, rows.features))
    plain = replace(ALL, copies=False)
    one, two = (Design(r, ENDS, plain).fit(np.arange(160)) for r in (rows, spoiled))
    probe = both([comb_row(np.random.default_rng(5), 250.0)], np.random.default_rng(5))
    away = Design(spoiled, ENDS).fit(np.arange(160)).logits(probe)
    near = Design(rows, ENDS).fit(np.arange(160)).logits(probe)
    assert abs(float(away[0] - near[0])) > 1e-3
    assert np.sign(one.logits(probe)) == np.sign(two.logits(probe))


def test_moved_copies_teach_the_search_and_not_the_lines_in_place(rows):
    """AI copies whose frequencies were multiplied: the template has them back in place."""
    rng = np.random.default_rng(7)
    positive = np.arange(80) % 2 == 0
    factor = factor_of("speed@1.05")
    sped = [comb_row(rng, 330.0, factor) if ai else rng.standard_normal(SIZE) for ai in positive]
    both_kinds = Rows(
        np.concatenate([rows.features, both(sped, rng)]),
        np.concatenate([rows.positive, positive]),
        [*rows.groups, *(f"sped {i // 8}" for i in range(80))],
        np.concatenate([rows.attack, attacks(80, positive, "speed@1.05")]),
        np.ones(240),
    )
    fit = Design(both_kinds, ENDS).fit(np.arange(240))

    def likeness(spacing_hz, weights):
        comb = comb_row(np.random.default_rng(0), spacing_hz) - comb_row(
            np.random.default_rng(0), spacing_hz, height=0
        )
        return np.corrcoef(comb, weights)[0, 1]

    # The template holds them where they were before; the lines in place never saw them.
    assert likeness(330.0, fit.template.weights) > likeness(330.0 * factor, fit.template.weights)
    assert likeness(330.0, fit.template.weights) > 0.2
    assert abs(likeness(330.0 * factor, fit.linear.weights)) < 0.1


def test_all_scores_get_one_scale_from_human_rows():
    rng = np.random.default_rng(3)
    linear, shifted = rng.normal(-2, 1, 2000), rng.normal(4, 0.2, 2000)
    join = fit_join(Scores(linear, shifted, np.zeros(2000)), np.arange(2000))
    assert join.linear_limit == pytest.approx(-2 + 2.33, abs=0.15)
    # A whole spread above the 99 % quantile, which itself lies 2.33 deviations up.
    assert 4 + 2.8 * 0.2 < join.shift_limit < 4 + 3.8 * 0.2
    assert join.from_s > 10  # excerpts are not searched
    human = np.asarray(join(linear, shifted))
    # Joined, about as many human rows pass the linear limit as any score lets through.
    assert 0.005 < (human > join.linear_limit).mean() < 0.03


def test_the_template_is_of_the_mean_residuals_alone():
    ends = [
        ResidualSpectrum(
            16000, n_fft=1024, hop=512, low_hz=500, widths=(5,), statistics=("mean", "persistence")
        ),
        ResidualSpectrum(16000, n_fft=2048, hop=1024, low_hz=500, widths=(5,)),
    ]
    total = size_of(ends)
    rng = np.random.default_rng(6)
    features = rng.standard_normal((60, 2 * total)).astype(np.float16)
    positive = np.arange(60) % 2 == 0
    features[positive, 40] += 3  # a mean residual
    features[positive, len(ends[0].freqs_hz) + 90] += 3  # persistence alone
    given = Rows(
        features, positive, [f"page {i // 6}" for i in range(60)], attacks(60), np.ones(60)
    )
    fit = Design(given, ends).fit(np.arange(60))
    assert len(fit.linear.weights) == len(fit.variation.weights) == total
    assert len(fit.template.weights) == len(ends[0].freqs_hz) + len(ends[1].freqs_hz)
    assert fit.template.weights[40] > 4 * fit.template.weights.std()
    assert np.isfinite(fit.scores(features, ends).shifted).all()


def test_one_class_is_an_error(rows):
    with pytest.raises(UsageError):
        Design(rows, ENDS).fit(np.flatnonzero(rows.positive))
