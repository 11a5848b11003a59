# SPDX-License-Identifier: MIT
"""The default detector's fit: moved pictures, two linear models, one scale for three scores."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.training.linear import LinearFit
from unsung.training.robust import (
    PARTS,
    RobustFit,
    Rows,
    Scores,
    fit_join,
    fit_robust,
    moved,
    split,
)

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


def test_the_copied_fit_is_told_about_the_means_of_the_other():
    rng = np.random.default_rng(0)
    parts = tuple(
        LinearFit(b, rng.standard_normal(SIZE).astype("f4"), rng.standard_normal(SIZE).astype("f4"))
        for b in (0.3, -2.0)
    )
    fit = RobustFit(parts, parts[0])
    copies = fit.copies(ENDS)
    for row in rng.standard_normal((5, SIZE)).astype("f4"):
        expected = float(parts[1].logits(row[None])[0])
        assert copies.logit(split(row, ENDS)) == pytest.approx(expected, abs=2e-3)
    assert np.array_equal(np.concatenate([m.reshape(-1) for m in copies.means]), parts[0].means)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    features, positive, copy = [], [], []
    for index in range(160):
        ai = index % 2 == 0
        features.append(comb_row(rng, 250.0) if ai else rng.standard_normal(SIZE))
        positive.append(ai)
        copy.append(index % 4 > 1)
    groups = [f"page {index // 8}" for index in range(160)]
    return Rows(np.array(features, np.float16), np.array(positive), groups, np.array(copy))


def test_the_fit_finds_lines_in_place_and_moved(rows):
    fit = fit_robust(rows, ENDS, 1e-1)
    rng = np.random.default_rng(2)
    kinds = {
        "human": [rng.standard_normal(SIZE) for _ in range(40)],
        "ai": [comb_row(rng, 250.0) for _ in range(40)],
        "sped": [comb_row(rng, 250.0, factor=1.05) for _ in range(40)],
    }
    scores = {name: fit.scores(np.array(v, np.float16), ENDS) for name, v in kinds.items()}
    for index in range(len(PARTS)):
        middle = {name: np.median(s.parts[index]) for name, s in scores.items()}
        gap = middle["ai"] - middle["human"]
        assert gap > 4 * np.std(scores["human"].parts[index])
        assert abs(middle["sped"] - middle["human"]) < gap / 4
    assert (scores["sped"].shifted > np.median(scores["human"].shifted)).mean() > 0.95
    assert np.median(np.abs(scores["sped"].shift - np.log(1.05))) < 5e-4


def test_copies_reach_only_the_fit_that_is_for_them(rows):
    spoiled = Rows(
        np.where(rows.copy[:, None], -rows.features, rows.features), rows.positive, rows.groups,
        rows.copy,
    )  # fmt: skip
    fit, other = fit_robust(rows, ENDS, 1e-3), fit_robust(spoiled, ENDS, 1e-3)
    assert np.array_equal(fit.template.weights, other.template.weights)
    same = [
        np.array_equal(one.weights, two.weights)
        for one, two in zip(fit.parts, other.parts, strict=True)
    ]
    assert dict(zip(PARTS, same, strict=True)) == {
        "moved": True, "copied": False,
    }  # fmt: skip


def test_all_scores_get_one_scale_from_human_rows():
    rng = np.random.default_rng(3)
    linear, shifted = rng.normal(-2, 1, 2000), rng.normal(4, 0.2, 2000)
    copied = rng.normal(-5, 2, 2000)
    scores = Scores(np.stack([linear, copied]), shifted, np.zeros(2000))
    join = fit_join(scores, np.arange(2000))
    assert join.linear_limit == pytest.approx(-2 + 2.33, abs=0.15)
    # A whole spread above the 99 % quantile, which itself lies 2.33 deviations up.
    assert 4 + 2.8 * 0.2 < join.shift_limit < 4 + 3.8 * 0.2
    assert -5 + 2.6 * 2 < join.copies_limit < -5 + 3.6 * 2  # three quarters of one
    human = np.asarray(join(linear, shifted, copied))
    # Joined, about as many human rows pass the linear limit as any score lets through.
    assert 0.005 < (human > join.linear_limit).mean() < 0.03
    alone = fit_join(scores, np.arange(2000), copies=False)
    assert alone.copies_limit is None
    np.testing.assert_array_equal(alone(linear, shifted, copied), alone(linear, shifted))


def test_the_template_is_of_the_mean_residuals_alone():
    ends = [
        ResidualSpectrum(
            16000, n_fft=1024, hop=512, low_hz=500, widths=(5,), statistics=("mean", "persistence")
        ),
        ResidualSpectrum(16000, n_fft=2048, hop=1024, low_hz=500, widths=(5,)),
    ]
    sizes = [f.channels * len(f.freqs_hz) for f in ends]
    rng = np.random.default_rng(6)
    features = rng.standard_normal((60, sum(sizes))).astype(np.float16)
    positive = np.arange(60) % 2 == 0
    features[positive, 40] += 3  # a mean residual
    features[positive, len(ends[0].freqs_hz) + 90] += 3  # persistence alone
    given = Rows(features, positive, [f"page {i // 6}" for i in range(60)], np.zeros(60, bool))
    fit = fit_robust(given, ends, 1e-2)
    assert [len(part.weights) for part in fit.parts] == [sum(sizes)] * 2
    assert len(fit.template.weights) == len(ends[0].freqs_hz) + len(ends[1].freqs_hz)
    assert fit.template.weights[40] > 4 * fit.template.weights.std()
    found = fit.scores(features, ends)
    assert found.parts.shape == (2, 60)
    assert np.isfinite(found.shifted).all()
