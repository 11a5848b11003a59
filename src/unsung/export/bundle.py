# SPDX-License-Identifier: MIT
"""Detector → bundle folder, checked by loading it again and comparing logits.

A detector on residual spectra is checked through the runtime, which averages them over a track;
any other one window by window: NumPy front ends, then the graph (`graph_logits`).
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unsung import frontends
from unsung.detectors.base import Detector
from unsung.detectors.residual_linear import ResidualLinear
from unsung.errors import BundleError
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime import load_bundle
from unsung.runtime.bundle import FORMAT
from unsung.runtime.shift import Join, ShiftSearch
from unsung.types import FloatArray

__all__ = ["PARITY", "export_bundle", "golden_signal", "graph_logits"]

PARITY = 1e-4
"""Largest difference allowed between the torch model and the exported bundle, in logit units."""


def export_bundle(
    detector: Detector,
    folder: Path,
    *,
    name: str,
    version: str,
    reference: int,
    calibration: dict[str, Any],
    limits: dict[str, float],
    card: dict[str, Any],
    training_files: Sequence[str] = (),
    shift: tuple[ShiftSearch, Join] | None = None,
) -> Path:
    """Write the bundle and prove that it gives the detector's logits.

    `training_files` are hashes of the files learned from: evaluation warns when it meets them.
    `shift` is a template to search over shifts, and how its score joins the detector's.

    Raises:
        BundleError: the written bundle disagrees with the detector by more than `PARITY`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    inputs = [f"picture_{index}" for index in range(len(detector.front_ends))]
    _write_onnx(detector, folder / "model.onnx", inputs)
    if isinstance(detector, ResidualLinear):
        search = None if shift is None else shift[0]
        _write_linear(detector, folder / "weights.safetensors", inputs, search)
    kinds = [type(front_end).__module__.rsplit(".", 1)[-1] for front_end in detector.front_ends]
    files = [path.name for path in sorted(folder.iterdir()) if path.name != "bundle.json"]
    info = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "sample_rate_hz": detector.front_ends[0].sample_rate_hz,
        "window_s": detector.window_s,
        "outputs": list(detector.outputs),
        "pooling": "mean of window logits" + (", joined with the shift search" if shift else ""),
        **({} if shift is None else {"shift": shift[1].to_dict()}),
        "reference": reference,
        "front_ends": [
            {"input": label, "name": kind, "parameters": front_end.to_dict()}
            for label, kind, front_end in zip(inputs, kinds, detector.front_ends, strict=True)
        ],
        "calibration": calibration,
        "limits": limits,
        "golden": [],
        "card": card,
        "training_files": sorted(sha256[:16] for sha256 in training_files),
        "files": {f: hashlib.sha256((folder / f).read_bytes()).hexdigest() for f in files},
    }
    _write_json(folder / "bundle.json", info)
    info["golden"] = _golden(detector, folder)
    _write_json(folder / "bundle.json", info)
    return folder


def golden_signal(seed: int, duration_s: float, sample_rate_hz: int) -> FloatArray:
    """Return a sound anyone can make again: chords, a comb at 50 Hz steps and noise.

    Shape: ``[time]``. A golden score is this signal's logit, the same in every engine.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    sound = 0.02 * rng.standard_normal(len(time))
    for pitch in rng.choice(np.arange(40, 80), 4, replace=False):
        base = 440.0 * 2 ** ((pitch - 69) / 12)
        for k in range(1, 9):
            if k * base < sample_rate_hz / 2:
                sound += 0.1 / k * np.sin(2 * np.pi * k * base * time + rng.uniform(0, 6.28))
    for line in np.arange(1000, min(8000, sample_rate_hz / 2), 50.0):
        sound += 0.0005 * seed * np.sin(2 * np.pi * line * time)
    scaled: FloatArray = (0.5 * sound / np.abs(sound).max()).astype(np.float32)
    return scaled


def graph_logits(folder: Path, samples: FloatArray) -> FloatArray:
    """Return the logits of whole windows: the bundle's NumPy front ends, then its graph.

    Shape: ``[batch, time]`` at the bundle's rate, ``window_s`` long → ``[batch, output]``.
    """
    import onnxruntime

    info = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    built = {e["input"]: frontends.build(e["name"], e["parameters"]) for e in info["front_ends"]}
    session = onnxruntime.InferenceSession(
        str(folder / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    pictures = {name: front_end(samples) for name, front_end in built.items()}
    logits: FloatArray = session.run(None, pictures)[0]
    return logits


def _golden(detector: Detector, folder: Path) -> list[dict[str, float]]:
    """Score the golden signals with torch and with the bundle, and compare."""
    averaged = all(isinstance(f, ResidualSpectrum) for f in detector.front_ends)
    duration_s = 10.0 if averaged else detector.window_s
    rate = detector.front_ends[0].sample_rate_hz
    rows = []
    for seed in (0, 1, 2):
        sound = golden_signal(seed, duration_s, rate)
        with torch.no_grad():
            expected = detector(torch.from_numpy(sound[None]))[0].numpy()
        came = _track_logit(folder, sound) if averaged else graph_logits(folder, sound[None])[0]
        difference = np.abs(came - expected[: len(came)])
        if not (difference <= PARITY * np.maximum(1.0, np.abs(expected[: len(came)]))).all():
            raise BundleError(
                f"{folder}: golden signal {seed} has logit {came} in the bundle and {expected} in "
                "torch; the export is wrong"
            )
        rows.append({"seed": seed, "duration_s": duration_s, "logit": float(expected[0])})
    return rows


def _track_logit(folder: Path, sound: FloatArray) -> FloatArray:
    """Return the logit of a sound of one window as a scan measures it; NaN for no window."""
    bundle = load_bundle(folder)
    analyzer = bundle.analyzer(bundle.sample_rate_hz)
    analyzer.push(sound)
    windows = analyzer.finish().windows
    return np.array([windows[0][1] if windows else np.nan], np.float32)


class _Head(torch.nn.Module):
    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, *pictures: Tensor) -> Tensor:
        return self.detector.head(*pictures)


def _write_onnx(detector: Detector, path: Path, inputs: list[str]) -> None:
    pictures = []
    for engine, front_end in zip(detector.engines, detector.front_ends, strict=True):
        with torch.no_grad():
            length = round(detector.window_s * front_end.sample_rate_hz)
            pictures.append(engine(torch.randn(2, length)))
    batch = torch.export.Dim("batch", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            _Head(detector).eval(),
            tuple(pictures),
            input_names=inputs,
            output_names=["logit"],
            dynamic_shapes=(tuple({0: batch} for _ in inputs),),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise BundleError(f"{path}: torch exported nothing; is the extra `research` complete?")
    program.save(str(path), include_initializers=True, external_data=False)
    _strip(path)


def _strip(path: Path) -> None:
    """Remove the exporter's traces of the machine: the same model gives the same bytes."""
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    del model.metadata_props[:]
    for item in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        item.doc_string = ""
        del item.metadata_props[:]
    for tensor in graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]
    del graph.metadata_props[:]
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _write_linear(
    detector: ResidualLinear, path: Path, inputs: list[str], search: ShiftSearch | None
) -> None:
    from safetensors.numpy import save_file

    arrays = {"baseline": detector.baseline.detach().numpy()}
    for label, weight, mean in zip(inputs, detector.weights, detector.means, strict=True):
        arrays[f"{label}.weight"] = weight.detach().numpy()[..., 0].copy()
        arrays[f"{label}.mean"] = mean.detach().numpy()[..., 0].copy()
    if search is not None:
        for label, weight, mean in zip(inputs, search.weights, search.means, strict=True):
            arrays[f"{label}.shift_weight"] = weight.copy()
            arrays[f"{label}.shift_mean"] = mean.copy()
    save_file(arrays, str(path))
    path.chmod(0o644)  # the library makes it private


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
