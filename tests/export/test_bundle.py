# SPDX-License-Identifier: MIT
"""What is exported scans as torch does: windows, front ends as graphs, eight bits."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from unsung.detectors.base import Detector
from unsung.detectors.descriptors_linear import DescriptorsLinear
from unsung.detectors.residual_linear import ResidualLinear
from unsung.errors import BundleError
from unsung.export import export_bundle
from unsung.export.bundle import PARITY, UNCALIBRATED, golden_signal, graph_logits
from unsung.export.quantise import drift, quantise
from unsung.frontends.log_mel import LogMel
from unsung.runtime import load_bundle
from unsung.runtime.windowed import ai_logit

LIMITS = {"min_active_s": 1.0, "min_bandwidth_hz": 3000.0}


class Tiny(Detector):
    """A convolution and a linear layer on mel bands; two outputs."""

    outputs = ("human", "ai")
    window_s = 0.5

    def __init__(self):
        super().__init__((LogMel(n_mels=32, n_fft=512, hop=256, standardise=True),))
        self.conv = torch.nn.Conv2d(1, 8, 3, stride=2)
        self.last = torch.nn.Linear(8, 2)

    def head(self, *pictures):
        return 5 * self.last(torch.relu(self.conv(pictures[0])).mean((2, 3)))


class Noisy(Tiny):
    """A head whose exported graph is not what torch computes when it is asked."""

    def forward(self, samples):
        return super().forward(samples) + 0.01


def wrote(detector, folder, **more):
    settings = {"name": "x", "version": "1", "reference": 0, "calibration": UNCALIBRATED,
                "limits": LIMITS, "card": {"summary": "s"}}  # fmt: skip
    return export_bundle(detector.eval(), folder, **{**settings, **more})


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return Tiny().eval()


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    return wrote(tiny, tmp_path_factory.mktemp("b") / "tiny")


def test_a_scan_gives_the_mean_of_torch_s_windows(tiny, folder):
    sound = golden_signal(7, 4.0, 16000)
    with torch.no_grad():
        outputs = tiny(torch.from_numpy(sound.reshape(8, -1)))
    bundle = load_bundle(folder)
    analyzer = bundle.analyzer(16000)
    analyzer.push(sound)
    found = analyzer.finish()
    np.testing.assert_allclose([x for _, x in found.windows], outputs[:, 1], atol=PARITY)
    assert found.logit == pytest.approx(float(outputs[:, 1].mean()), abs=PARITY)


def test_all_outputs_agree_with_torch(tiny, folder):
    batch = np.stack([golden_signal(seed, 0.5, 16000) for seed in (5, 6, 7)])
    with torch.no_grad():
        expected = tiny(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(graph_logits(folder, batch), expected, atol=PARITY)


def test_golden_scores_are_those_of_a_scan(folder):
    bundle = load_bundle(folder)
    assert [row["seed"] for row in bundle.info["golden"]] == [0, 1, 2]
    for row in bundle.info["golden"]:
        analyzer = bundle.analyzer(16000)
        analyzer.push(golden_signal(row["seed"], row["duration_s"], 16000))
        assert analyzer.finish().logit == pytest.approx(row["logit"], abs=1e-5)


def test_the_same_weights_give_the_same_bytes(tiny, folder, tmp_path):
    again = wrote(tiny, tmp_path / "again")
    for path in folder.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_a_disagreement_with_torch_is_an_error(tmp_path):
    with pytest.raises(BundleError, match="the export is wrong"):
        wrote(Noisy(), tmp_path / "b")


def test_eight_bits_are_smaller_and_say_how_far_they_drift(tiny, tmp_path):
    sounds = np.stack([golden_signal(seed, 0.5, 16000) for seed in range(40, 46)])
    small = wrote(tiny, tmp_path / "small", int8=True, sounds=sounds)
    bundle = load_bundle(small)
    card = bundle.card["int8"]
    with torch.no_grad():
        exact = tiny(torch.from_numpy(sounds)).numpy()[:, 1]
    each = np.concatenate([graph_logits(small, sound[None]) for sound in sounds])
    came = ai_logit(each, bundle.info["outputs"])
    assert card["measured_on"] == "given sound"
    assert card["drift_logit"]["windows"] == 6
    assert card["drift_logit"]["max_abs"] == pytest.approx(np.abs(came - exact).max(), abs=1e-3)
    assert 0 < card["drift_logit"]["max_abs"] < 0.3
    row = bundle.info["golden"][0]
    analyzer = bundle.analyzer(16000)
    analyzer.push(golden_signal(0, row["duration_s"], 16000))
    assert analyzer.finish().logit == pytest.approx(row["logit"], abs=1e-5)


def test_drift_is_counted():
    before, after = np.array([1.0, -2.0, 0.1]), np.array([1.5, -2.0, -0.1])
    found = drift(before, after)
    assert found["max_abs"] == 0.5
    assert found["mean_abs"] == pytest.approx(0.7 / 3, abs=1e-4)
    assert found["sign_changes"] == 1


@pytest.mark.slow
def test_an_embedding_becomes_a_graph_of_its_own(tmp_path):
    pytest.importorskip("transformers")
    torch.manual_seed(0)
    detector = DescriptorsLinear("random-tiny", window_s=1.0).eval()
    with torch.no_grad():
        detector.weights.copy_(0.05 * torch.randn_like(detector.weights))
    folder = wrote(detector, tmp_path / "b")
    entries = json.loads((folder / "bundle.json").read_text())["front_ends"]
    assert [entry.get("graph") for entry in entries] == [None, "front_1.onnx"]
    batch = np.stack([golden_signal(seed, 1.0, 16000) for seed in (3, 4)])
    with torch.no_grad():
        expected = detector(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(graph_logits(folder, batch), expected, atol=1e-3, rtol=PARITY)


def test_the_linear_detector_stays_averaged(tmp_path):
    torch.manual_seed(0)
    detector = ResidualLinear()
    with torch.no_grad():
        for parameter in detector.parameters():
            parameter.copy_(0.01 * torch.randn_like(parameter))
    bundle = load_bundle(wrote(detector, tmp_path / "b"))
    assert not bundle.windowed
    assert "scan" not in bundle.info
    assert bundle.linear.weights[0].ndim == 2
    with pytest.raises(BundleError, match="export it without --int8"):
        quantise(bundle.path / "model.onnx")
    assert load_bundle(bundle.path).info["golden"]  # and the graph stays what it was
