# SPDX-License-Identifier: MIT
"""Bundles load whole or not at all, and the packaged one gives its golden scores."""

import json
import pickle
import shutil

import numpy as np
import pytest

from unsung.errors import BundleError, UnknownName, UsageError
from unsung.runtime import bundle_names, load_bundle
from unsung.runtime.weights import read_safetensors


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("default")


@pytest.fixture
def copy(tmp_path, bundle):
    return shutil.copytree(bundle.path, tmp_path / "copy")


def golden_signal(seed, duration_s, rate):
    """Written out again on purpose: the recipe in export/bundle.py must never change silently."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(duration_s * rate)) / rate
    sound = 0.02 * rng.standard_normal(len(time))
    for pitch in rng.choice(np.arange(40, 80), 4, replace=False):
        base = 440.0 * 2 ** ((pitch - 69) / 12)
        for k in range(1, 9):
            if k * base < rate / 2:
                sound += 0.1 / k * np.sin(2 * np.pi * k * base * time + rng.uniform(0, 6.28))
    for line in np.arange(1000, min(8000, rate / 2), 50.0):
        sound += 0.0005 * seed * np.sin(2 * np.pi * line * time)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("name", ["default", "fast"])
def test_golden_scores(name):
    bundle = load_bundle(name)
    assert len(bundle.info["golden"]) >= 3
    for golden in bundle.info["golden"]:
        analyzer = bundle.analyzer(bundle.sample_rate_hz)
        analyzer.push(golden_signal(golden["seed"], golden["duration_s"], bundle.sample_rate_hz))
        ((_, logit),) = analyzer.finish().windows
        # Sums of some 10^5 products in float32; between kernels of processors they move by 1e-6.
        assert logit == pytest.approx(golden["logit"], abs=1e-3)


@pytest.mark.parametrize(("name", "most_bytes"), [("default", 4e6), ("fast", 5e5)])
def test_what_is_packaged_is_small_and_complete(name, most_bytes):
    assert name in bundle_names()
    bundle = load_bundle(name)
    size = sum(item.stat().st_size for item in bundle.path.iterdir())
    assert size < most_bytes
    for key in (
        "summary",
        "trained_on",
        "failures",
        "intended_use",
        "forbidden_use",
        "patent_note",
        "training_cost",
    ):
        assert bundle.card[key]
    assert bundle.calibration["n_human"] == len(bundle.calibration["human_logits"])


def test_onnx_graph_is_the_linear_part(bundle):
    rng = np.random.default_rng(0)
    pictures = [
        rng.standard_normal((3, f.channels, len(f.freqs_hz), 1)).astype("f4")
        for f in bundle.front_ends
    ]
    linear = bundle.linear
    expected = linear.baseline + sum(
        (w * (p[..., 0] - m)).sum(axis=(1, 2))
        for w, m, p in zip(linear.weights, linear.means, pictures, strict=True)
    )
    np.testing.assert_allclose(bundle.logits(pictures), expected, atol=1e-3)


def test_survives_pickling_to_a_worker(bundle):
    again = pickle.loads(pickle.dumps(bundle))
    assert again.sha256 == bundle.sha256
    assert again.analyzer(16000).finish().logit is None


def test_unknown_name_suggests_the_near_one():
    with pytest.raises(UnknownName, match="no bundle named 'defualt'; did you mean 'default'"):
        load_bundle("defualt")


def test_a_changed_file_is_noticed(copy):
    raw = bytearray((copy / "model.onnx").read_bytes())
    raw[-1] ^= 1
    (copy / "model.onnx").write_bytes(raw)
    with pytest.raises(BundleError, match="changed or damaged"):
        load_bundle(copy)


def test_a_missing_file_is_named(copy):
    (copy / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match=r"weights.safetensors is missing"):
        load_bundle(copy)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '"x"'])
def test_a_damaged_document_is_an_error_with_advice(copy, text):
    (copy / "bundle.json").write_text(text)
    with pytest.raises(BundleError, match="unsung export"):
        load_bundle(copy)


def test_another_format_is_refused(copy):
    info = json.loads((copy / "bundle.json").read_text())
    info["format"] = 99
    (copy / "bundle.json").write_text(json.dumps(info))
    with pytest.raises(BundleError, match="format 99"):
        load_bundle(copy)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(BundleError, match="expected a bundle folder"):
        load_bundle(tmp_path)


def test_safetensors_agrees_with_the_library(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    arrays = {
        "a": np.arange(6, dtype="f4").reshape(2, 3),
        "b": np.array([1.5]),
        "c": np.arange(4, dtype="i8"),
        "d": np.ones((2, 1, 2), "f2"),
    }
    path = tmp_path / "x.safetensors"
    library.save_file(arrays, str(path))
    found = read_safetensors(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "raw", [b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0{}x", b"\x04\0\0\0\0\0\0\0null"]
)
def test_damaged_safetensors(tmp_path, raw):
    path = tmp_path / "x.safetensors"
    path.write_bytes(raw)
    if raw.endswith(b"x"):
        assert read_safetensors(path) == {}
        return
    with pytest.raises(BundleError, match="expected a safetensors file"):
        read_safetensors(path)


def test_thresholds_keep_their_promise_or_are_not_made(bundle):
    at_1 = bundle.thresholds(0.01)
    human = np.array(bundle.calibration["human_logits"])
    assert at_1.ai_logit is not None
    assert np.mean(human >= at_1.ai_logit) <= 0.01
    assert at_1.human_logit < at_1.ai_logit
    assert bundle.thresholds(0.05).ai_logit < at_1.ai_logit
    tiny = bundle.thresholds(1e-6)
    assert tiny.ai_logit is None
    assert "999999 needed" in tiny.guarantee
    for rate in (0, -0.1, 0.6, 1):
        with pytest.raises(UsageError, match="expected a false-alarm rate"):
            bundle.thresholds(rate)
