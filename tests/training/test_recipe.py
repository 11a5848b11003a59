# SPDX-License-Identifier: MIT
"""Recipes: near names for wrong keys, types, settings, and all that ship."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from unsung import registry
from unsung.errors import MissingExtra, UnknownName, UsageError
from unsung.training.prepare import build_detector
from unsung.training.recipe import Recipe, find_recipe, load_recipe, recipe_names

PLAIN = {"name": "x", "detector": "residual_linear"}


def test_a_file_becomes_a_record_and_settings_win(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text(
        'name = "x"\ndetector = "vit"\n[optimiser]\nlr = 1\n[distortions.mp3]\n'
        'chain = "mp3@{s}"\nstrengths = [64]\n[augment]\ndistortions = ["mp3"]\n'
    )
    recipe = load_recipe(path, ["run.epochs=3", "detector=resnet18", "data.manifests=['a.csv']"])
    assert recipe.optimiser.lr == 1.0 and isinstance(recipe.optimiser.lr, float)
    assert (recipe.run.epochs, recipe.detector) == (3, "resnet18")
    assert recipe.data.manifests == ("a.csv",)
    assert recipe.distortions["mp3"].strengths == (64.0,)
    assert Recipe.from_plain(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": {}}, "did you mean 'optimiser'"),
        ({"run": {"epoch": 3}}, r"key in \[run\] named 'epoch'; did you mean 'epochs'"),
        ({"augment": {"balance": ["clas"]}}, "did you mean 'class'"),
        ({"augment": {"distortions": ["mp3"]}}, "no distortion in this recipe named 'mp3'"),
        ({"distortions": {"a": {"chain": "mp3@{s}"}}}, "together with strengths"),
    ],
)
def test_a_wrong_key_names_the_nearest(values, message):
    with pytest.raises(UsageError, match=message):
        Recipe.from_plain(PLAIN | values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"run": {"epochs": "many"}}, "run.epochs: expected a whole number, got 'many'"),
        ({"run": {"deterministic": 1}}, "run.deterministic: expected true or false"),
        ({"run": {"epochs": 0}}, "run.epochs: expected 1 or more"),
        ({"data": {"manifests": "a.csv"}}, "data.manifests: expected a list"),
        ({"run": {"batch": 6}, "optimiser": {"accumulate": 4}}, "multiple of accumulate"),
        ({"loss": {"label_smoothing": 1.5}}, "label_smoothing: expected a share"),
        ({"data": 3}, "data: expected a table"),
    ],
)
def test_a_wrong_value_is_refused(values, message):
    with pytest.raises(UsageError, match=message):
        Recipe.from_plain(PLAIN | values)


def test_a_missing_key_and_a_file_that_is_no_toml(tmp_path):
    with pytest.raises(UsageError, match="expected the key 'detector'"):
        Recipe.from_plain({"name": "x"})
    (tmp_path / "r.toml").write_text("name = ")
    with pytest.raises(UsageError, match="cannot be read as TOML"):
        load_recipe(tmp_path / "r.toml")
    with pytest.raises(UsageError, match="expected key=value"):
        load_recipe(find_recipe("residual_linear"), ["epochs"])
    with pytest.raises(UnknownName, match="did you mean 'residual_linear'"):
        find_recipe("residual_liner")


def test_only_what_moves_weights_is_in_the_hash():
    one = Recipe.from_plain(PLAIN)
    assert one.with_settings(["data.jobs=2", "run.device=cpu"]).sha256 == one.sha256
    assert one.with_settings(["run.seed=1"]).sha256 != one.sha256


@pytest.mark.parametrize("name", sorted(recipe_names()))
def test_every_recipe_that_ships_parses(name):
    recipe = load_recipe(find_recipe(name))
    assert recipe.name == name and recipe.summary and not recipe.data.manifests


@pytest.mark.parametrize("name", sorted(recipe_names()))
def test_every_recipe_builds_when_its_detector_exists(name):
    recipe = load_recipe(find_recipe(name))
    if recipe.detector not in registry.names("detectors"):
        pytest.skip(f"no detector {recipe.detector} in this installation")
    if recipe.options.get("seconds") == 120:
        pytest.skip("the same class at another length; builds for seconds")
    try:
        detector = build_detector(recipe)
    except MissingExtra as error:
        pytest.skip(str(error))
    learning = [p for p in detector.parameters() if p.requires_grad]
    assert learning and detector.window_s > 0
