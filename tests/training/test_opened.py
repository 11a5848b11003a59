# SPDX-License-Identifier: MIT
"""Whatever holds a detector is opened by what it is: bundles, runs, checkpoints, weights, names."""

import csv
import json

import pytest
import torch

from unsung.detectors.lcnn import LCNN
from unsung.errors import BundleError, UnknownName, UsageError
from unsung.explainers import OfBundle, OfNetwork
from unsung.export.pretrained import save_pretrained
from unsung.training.opened import open_detector
from unsung.training.recipe import Recipe


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(3)
    return LCNN().eval()


def weights_of(found):
    return torch.cat([p.flatten() for p in found.detector.parameters()])


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def run(tmp_path, detector):
    """What `unsung train` leaves after its first epoch: a recipe and a checkpoint."""
    folder = tmp_path / "runs" / "lcnn"
    folder.mkdir(parents=True)
    recipe = Recipe.from_plain({"name": "mine", "detector": "lcnn"})
    (folder / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    state = {f"detector.{k}": v for k, v in detector.state_dict().items()}
    torch.save({"network": state}, folder / "best.pt")
    return folder


def test_bundles_are_found_by_name_and_folder():
    assert isinstance(open_detector("default"), OfBundle)
    folder = str(open_detector("default").bundle.path)
    assert open_detector(folder).name == open_detector("default").name


def test_a_run_is_opened_by_folder_or_checkpoint(run, detector):
    for where in (run, run / "best.pt"):
        found = open_detector(str(where))
        assert isinstance(found, OfNetwork) and found.name == "mine"
        assert "no validation scores yet" in found.note and found.limits(0.01) == (0.0, 0.0)
        assert torch.equal(
            weights_of(found), torch.cat([p.flatten() for p in detector.parameters()])
        )


def test_a_finished_networks_bundle_gives_way_to_its_checkpoint(run):
    """A network's bundle has no exact shares; only linear ones are explained from the bundle."""
    bundle = run / "bundle"
    bundle.mkdir()
    info = {"format": 1, "scan": "windows", "name": "mine", "version": "1", "files": {}}
    (bundle / "bundle.json").write_text(json.dumps(info))
    assert isinstance(open_detector(str(run)), OfNetwork)


def test_thresholds_of_a_finished_run_come_from_its_validation_tracks(run):
    head = ("path", "label", "part", "condition", "score")
    with (run / "scores.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows((f"h{i}", "human", "valid", "clean", i / 100) for i in range(120))
        writer.writerows((f"t{i}", "human", "test", "clean", 50.0) for i in range(120))
        writer.writerow(("a", "ai", "valid", "clean", 70.0))
    found = open_detector(str(run))
    ai, human = found.limits(0.01)
    # ceil(121 · 0.99) = 120: the largest of 120 human scores, and not one of the test.
    assert ai == pytest.approx(1.19, abs=1e-9) and human == 0.0
    assert found.limits(0.005) == (0.0, 0.0)  # 199 recordings are needed for that promise
    assert "120 human validation recordings" in found.note


def test_saved_weights_are_opened_with_a_warning_of_no_thresholds(tmp_path, detector):
    save_pretrained(detector, tmp_path / "mine", parameters={})
    for where in (tmp_path / "mine", tmp_path / "mine" / "model.safetensors"):
        found = open_detector(str(where))
        assert isinstance(found, OfNetwork) and "without thresholds" in found.note
        assert torch.equal(
            weights_of(found), torch.cat([p.flatten() for p in detector.parameters()])
        )


def test_weights_alone_need_the_name_of_their_detector(tmp_path, detector):
    path = tmp_path / "weights.pt"
    torch.save(detector.state_dict(), path)
    with pytest.raises(UsageError, match=r"which detector.*spectttra:"):
        open_detector(str(path))
    found = open_detector(f"lcnn:{path}")
    assert torch.equal(weights_of(found), torch.cat([p.flatten() for p in detector.parameters()]))
    with pytest.raises(BundleError, match="not of this"):
        open_detector(f"rawnet2:{path}")


def test_what_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'default'"):
        open_detector("defualt")
    with pytest.raises(UsageError, match="unsung weights fetch sonics/spectttra-gamma-5s"):
        open_detector("sonics/spectttra-gamma-5s")
    with pytest.raises(UsageError, match="no such file of weights"):
        open_detector(str(tmp_path / "no.pt"))
    with pytest.raises(BundleError, match=r"bundle\.json, recipe\.json or config\.json"):
        open_detector(str(tmp_path))
