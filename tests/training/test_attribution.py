# SPDX-License-Identifier: MIT
"""The dual form is the ridge regression; a bundle takes the templates; strangers stay out."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from unsung.runtime import load_bundle
from unsung.runtime.attribution import UNKNOWN
from unsung.runtime.weights import read_safetensors
from unsung.training import _attribution_cross as crossing
from unsung.training import attribution as fitting
from unsung.training._attribution_combs import CombRow
from unsung.training._attribution_page import oscr, page, summary
from unsung.training.attribution import FAMILIES, FLOOR, add_attribution, duals, family_of
from unsung.training.material import Material
from unsung.training.robust import split
from unsung.types import Track

NAMES = list(FAMILIES)
MEMBERS = [members[0] for members in FAMILIES.values()]


def small_material(size=400, seed=0, noise=1.0):
    """Every family has its own comb on three pages; five more families and humans have noise."""
    rng = np.random.default_rng(seed)
    tracks, folds, kinds, rows = [], [], [], []
    families = [*MEMBERS, "other a", "other b", "other c", "other d", "other e", ""]
    for number, family in enumerate(families):
        for index in range(9):
            label = "ai" if family else "human"
            page_name = f"page-{family}-{index % 3}"
            track = Track(f"{family}-{index}", "x.wav", label, family=family, group=page_name)
            # A stranger lives on one page; so does its fold.
            fold = index % 3 if family in MEMBERS or not family else number % 3
            if family.startswith("other"):
                track = Track(track.id, "x.wav", label, family=family, group=f"page-{family}")
            row = noise * rng.standard_normal(size)
            if family in MEMBERS:
                row[number :: 7 + number] += 2.0
            for kind in ("table", "equal"):
                tracks.append(track)
                folds.append(fold)
                kinds.append(kind)
                rows.append(row + (0.3 * rng.standard_normal(size) if kind == "equal" else 0))
    for index in range(4):
        tracks.append(Track(f"full-{index}", "x.wav", "human", group="whole"))
        folds.append(index % 3)
        kinds.append("full")
        rows.append(noise * rng.standard_normal(size))
    features = np.array(rows, np.float16)
    return Material(
        tuple(tracks), np.array(kinds), np.array(folds), features,
        np.zeros((len(rows), 1), np.float16), np.zeros((len(rows), 1), np.float32), "0" * 64,
        np.full(len(rows), ""), np.full(len(rows), 10.0), np.ones(len(rows)),
    )  # fmt: skip


def test_grouping_follows_the_decoder():
    def named(family, label="ai", generator=""):
        return family_of(Track("a", "a", label, family=family, generator=generator))

    assert named("M2UGen") == named("MusicGen") == "MusicGen (EnCodec 32 kHz)"
    assert named("semanticodec", "resynth") == named("AudioLDM2")
    assert named("dac", "resynth") == "dac"
    assert named("", generator="YuE") == "YuE"
    assert named("Suno", "human") == ""


def test_the_dual_form_is_weighted_ridge_regression():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((30, 12))
    families = np.array([NAMES[i % 4] if i < 24 else "" for i in range(30)])
    pages = np.array([f"p{i % 7}" for i in range(30)])
    alphas = duals((features @ features.T).astype(np.float32), families, pages)
    sides = [f"{p}|{f}" for p, f in zip(pages, families, strict=True)]
    weights = np.array([sides.count(side) ** -0.5 for side in sides])
    weights /= weights.mean()
    for index, name in enumerate(NAMES[:4]):
        own = families == name
        target = 0.1 * (own / (weights[own].sum() / weights.sum()) - 1)
        left = (features * weights[:, None]).T @ features + fitting.PENALTY * np.eye(12)
        slow = np.linalg.solve(left, features.T @ (weights * target))
        assert features.T @ alphas[:, index] == pytest.approx(slow, abs=1e-4)


def test_templates_score_as_the_dual_form_does():
    material = small_material()
    rows = fitting.table_rows(material)
    features = material.features[rows]
    families, pages, _ = fitting.labels_of(material, rows)
    templates = fitting.fit_templates(features, families, pages)
    gram = fitting.Gram.of(features)
    through_gram = gram.matrix @ duals(gram.matrix, families, pages)
    assert templates.scores(features) == pytest.approx(through_gram, abs=1e-2)
    assert (gram.deviation > FLOOR).all()


@pytest.fixture(scope="module")
def outcome():
    return crossing.cross(small_material())


def test_families_are_named_on_unseen_pages_and_strangers_hardly(outcome):
    known = np.isin(outcome.families, NAMES)
    assert known.sum() == 9 * len(NAMES) and (~known).sum() == 45
    assert np.mean(outcome.named[known] == outcome.families[known]) > 0.8
    assert np.mean(outcome.closed[known] == outcome.families[known]) > 0.95
    assert np.mean(outcome.named[~known] != UNKNOWN) < 0.5
    assert np.mean(outcome.equal[known] == outcome.families[known]) > 0.7


def test_an_unseen_family_is_never_called_by_its_own_name(outcome):
    known = np.isin(outcome.families, NAMES)
    assert not (outcome.unseen[known] == outcome.families[known]).any()
    assert (outcome.unseen[~known] == "").all()
    assert len(outcome.human) == 4


def test_the_page_counts_what_was_named(outcome):
    combs = [CombRow("AI excerpts", "Suno", 25.0), CombRow("human excerpts", "", None)]
    text = page(outcome, combs)
    assert "| AI excerpts | 1 | 1.000" in text and "| Suno | 1 | 25.0 (1) |" in text
    known = np.isin(outcome.families, NAMES)
    right = np.mean(outcome.named[known] == outcome.families[known])
    assert f"| named rightly | {right:.3f}" in text
    confusions = text.split("## Confusions")[1].splitlines()
    for name in NAMES:
        row = next(line for line in confusions if line.startswith(f"| {name} | "))
        assert sum(int(cell) for cell in row.split("|")[2:-1]) == 9
    assert f"{right:.0%} named rightly" in summary(outcome)


def test_oscr_is_one_when_perfect_and_half_the_accuracy_by_chance():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((2, 4000))
    assert oscr(np.ones(4000, bool), scores[0] + 99, scores[1]) == pytest.approx(1.0)
    assert oscr(np.ones(4000, bool), *scores) == pytest.approx(0.5, abs=0.03)
    assert oscr(np.zeros(4000, bool), *scores) == 0.0


def test_a_bundle_takes_the_templates_and_names_by_them(tmp_path):
    before = load_bundle()
    folder = shutil.copytree(before.path, tmp_path / "bundle")
    front_ends = before.front_ends
    size = sum(f.channels * len(f.freqs_hz) for f in front_ends)
    material = small_material(size, noise=1.0)
    facts = add_attribution(folder, material, front_ends, "as measured")
    bundle = load_bundle(folder)  # checks the file hashes
    assert bundle.sha256 != before.sha256
    assert bundle.attribution is not None and bundle.attribution.facts == facts
    assert facts.measured == "as measured" and facts.families == tuple(NAMES)
    rows = fitting.table_rows(material)
    named = [
        bundle.attribution.name(split(row.astype(np.float32), front_ends))
        for row in material.features[rows]
    ]
    true = [family_of(material.tracks[i]) for i in rows]
    listed = [(a, b) for a, b in zip(named, true, strict=True) if b in NAMES]
    assert np.mean([a == b for a, b in listed]) > 0.9
    old = read_safetensors(before.path / "weights.safetensors")
    new = read_safetensors(folder / "weights.safetensors")
    for name in old:
        if not name.endswith("family_weight"):
            assert np.array_equal(old[name], new[name])
    added = sum(a.nbytes for name, a in new.items() if name.endswith("family_weight"))
    assert added < 300_000
    again = add_attribution(folder, material, front_ends, "as measured")  # twice is the same
    assert again == facts and json.loads((folder / "bundle.json").read_text())["attribution"]
