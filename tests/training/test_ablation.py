# SPDX-License-Identifier: MIT
"""Narrowed features are those measured anew; what is left out is not learned; the page adds up."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from unsung.detectors.residual_linear import STATISTICS, packaged
from unsung.errors import UnknownName, UsageError
from unsung.evaluation import roc_auc
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.training import ablation
from unsung.training._ablation_page import write
from unsung.training.ablation import FULL, VARIANTS, Variant, condition_rows, scored
from unsung.training.material import Material, columns_of, joined, narrowed
from unsung.training.measure import features_of
from unsung.training.robust import ALL
from unsung.types import Track

SMALL = (
    ResidualSpectrum(n_fft=512, hop=512, statistics=("mean", "persistence")),
    ResidualSpectrum(n_fft=1024, hop=512, statistics=("mean", "persistence", "coherence")),
)
SIZE = sum(f.channels * len(f.freqs_hz) for f in SMALL)


def small_material(wrong: bool = False) -> Material:
    """Two folds of pages; AI rows hold lines in every picture; ``wrong`` adds rows that lie."""
    rng = np.random.default_rng(0)
    tracks, kinds, folds, rows, attacks = [], [], [], [], []

    def add(label, kind, fold, mark, attack="", number=0):
        track = Track(f"{label}{number}", "x.wav", label, group=f"page-{fold}-{label}{number % 4}",
                      family="F" if label != "human" else "")  # fmt: skip
        row = rng.standard_normal(SIZE)
        row[::9] += 2.0 * mark
        tracks.append(track), kinds.append(kind), folds.append(fold)
        rows.append(row), attacks.append(attack)

    for number in range(40):
        fold = number % 2
        for label in ("human", "ai"):
            add(label, "table", fold, label == "ai", number=number)
            add(label, "copy", fold, label == "ai", "reverb@0.4", number)
            add(label, "check", fold, 0.5 * (label == "ai"), "speed@1.05", number)
        if wrong:
            for _ in range(6):
                add("human", "extra", fold, 1.0, number=number)
        add("human", "full", fold, 0.0, number=100 + number)
    n = len(rows)
    return Material(
        tuple(tracks), np.array(kinds), np.array(folds), np.array(rows, np.float16),
        rng.standard_normal((n, 5)).astype(np.float16), np.zeros((n, 7), np.float32), "0" * 64,
        np.array(attacks),
    )  # fmt: skip


@pytest.mark.parametrize("name", [n for n, v in VARIANTS.items() if v.left_out is None])
def test_columns_are_what_the_narrower_detector_measures(name):
    kept = VARIANTS[name].kept(packaged("default"))
    sound = 0.1 * np.random.default_rng(1).standard_normal(16000 * 4).astype("f4")
    whole = features_of(sound, packaged("default"))
    own = features_of(sound, kept)
    np.testing.assert_allclose(whole[columns_of(packaged("default"), kept)], own, atol=1e-4)


def test_the_fast_detector_is_what_the_table_says():
    without = VARIANTS["without 1-Hz bins"].kept(packaged("default"))
    assert tuple(without) == packaged("fast")
    assert set(STATISTICS) == {"default", "fast"}
    with pytest.raises(UnknownName, match="packaged detector"):
        packaged("faster")


def test_what_was_not_measured_cannot_be_kept():
    with pytest.raises(UsageError, match="coherence at n_fft 512"):
        columns_of(SMALL, [replace(SMALL[0], statistics=("mean", "coherence"))])


def test_rows_that_are_left_out_teach_nothing():
    material = small_material(wrong=True)
    ai = np.array([t.label == "ai" for t in material.tracks])
    here = material.kind == "table"
    misled = scored(material, SMALL, Variant())["default"]
    clear = scored(material, SMALL, Variant(left_out=lambda material: material.kind == "extra"))[
        "default"
    ]
    assert roc_auc(ai[here], clear[here]) > 0.99
    right = [roc_auc(ai[here], scores[here]) for scores in (misled, clear)]
    gap = [scores[here & ai].mean() - scores[here & ~ai].mean() for scores in (misled, clear)]
    assert right[0] <= right[1] and gap[0] < 0.5 * gap[1]


def test_moves_copies_and_the_search_change_the_scores():
    material = small_material()
    full = scored(material, SMALL, Variant())
    still = scored(material, SMALL, Variant(made_with=replace(ALL, moved=False)))
    assert np.abs(still["default"] - full["default"]).max() > 1e-3
    for name in ("without the shift search", "without the fit on copies"):
        # a soft maximum: leaving a score out can only lower the logit
        assert (full["default"] >= full[name] - 1e-9).all()
        assert not np.array_equal(full[name], full["default"])


def test_joining_keeps_every_row_in_order():
    material = small_material()
    both = joined(material, material)
    n = len(material.kind)
    np.testing.assert_array_equal(both.features[n:], material.features)
    assert both.tracks[n:] == material.tracks and both.sha256 != material.sha256
    narrow = narrowed(material, SMALL, SMALL[:1])
    assert narrow.features.shape[1] == SMALL[0].channels * len(SMALL[0].freqs_hz)


def test_the_page_counts_what_the_scores_say(tmp_path):
    material = small_material()
    chosen = {FULL: VARIANTS[FULL], "without persistence": VARIANTS["without persistence"]}
    outcomes = {
        name: ablation.kept_scores(material, SMALL, variant, tmp_path, jobs=1)
        for name, variant in chosen.items()
    }
    rows = write(outcomes, material.attack, tmp_path / "out")
    conditions = condition_rows(outcomes[FULL], material.attack)
    assert list(conditions) == ["clean", "reverb@0.4", "speed@1.05"]
    lines = (tmp_path / "out/ablation.jsonl").read_text().splitlines()
    stored = [json.loads(line) for line in lines]
    assert len(stored) == len(rows)
    by = {(r.detector, r.condition, r.metric): r for r in rows}
    own = outcomes[FULL]
    here = conditions["clean"]
    truth = own.labels()[here] == "ai"
    assert by[FULL, "clean", "auc"].value == pytest.approx(roc_auc(truth, own.own[here]))
    assert by[FULL, "clean", "found"].n_tracks == 40
    assert by["without persistence", "clean", "auc_difference"].low is not None
    page = (tmp_path / "out/ablation.md").read_text()
    assert "| without persistence |" in page and "speed@1.05" in page
    again = ablation.kept_scores(material, SMALL, chosen[FULL], tmp_path, jobs=1)
    np.testing.assert_array_equal(again.own, own.own)
