# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unsung.attacks import parse
from unsung.errors import UsageError
from unsung.reproduce import load, make_plan, reproduce, score_all
from unsung.reproduce.adversary import equipped, score_and_gradient_of, score_of
from unsung.reproduce.detectors import open_detectors
from unsung.reproduce.plan import partner_of, read_scores
from unsung.reproduce.select import choose, open_manifests
from unsung.runtime import load_bundle
from unsung.types import Track


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("default")


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(16000 * seconds))).astype(np.float32)


@pytest.mark.parametrize("seconds", [6.0, 10.0, 14.0])
def test_the_gradient_is_of_the_score_that_a_scan_gives(bundle, seconds):
    pytest.importorskip("torch")
    sound = noise(seconds)[None]
    logits, gradient = score_and_gradient_of(bundle)(sound)
    # The windows of the gradient lie where torch puts them: a few frames apart from the scan's.
    assert logits == pytest.approx(score_of(bundle)(sound), abs=0.5)
    # Small: the best shift is another one a little further on.
    step = 1e-4 * gradient / np.linalg.norm(gradient)
    model = score_and_gradient_of(bundle)
    slope = (model(sound + step)[0] - model(sound - step)[0]) / 2e-4
    assert slope == pytest.approx(np.linalg.norm(gradient), rel=0.05)


def test_silence_has_no_score_to_attack(bundle):
    with pytest.raises(Exception, match="nothing that has a score"):
        score_of(bundle)(np.zeros((1, 48000), np.float32))


def test_a_bundle_without_a_linear_part_has_no_gradient(bundle):
    pytest.importorskip("torch")
    with pytest.raises(UsageError, match="take black_box"):
        score_and_gradient_of(replace(bundle, info={**bundle.info, "files": {}}))


def test_steps_get_what_they_ask_for_and_plain_ones_stay(bundle):
    chain = equipped("gain@3+black_box@30+mix@6", bundle, None, positive=False)
    assert str(chain) == "gain@3+black_box@30+mix@6"
    assert chain.steps[1].attack.goal == "ai" and chain.steps[1].attack.score is not None
    assert equipped("black_box@30", bundle, None, positive=True).steps[0].attack.goal == "human"
    assert parse("black_box@30").steps[0].attack.score is None


def tracks() -> list[Track]:
    human = [Track(f"h{i}", "x", "human", group=f"p{i}") for i in range(5)]
    return human + [Track(f"a{i}", "x", "ai", group=f"p{i}") for i in range(5)]


def test_the_partner_is_of_the_other_class_and_page_and_hangs_on_the_seed():
    every = tracks()
    for track in every:
        partner = partner_of(track, every, 0)
        assert (partner.label == "human") != (track.label == "human")
        assert partner.group != track.group
        assert partner == partner_of(track, every[::-1], 0)
    found = [[partner_of(t, every, seed).id for t in every] for seed in range(4)]
    assert len({tuple(ids) for ids in found}) == 4
    with pytest.raises(UsageError, match="other class"):
        partner_of(every[0], every[:5], 0)


def test_one_more_track_changes_few_pairs():
    every = tracks()
    more = [*every, Track("a9", "x", "ai", group="p9")]
    same = [partner_of(t, every, 0) == partner_of(t, more, 0) for t in every]
    assert sum(same) >= 5 + 2  # the AI tracks keep theirs, and most human ones


def test_adversaries_and_mixes_run_inside_an_experiment(toml, table, tmp_path):
    pytest.importorskip("torch")
    attacks = 'attacks = ["pgd@40", "mix@0", "transplant@3000", "gain@3+mix@10"]'
    metrics = 'metrics = ["auc", "score_shift_ai", "score_shift_human"]'
    study = load(toml(f"{attacks}\n{metrics}"), ["select.middle_s=4.0"])
    data = {"music": str(table(1, 1))}
    results = reproduce(study, tmp_path / "out", data=data, replicates=20)
    assert {row.condition for row in results} == set(study.conditions)
    rows = read_scores(tmp_path / "out" / "scores.jsonl").values()
    assert not any(row["error"] for row in rows)
    by = {(row["condition"], row["track"]): row for row in rows}
    for name, other, sign in (("ai-1.wav", "human-0.wav", -1), ("human-0.wav", "ai-1.wav", 1)):
        moved = by["pgd@40", name]["logit"] - by["clean", name]["logit"]
        assert sign * moved > 0.5
        for condition in ("mix@0", "transplant@3000", "gain@3+mix@10"):
            assert by[condition, name]["partner"] == other
        assert "partner" not in by["clean", name]
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Adversarial attacks" in page and "two clips" in page


def test_an_adversary_is_asked_of_each_detector(toml, table, tmp_path, monkeypatch):
    study = load(toml('attacks = ["black_box@30", "gain@3"]'), ["select.middle_s=3.0"])
    asked = []

    def counted(condition, bundle, partner, positive):
        asked.append(condition)
        return parse("gain@1")

    monkeypatch.setattr("unsung.reproduce.worker.equipped", counted)
    (one,) = open_detectors(("default",), {})
    crew = [one, replace(one, name="second")]
    chosen = choose(study, list(open_manifests(study, {"music": str(table(1, 1))}).values()))
    rows = score_all(make_plan(study, chosen, crew), crew, tmp_path / "s.jsonl")
    assert asked == ["black_box@30"] * 4  # two tracks, two detectors; gain is made once for both
    made = [row["attack_s"] for row in rows.values() if row["condition"] == "gain@3"]
    assert sorted(value == 0.0 for value in made) == [False, False, True, True]
