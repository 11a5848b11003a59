# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from unsung.errors import ManifestError, UnknownName, UsageError
from unsung.evaluation._checks import OneClassError
from unsung.reproduce import load
from unsung.reproduce.conditions import conditions
from unsung.reproduce.experiment import find
from unsung.reproduce.select import choose, open_manifests
from unsung.types import Manifest, Track

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_experiment_reads(path):
    study = load(path)
    assert study.experiment.name == path.stem
    assert study.conditions[0] == "clean"
    assert find(path.stem) == path


def test_a_list_in_a_grid_makes_the_product():
    grid = {"attack": ["gain", "pitch_shift"], "strength": [1, 2], "then": ["mp3@64", "aac"]}
    found = list(conditions([], [grid]))
    assert len(found) == 8
    assert found[0] == "gain@1+mp3@64"
    assert found[-1] == "pitch_shift@2+aac@64"


def test_the_same_condition_is_taken_once():
    assert list(conditions(["mp3", "mp3@64"], [{"attack": "mp3", "strength": 64}])) == ["mp3@64"]


@pytest.mark.parametrize(
    ("more", "tables", "near"),
    [
        ('detector = "x"', "", "detectors"),
        ('attacks = ["pitch_shfit"]', "", "pitch_shift"),
        ('metrics = ["acu"]', "", "auc"),
        ("", "[select]\nn_humans = 3", "n_human"),
        ("", '[select]\nlabels = ["humn"]', "human"),
        ("", '[[grid]]\nattack = "gain"\nstrenght = 3', "strength"),
        ("", '[[expected]]\nmetrc = "auc"', "metric"),
        ('groupings = ["famly"]', "", "family"),
        ("", '[[expected]]\ncondition="gain@6"\nmetric="auc"\nvalue=1\nsource="x"', "clean"),
    ],
)
def test_an_unknown_key_names_the_near_one(toml, more, tables, near):
    with pytest.raises(UnknownName, match=near):
        load(toml(more, tables))


def test_settings_replace_values(toml):
    study = load(toml(), ["select.n_ai=7", "seeds=[1, 2]", "name=other", "select.uses=['full']"])
    assert (study.select.n_ai, study.select.uses) == (7, ("full",))
    assert (study.experiment.seeds, study.experiment.name) == ((1, 2), "other")
    with pytest.raises(UnknownName, match="n_ai"):
        load(toml(), ["select.n_aii=7"])
    with pytest.raises(UsageError, match="key=value"):
        load(toml(), ["seeds"])


def test_wrong_values_are_said(toml):
    with pytest.raises(UsageError, match="n_human"):
        load(toml("", "[select]\nn_human = 0"))
    with pytest.raises(UsageError, match="middle_s"):
        load(toml("", "[select]\nmiddle_s = -1"))
    with pytest.raises(UsageError, match="at least one seed"):
        load(toml("seeds = []"))
    with pytest.raises(UsageError, match="wrong type"):
        load(toml('seeds = ["x"]'))
    with pytest.raises(UsageError, match="cannot be read as TOML"):
        load(toml("seeds = "))


def test_the_record_comes_back_from_json(toml):
    study = load(toml())
    assert type(study).from_dict(study.to_dict()) == study


def tracks(human: int, ai: int) -> list[Track]:
    rows = [Track(f"h{i}", "x", "human", group=f"p{i % 3}") for i in range(human)]
    return rows + [Track(f"a{i}", "x", "ai", family=f"f{i % 4}") for i in range(ai)]


def test_the_choice_is_even_and_the_same_each_time(toml):
    study = load(toml(), ["select.n_human=6", "select.n_ai=8"])
    chosen = choose(study, [Manifest("m", "1", tuple(tracks(30, 40)))])
    assert chosen == choose(study, [Manifest("m", "1", tuple(reversed(tracks(30, 40))))])
    families = [track.family for track in chosen if track.label == "ai"]
    groups = [track.group for track in chosen if track.label == "human"]
    assert all(families.count(name) == 2 for name in set(families)) and len(set(families)) == 4
    assert all(groups.count(name) == 2 for name in set(groups)) and len(set(groups)) == 3


def test_per_generator_and_limit_cut(toml):
    manifest = Manifest("m", "1", tuple(tracks(30, 40)))
    assert len(choose(load(toml(), ["select.per_generator=3"]), [manifest])) == 30 + 12
    assert len(choose(load(toml()), [manifest], limit=10)) == 10


def test_one_class_nothing_and_twins_are_errors(toml):
    study = load(toml())
    with pytest.raises(OneClassError, match="0 AI and 3 human"):
        choose(study, [Manifest("m", "1", tuple(tracks(3, 0)))])
    with pytest.raises(UsageError, match="no track has a label"):
        choose(study, [Manifest("m", "1", ())])
    with pytest.raises(ManifestError, match="stands twice"):
        choose(study, [Manifest("m", "1", tuple(tracks(1, 1) * 2))])


def test_a_manifest_that_is_not_there_says_how_to_give_it(toml, tmp_path):
    study = load(toml())
    with pytest.raises(ManifestError, match="--data music=PATH"):
        open_manifests(study, {"music": str(tmp_path / "nowhere.csv")})
    with pytest.raises(UnknownName, match="music"):
        open_manifests(study, {"musik": "x"})
    (tmp_path / "empty.csv").write_text("path,label\n")
    with pytest.raises(ManifestError, match="no rows"):
        open_manifests(study, {"music": str(tmp_path / "empty.csv")})
