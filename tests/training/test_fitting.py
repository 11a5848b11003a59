# SPDX-License-Identifier: MIT
"""Detectors with a fit, a stage, a normalisation or a contrastive loss of their own."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unsung import registry
from unsung.errors import UsageError
from unsung.training import prepare
from unsung.training.fitting import option_values
from unsung.training.run import run_recipe

from . import helpers


class Normalised(helpers.TinyCnn):
    def __init__(self):
        super().__init__(drop=0.0)
        self.register_buffer("level", torch.zeros(()))

    def fit_normalisation(self, pictures):
        self.level.fill_(torch.cat([p.flatten() for p in pictures]).mean())


class Closed(helpers.TinyCnn):
    def fit(self, human, ai, *, seed=0):
        torch.nn.init.constant_(self.last.bias, float(len(ai)) + 100 * len(human))


class Drawn(helpers.TinyCnn):
    def set_stage(self, stage, last_layers=2):
        self.body.requires_grad_(stage != "probe")

    def losses(self, pictures, labels, *, supervision=1.0):
        return self.head(*pictures), self.last.weight.square().sum() * supervision


@pytest.fixture
def known(monkeypatch, tiny):
    kinds = {"normalised": Normalised, "closed": Closed, "drawn": Drawn}
    get = registry.get
    monkeypatch.setattr(registry, "get", lambda kind, name: kinds.get(name) or get(kind, name))


def test_normalisation_is_set_before_the_first_step(manifest, known, tmp_path):
    run_recipe(helpers.recipe_for(manifest, detector="normalised"), tmp_path)
    state = torch.load(tmp_path / "last.pt", weights_only=True)["network"]
    assert abs(float(state["detector.level"])) > 1e-12


def test_a_closed_form_fit_sees_the_training_windows_only(manifest, known, tmp_path):
    recipe = helpers.recipe_for(manifest, detector="closed", optimiser={"name": "closed_form"},
                                data={"windows": 2})  # fmt: skip
    summary = run_recipe(recipe, tmp_path)
    from safetensors.torch import load_file

    bias = float(load_file(str(tmp_path / "detector.safetensors"))["last.bias"])
    human, ai = divmod(bias, 100)
    assert human + ai == 2 * summary["tracks"]["train"]
    assert summary["epochs"] == 0 and "auc" in summary["test"]["clean"]
    with pytest.raises(UsageError, match="no fit in closed form"):
        run_recipe(helpers.recipe_for(manifest, optimiser={"name": "closed_form"}), tmp_path / "x")


def test_a_stage_and_a_loss_of_its_own(manifest, known, tmp_path):
    base = {"detector": "drawn", "options": {"drop": 0.0}}
    recipe = helpers.recipe_for(manifest, **base, stage="probe")
    made = prepare.build_detector(recipe)
    assert not any(p.requires_grad for p in made.body.parameters())
    plain = run_recipe(helpers.recipe_for(manifest, **base), tmp_path / "a")
    with_own = run_recipe(
        helpers.recipe_for(manifest, **base, loss={"contrastive": 1.0}), tmp_path / "b"
    )
    assert plain["valid"] != with_own["valid"]
    with pytest.raises(UsageError, match="not trained in stages"):
        prepare.build_detector(helpers.recipe_for(manifest, stage="probe"))
    with pytest.raises(UsageError, match="no contrastive loss"):
        run_recipe(helpers.recipe_for(manifest, loss={"contrastive": 1.0}), tmp_path / "c")


def test_a_table_of_options_is_a_front_end():
    made = option_values({"front_end": {"name": "log_mel", "n_mels": 40}, "width": 3})
    assert made["front_end"].n_mels == 40 and made["width"] == 3
    preset = option_values({"front_end": {"name": "log_mel", "preset": "sonics"}})
    assert preset["front_end"].standardise


@pytest.mark.slow
def test_the_mixtures_are_fitted_on_sound(manifest, tmp_path):
    if "gmm" not in registry.names("detectors"):
        pytest.skip("no gmm in this installation")
    pytest.importorskip("sklearn")
    recipe = helpers.recipe_for(
        manifest, detector="gmm", options={"components": 2}, optimiser={"name": "closed_form"},
        data={"window_s": 1.0},
    )  # fmt: skip
    summary = run_recipe(recipe, tmp_path)
    assert summary["test"]["clean"]["auc"] > 0.9
    assert np.isfinite(summary["valid"]["valid_loss"])
