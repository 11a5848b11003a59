# SPDX-License-Identifier: MIT
"""`unsung export`: runs with their calibration, checkpoints without, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from unsung.cli import app
from unsung.cli import export as cli
from unsung.detectors.descriptors_linear import DescriptorsLinear
from unsung.errors import BundleError, UnknownName, UsageError
from unsung.export import export_bundle
from unsung.export.bundle import golden_signal
from unsung.export.pretrained import save_pretrained
from unsung.runtime import load_bundle
from unsung.training.checkpoint import save_checkpoint, save_weights
from unsung.training.exporting import Wanted, export, last_round
from unsung.training.recipe import Recipe

AFFINE = {
    "name": "validation tracks of small", "kind": "affine", "scale": 1.0, "shift": 0.5,
    "prior": 0.5, "miss_rate": 0.1, "n_human": 3, "n_ai": 3, "n_groups": 3,
    "human_logits": [-2.0, -1.0, 0.0], "ai_logits": [0.0, 1.0, 2.0],
}  # fmt: skip
RECIPE = {"name": "small", "detector": "descriptors_linear", "options": {"window_s": 1.0}}
run = CliRunner()
verb = typer.Typer()
verb.command()(cli.export)


def detector(seed=0):
    torch.manual_seed(seed)
    made = DescriptorsLinear(window_s=1.0)
    with torch.no_grad():
        made.weights.copy_(0.01 * torch.randn_like(made.weights))
    return made.eval()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run's folder as `finish` leaves it."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    folder.mkdir()
    (folder / "recipe.json").write_text(json.dumps(Recipe.from_plain(RECIPE).to_dict()))
    save_weights(folder / "detector.safetensors", detector())
    export_bundle(
        detector(), folder / "bundle", name="small", version="1", reference=0, calibration=AFFINE,
        limits={"min_active_s": 1.0, "min_bandwidth_hz": 3000.0}, card={"summary": "trained"},
        training_files=["ab" * 32],
    )  # fmt: skip
    other = {f"detector.{k}": v for k, v in detector(seed=1).state_dict().items()}
    save_checkpoint(folder / "last.pt", {"network": other, "step": 3})
    return folder


def logit_of(folder):
    bundle = load_bundle(folder)
    analyzer = bundle.analyzer(16000)
    analyzer.push(golden_signal(9, 3.0, 16000))
    return analyzer.finish().logit


def torch_logit(seed):
    sound = golden_signal(9, 3.0, 16000).reshape(3, -1)
    with torch.no_grad():
        return float(detector(seed)(torch.from_numpy(sound)).mean())


def test_a_run_brings_its_calibration_and_card(finished, tmp_path):
    made = export(finished, tmp_path / "b", Wanted())
    bundle = load_bundle(made.folder)
    assert bundle.calibration == AFFINE
    assert bundle.card["summary"] == "trained"
    assert bundle.trained_on("ab" * 32)
    assert made.calibration == "validation tracks of small"
    assert logit_of(made.folder) == pytest.approx(torch_logit(0), abs=1e-4)


def test_a_checkpoint_of_it_has_none(finished, tmp_path):
    made = export(finished / "last.pt", tmp_path / "b", Wanted(name="early"))
    bundle = load_bundle(made.folder)
    assert made.calibration == "none"
    assert not bundle.calibrated
    assert bundle.name == "early-1"
    assert logit_of(made.folder) == pytest.approx(torch_logit(1), abs=1e-4)


def test_a_weights_folder_and_a_bare_file(finished, tmp_path):
    saved = tmp_path / "weights"
    save_pretrained(detector(), saved, parameters={"window_s": 1.0})
    one = export(saved, tmp_path / "one", Wanted())
    file = saved / "model.safetensors"
    wanted = Wanted(detector="descriptors_linear", settings=("window_s=1.0",))
    two = export(file, tmp_path / "two", wanted)
    assert logit_of(one.folder) == logit_of(two.folder)
    assert logit_of(one.folder) == pytest.approx(torch_logit(0), abs=1e-4)


def test_the_last_round_of_several_counts(tmp_path):
    for number, name in ((1, "first"), (2, "second"), (10, "last")):
        (tmp_path / f"round-{number}-{name}").mkdir()
    assert last_round(tmp_path) == tmp_path
    (tmp_path / "rounds.json").write_text("{}")
    assert last_round(tmp_path).name == "round-10-last"


@pytest.mark.parametrize(
    ("wanted", "kind", "match"),
    [
        (Wanted(), UsageError, "give --detector"),
        (Wanted(detector="descriptor_linear"), UnknownName, "descriptors_linear"),
        (Wanted(detector="descriptors_linear", settings=("size=3",)), UnknownName, "size"),
        (Wanted(detector="lcnn"), BundleError, "not of this LCNN"),
        (Wanted(detector="lcnn", released=True), UsageError, "reads no files of its authors"),
    ],
)
def test_what_does_not_fit_is_named(wanted, kind, match, tmp_path):
    save_weights(tmp_path / "w.safetensors", detector())
    with pytest.raises(kind, match=match):
        export(tmp_path / "w.safetensors", tmp_path / "b", wanted)
    assert not (tmp_path / "b").exists()


def test_a_folder_that_is_neither_and_a_path_that_is_none(tmp_path):
    with pytest.raises(UsageError, match="found neither"):
        export(tmp_path, tmp_path / "b", Wanted())
    with pytest.raises(UsageError, match="expected a run"):
        export(tmp_path / "nothing", tmp_path / "b", Wanted())


def test_the_verb_writes_what_scan_takes(finished, tmp_path):
    found = run.invoke(verb, [str(finished), "-o", str(tmp_path / "b")])
    assert found.exit_code == 0, found.output
    assert "calibration: validation tracks of small" in found.output
    soundfile.write(tmp_path / "a.wav", golden_signal(9, 3.0, 16000), 16000)
    scan = ["scan", str(tmp_path / "a.wav"), "--detector", str(tmp_path / "b"), "--json"]
    rows = run.invoke(app, scan)
    assert rows.exit_code == 0, rows.output
    row = json.loads(rows.stdout)
    row = row[0] if isinstance(row, list) else row
    assert row["logit"] == pytest.approx(torch_logit(0), abs=2e-3)  # 16-bit file
    assert row["llr_nats"] == pytest.approx(row["logit"] + 0.5, abs=1e-6)
    assert row["verdict"] == "undecided"
    assert len(row["windows"]) == 3


def test_the_drift_is_measured_on_the_sound_that_is_given(tmp_path):
    from unsung.training.exporting import _windows

    soundfile.write(tmp_path / "a.wav", golden_signal(9, 5.0, 22050), 22050)
    soundfile.write(tmp_path / "b.wav", golden_signal(9, 0.4, 16000), 16000)
    made = _windows(detector(), (str(tmp_path / "a.wav"), str(tmp_path / "b.wav")))
    assert made.shape[1] == 16000
    assert made.dtype == np.float32
    assert np.abs(made).max() > 0.1
