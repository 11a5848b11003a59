# SPDX-License-Identifier: MIT
"""Bundles that judge window by window: what is heard, how it is pooled, and honest refusals."""

import hashlib
import json
import pickle

import numpy as np
import pytest
import soundfile

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper

from unsung.errors import BundleError
from unsung.runtime import Analyzer, decide, load_bundle
from unsung.runtime.windowed import WindowAnalyzer, ai_logit, window_outputs
from unsung.scanning.calibration import calibrate, recalibrated
from unsung.scanning.one import score_file

RATE = 8000
NONE = {
    "name": "none", "kind": "none", "miss_rate": 0.1, "n_human": 0, "n_ai": 0, "n_groups": 0,
    "human_logits": [], "ai_logits": [],
}  # fmt: skip
AFFINE = {
    **NONE, "name": "made up", "kind": "affine", "scale": 2.0, "shift": -1.0,
    "human_logits": list(np.linspace(0.0, 0.05, 99)), "ai_logits": list(np.linspace(0.2, 0.3, 20)),
}  # fmt: skip


def graph(path, inputs="picture_0", output="logit", gain=1.0):
    """Write a graph: the mean of the absolute samples times a gain, and its negative."""
    value = helper.make_tensor_value_info
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1, 2], [gain, -gain])
    axes = helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3])
    nodes = [
        helper.make_node("Abs", [inputs], ["size"]),
        helper.make_node("ReduceMean", ["size", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("MatMul", ["column", "w"], [output]),
    ]
    last = helper.make_tensor("last", TensorProto.INT64, [1], [1])
    made = helper.make_graph(
        nodes, "g", [value(inputs, TensorProto.FLOAT, ["batch", 1, 1, None])],
        [value(output, TensorProto.FLOAT, ["batch", 2])], [weights, axes, last],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def front_graph(path):
    """Write a front end as a graph: ``[batch, time]`` halved, as ``[batch, 1, 1, time]``."""
    value = helper.make_tensor_value_info
    half = helper.make_tensor("half", TensorProto.FLOAT, [], [0.5])
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2])
    nodes = [
        helper.make_node("Mul", ["samples", "half"], ["less"]),
        helper.make_node("Unsqueeze", ["less", "axes"], ["picture"]),
    ]
    made = helper.make_graph(
        nodes, "f", [value("samples", TensorProto.FLOAT, ["batch", "time"])],
        [value("picture", TensorProto.FLOAT, ["batch", 1, 1, "time"])], [half, axes],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def write(folder, calibration=NONE, outputs=("ai", "human"), front=False, **more):
    """Write a bundle whose logit is the mean absolute sample of a window of one second."""
    folder.mkdir()
    graph(folder / "model.onnx")
    entry = {"input": "picture_0", "name": "raw", "parameters": {"sample_rate_hz": RATE}}
    if front:
        front_graph(folder / "front_0.onnx")
        entry["graph"] = "front_0.onnx"
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    info = {
        "format": 1, "name": "loudness", "version": "1", "scan": "windows",
        "sample_rate_hz": RATE, "window_s": 1.0, "outputs": list(outputs), "reference": 0,
        "front_ends": [entry], "calibration": calibration, "golden": [], "card": {}, "files": files,
        "limits": {"min_active_s": 0.5, "min_bandwidth_hz": 2000.0}, **more,
    }  # fmt: skip
    (folder / "bundle.json").write_text(json.dumps(info))
    return load_bundle(folder)


@pytest.fixture
def bundle(tmp_path):
    return write(tmp_path / "loudness")


def noise(*levels, rate=RATE, seconds=1.0):
    """White noise, one stretch a level. Its mean absolute value is the level."""
    rng = np.random.default_rng(0)
    size = round(rate * seconds)
    parts = [level * np.sqrt(np.pi / 2) * rng.standard_normal(size) for level in levels]
    return np.concatenate(parts).astype(np.float32)


def heard(bundle, samples, rate=RATE, block=3000):
    analyzer = bundle.analyzer(rate)
    for start in range(0, len(samples), block):
        analyzer.push(samples[start : start + block])
    return analyzer.finish()


def test_each_window_has_its_logit_and_the_track_their_mean(bundle):
    samples = noise(0.1, 0.2, 0.3)
    found = heard(bundle, samples)
    starts, logits = zip(*found.windows, strict=True)
    assert starts == (0.0, 1.0, 2.0)
    expected = np.abs(samples).reshape(3, -1).mean(axis=1)
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
    assert found.logit == pytest.approx(expected.mean(), rel=1e-5)
    assert found.covered_s == 3.0


@pytest.mark.parametrize("seconds", [0.3, 1.0, 1.4, 1.6, 7.25])
def test_block_size_does_not_matter(bundle, seconds):
    samples = noise(0.1, seconds=seconds)
    whole, parts = heard(bundle, samples, block=10**9), heard(bundle, samples, block=333)
    assert whole.windows == parts.windows
    assert whole.logit == parts.logit


def test_a_rest_is_heard_with_what_came_before_it_and_never_padded(bundle):
    samples = noise(0.1, 0.2, seconds=1.2)  # 2.4 s: one window, then 1.4 s as two
    found = heard(bundle, samples)
    assert [start for start, _ in found.windows] == [0.0, 1.0, 1.4]
    last = np.abs(samples[round(1.4 * RATE) :]).mean()
    assert found.windows[-1][1] == pytest.approx(last, rel=1e-5)
    weights = np.array([1.0, 0.7, 0.7])
    mean = np.average([logit for _, logit in found.windows], weights=weights)
    assert found.logit == pytest.approx(mean, rel=1e-4)


def test_a_short_track_is_repeated(bundle):
    samples = noise(0.1, seconds=0.6)
    found = heard(bundle, samples)
    expected = np.abs(np.resize(samples, RATE)).mean()
    assert found.windows == ((0.0, pytest.approx(expected, rel=1e-5)),)
    assert found.covered_s == pytest.approx(0.6, abs=0.13)


def test_silence_has_no_vote(bundle):
    loud, silent = noise(0.2), np.zeros(2 * RATE, np.float32)
    found = heard(bundle, np.concatenate([loud, silent, loud]))
    assert [start for start, _ in found.windows] == [0.0, 3.0]
    assert found.logit == pytest.approx(0.2, rel=0.05)
    nothing = heard(bundle, silent)
    assert nothing.logit is None
    assert "louder than -90 dB" in nothing.reason


def test_a_jump_starts_a_window_afresh(bundle):
    analyzer = bundle.analyzer(RATE)
    analyzer.push(noise(0.1))
    analyzer.jump(60.0)
    analyzer.push(noise(0.2))
    assert [start for start, _ in analyzer.finish().windows] == [0.0, 60.0]


def test_other_rates_are_resampled(bundle):
    found = heard(bundle, noise(0.1, seconds=2.0, rate=44100), rate=44100)
    assert len(found.windows) == 2
    assert found.covered_s == pytest.approx(2.0, abs=0.01)


def test_a_band_that_ends_early_is_no_evidence(bundle):
    time = np.arange(3 * RATE) / RATE
    low = sum(np.sin(2 * np.pi * hz * time) for hz in range(100, 1100, 100))
    found = heard(bundle, (0.05 * low).astype(np.float32))
    assert found.bandwidth_hz == pytest.approx(1000, abs=100)
    assert "1.0 kHz" in found.reason
    dither = np.random.default_rng(0).triangular(-1, 0, 1, len(time)) / 32768
    noisy = heard(bundle, (0.05 * low + dither).astype(np.float32))
    assert noisy.bandwidth_hz == pytest.approx(1000, abs=100)
    assert heard(bundle, noise(0.1)).bandwidth_hz > 3900


def test_an_uncalibrated_logit_is_no_verdict(bundle):
    verdict, reason, llr, chance = decide(bundle, heard(bundle, noise(0.9)), 0.01, 0.5)
    assert (verdict, llr, chance) == ("undecided", None, None)
    assert "unsung calibrate" in reason


def test_thresholds_come_from_the_calibration(tmp_path):
    bundle = write(tmp_path / "b", AFFINE)
    verdict, reason, llr, chance = decide(bundle, heard(bundle, noise(0.2)), 0.01, 0.5)
    assert (verdict, reason) == ("ai", "")
    assert llr == pytest.approx(2 * 0.2 - 1, abs=0.01)
    assert chance == pytest.approx(1 / (1 + np.exp(-llr)))
    assert decide(bundle, heard(bundle, noise(0.01)), 0.01, 0.5)[0] == "human"


def test_thresholds_of_ones_own_make_an_uncalibrated_bundle_decide(bundle, tmp_path):
    for index in range(99):
        soundfile.write(tmp_path / f"{index}.wav", noise(0.001 * (1 + index)), RATE)
    scores = [score_file(tmp_path / f"{index}.wav", bundle)[0] for index in range(99)]
    own = calibrate(scores, bundle, name="mine", rates=(0.01,))
    assert own.n_human == 99
    own.save(tmp_path / "own.json")
    ready = recalibrated(bundle, tmp_path / "own.json")
    loud, quiet = (heard(bundle, noise(level)) for level in (0.5, 0.001))
    assert decide(ready, loud, 0.01, 0.5)[:3] == ("ai", "", None)
    assert decide(ready, quiet, 0.01, 0.5)[0] == "undecided"


def test_a_scan_writes_the_same_row_as_for_any_bundle(bundle, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(0.1, 0.1, 0.1), RATE)
    score, picture = score_file(tmp_path / "a.wav", bundle, picture=True)
    assert score.error is None
    assert picture is None
    assert score.verdict == "undecided"
    assert len(score.windows) == 3
    assert "mean over 3 windows of 1 s" in score.evidence.words[0]


def test_a_front_end_may_be_a_graph(tmp_path):
    plain, halved = write(tmp_path / "a"), write(tmp_path / "b", front=True)
    batch = noise(0.1, 0.4).reshape(2, -1)
    np.testing.assert_allclose(
        window_outputs(halved, batch), window_outputs(plain, batch) / 2, rtol=1e-5
    )


def test_human_against_all_others_is_a_logit():
    outputs = np.array([[1.0, 0.5, -2.0], [0.0, 3.0, 0.0]], np.float32)
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    expected = np.log((1 - shares[:, 1]) / shares[:, 1])
    np.testing.assert_allclose(ai_logit(outputs, ("suno", "human", "udio")), expected, rtol=1e-5)


def test_a_detector_of_other_things_is_refused(tmp_path):
    bundle = write(tmp_path / "b", outputs=("piano", "guitar"))
    with pytest.raises(BundleError, match="tells piano, guitar"):
        bundle.analyzer(RATE)


def test_it_has_no_exact_shares(bundle):
    with pytest.raises(BundleError, match="expected a linear detector"):
        _ = bundle.linear


def test_it_survives_a_process_border(bundle):
    found = heard(bundle, noise(0.1))
    again = pickle.loads(pickle.dumps(bundle))
    assert heard(again, noise(0.1)).windows == found.windows


def test_the_default_bundle_keeps_its_own_way():
    default = load_bundle("default")
    assert not default.windowed
    assert type(default.analyzer(44100)) is Analyzer
    assert issubclass(WindowAnalyzer, Analyzer)
