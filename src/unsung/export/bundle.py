# SPDX-License-Identifier: MIT
"""Detector → bundle folder, checked by loading it again and comparing logits.

A detector on residual spectra alone is averaged over a track by the runtime, every other one is
scanned window by window; either way the golden signals' logits must be torch's. Front ends are
records that the NumPy engines read, or a graph of their own (``front_0.onnx``) where there is no
engine without torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unsung.detectors.base import Detector
from unsung.detectors.residual_linear import ResidualLinear
from unsung.errors import BundleError
from unsung.export.golden import (
    SEEDS,
    golden_duration_s,
    golden_signal,
    graph_logits,
    scanned_logit,
)
from unsung.export.graphs import needs_graph, write_front, write_head
from unsung.export.quantise import drift, quantise
from unsung.outputs import FOREIGN, Kind, json_with, output_folder, write_whole
from unsung.runtime import Bundle, load_bundle
from unsung.runtime.bundle import FORMAT, WINDOWS, LinearPart
from unsung.runtime.shift import Join, ShiftSearch
from unsung.runtime.windowed import ai_logit
from unsung.types import FloatArray

__all__ = [
    "PARITY",
    "UNCALIBRATED",
    "WRITTEN",
    "bundle_text",
    "export_bundle",
    "golden_signal",
    "graph_logits",
]

WRITTEN = {
    "bundle.json": Kind("a bundle", (), json_with("format", "front_ends", "pooling")),
    **dict.fromkeys(("model.onnx", "front_*.onnx", "weights.safetensors"), FOREIGN),
}
"""What stands in a bundle's folder; its record is the sign."""

PARITY = 1e-4
"""Largest difference allowed between the torch model and the exported bundle, in logit units."""

UNCALIBRATED: Mapping[str, Any] = {
    "name": "none", "kind": "none", "miss_rate": 0.1, "n_human": 0, "n_ai": 0, "n_groups": 0,
    "human_logits": (), "ai_logits": (),
}  # fmt: skip
"""Calibration of a detector that nobody calibrated: logits, and no verdict."""

DRIFT_SEEDS = range(3, 35)
"""Golden signals that the drift of 8-bit weights is measured on where no sound is given."""


def bundle_text(info: Mapping[str, Any]) -> str:
    """Return what bundle.json holds: a line an entry, but lists of numbers on one.

    >>> print(bundle_text({"name": "a", "logits": [1.5, 2]}), end="")
    {
     "name": "a",
     "logits": [1.5, 2]
    }
    """
    text = json.dumps(info, indent=1, ensure_ascii=False) + "\n"
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[0][1:-1].split())}]", text)


_NUMBERS = re.compile(r"\[\s+-?\d[-+\d.eE,\s]*\]")


def export_bundle(
    detector: Detector,
    folder: Path,
    *,
    name: str,
    version: str,
    reference: int,
    calibration: Mapping[str, Any],
    limits: dict[str, float],
    card: dict[str, Any],
    training_files: Sequence[str] = (),
    shift: tuple[ShiftSearch, Join] | None = None,
    copies: LinearPart | None = None,
    variation: LinearPart | None = None,
    int8: bool = False,
    sounds: FloatArray | None = None,
) -> Path:
    """Write the bundle and prove that it gives the detector's logits.

    Args:
        detector: in evaluation mode, on the processor.
        folder: made if it is not there; files of these names in it are replaced.
        name: public name.
        version: of these weights.
        reference: which front end measures level and bandwidth, where spectra are averaged.
        calibration: record of `training.outcome.calibration_of`, or `UNCALIBRATED`.
        limits: what a sound must have for a verdict.
        card: the model card.
        training_files: hashes of the files learned from: evaluation warns when it meets them.
        shift: a template to search over shifts, and how its score joins the detector's.
        copies: a second linear model over the same pictures and means, joined by the same.
        variation: weights over each bin's deviation across a track's windows.
        int8: weights of eight bits; the card then states how far logits drift.
        sounds: windows that the drift is measured on, by default synthetic sound. Shape:
            ``[window, time]``.

    Raises:
        BundleError: the written bundle disagrees with the detector by more than `PARITY`.
    """
    output_folder(folder, (), WRITTEN, signs=("bundle.json",))
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("front_*.onnx"), folder / "weights.safetensors"):
        old.unlink(missing_ok=True)
    inputs = [f"picture_{index}" for index in range(len(detector.front_ends))]
    write_head(detector, folder / "model.onnx", inputs)
    averaged = isinstance(detector, ResidualLinear)
    if isinstance(detector, ResidualLinear):
        search = None if shift is None else shift[0]
        parts = (search, copies, variation)
        _write_linear(detector, folder / "weights.safetensors", inputs, parts)
    info: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "version": version,
        **({} if averaged else {"scan": WINDOWS}),
        "sample_rate_hz": detector.front_ends[0].sample_rate_hz,
        "window_s": detector.window_s,
        "outputs": list(detector.outputs),
        "pooling": "mean of window logits" + (", joined with the shift search" if shift else ""),
        **({} if shift is None else {"shift": shift[1].to_dict()}),
        **({} if variation is None else {"variation": True}),
        "reference": reference,
        "front_ends": _front_ends(detector, folder, inputs),
        "calibration": dict(calibration),
        "limits": limits,
        "golden": [],
        "card": dict(card),
        "training_files": sorted(sha256[:16] for sha256 in training_files),
        "files": {},
    }
    _write_info(folder, info)
    info["golden"] = _golden(detector, folder)
    if int8:
        info["card"]["int8"] = _eight_bits(folder, info, sounds)
        info["golden"] = _golden_of(folder)
    _write_info(folder, info)
    return folder


def _front_ends(detector: Detector, folder: Path, inputs: list[str]) -> list[dict[str, Any]]:
    """Return the records of the front ends; write those as graphs that NumPy cannot compute."""
    entries = []
    engines = zip(inputs, detector.front_ends, detector.engines, strict=True)
    for index, (label, front_end, engine) in enumerate(engines):
        kind = type(front_end).__module__.rsplit(".", 1)[-1]
        entry = {"input": label, "name": kind, "parameters": front_end.to_dict()}
        if needs_graph(front_end):
            graph = entry["graph"] = f"front_{index}.onnx"
            length = round(detector.window_s * front_end.sample_rate_hz)
            write_front(engine, length, folder / graph)
        entries.append(entry)
    return entries


def _write_info(folder: Path, info: dict[str, Any]) -> None:
    """Write bundle.json with the hashes of the files beside it."""
    found = sorted(path for path in folder.iterdir() if path.suffix in (".onnx", ".safetensors"))
    info["files"] = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in found}
    text = bundle_text(info)
    write_whole(folder / "bundle.json", text)


def _golden(detector: Detector, folder: Path) -> list[dict[str, float]]:
    """Score the golden signals with torch and with the bundle, and compare."""
    bundle = load_bundle(folder)
    rows = _golden_of(folder)
    for row in rows:
        sound = golden_signal(int(row["seed"]), row["duration_s"], bundle.sample_rate_hz)
        with torch.no_grad():
            expected = detector(torch.from_numpy(sound[None])).numpy()
        _compare(folder, row, _one_logit(bundle, expected)[0], row["logit"])
        if bundle.windowed:
            _compare(folder, row, expected[0], graph_logits(folder, sound[None])[0])
    return rows


def _golden_of(folder: Path) -> list[dict[str, float]]:
    """Return the golden signals with the bundle's own logits."""
    bundle = load_bundle(folder)
    duration_s, tells_ai = golden_duration_s(bundle), {"ai", "human"} & set(bundle.info["outputs"])
    rows = []
    for seed in SEEDS:
        sound = golden_signal(seed, duration_s, bundle.sample_rate_hz)
        logit = (
            scanned_logit(bundle, sound)
            if tells_ai
            else float(_one_logit(bundle, graph_logits(folder, sound[None]))[0])
        )
        rows.append({"seed": seed, "duration_s": duration_s, "logit": logit})
    return rows


def _compare(folder: Path, row: Mapping[str, float], expected: Any, came: Any) -> None:
    limit = PARITY * np.maximum(1.0, np.abs(expected))
    if not (np.abs(np.subtract(came, expected)) <= limit).all():
        raise BundleError(
            f"{folder}: golden signal {row['seed']:g} has logit {came} in the bundle and "
            f"{expected} in torch; the export is wrong"
        )


def _one_logit(bundle: Bundle, outputs: FloatArray) -> NDArray[np.float64]:
    """Return the logit that a scan shows, or the first output of what tells no AI."""
    names = bundle.info["outputs"]
    if {"ai", "human"} & set(names):
        return ai_logit(outputs, names)
    return np.asarray(outputs[:, 0], np.float64)


def _eight_bits(folder: Path, info: dict[str, Any], sounds: FloatArray | None) -> dict[str, Any]:
    """Quantise the graph; return sizes and drift for the card."""
    bundle = load_bundle(folder)
    what = "given sound"
    if sounds is None:
        what = "synthetic golden signals"
        sounds = np.stack(
            [golden_signal(s, bundle.window_s, bundle.sample_rate_hz) for s in DRIFT_SEEDS]
        )
    before = _logits_singly(folder, sounds)
    sizes = quantise(folder / "model.onnx")
    _write_info(folder, info)
    moved = drift(before, _logits_singly(folder, sounds))
    return {"bytes_before": sizes[0], "bytes": sizes[1], "measured_on": what, "drift_logit": moved}


def _logits_singly(folder: Path, sounds: FloatArray) -> NDArray[np.float64]:
    """Return a logit for each window, one window at a time: memory stays that of one."""
    bundle = load_bundle(folder)
    made = [graph_logits(folder, sound[None]) for sound in sounds]
    return _one_logit(bundle, np.concatenate(made))


def _write_linear(
    detector: ResidualLinear,
    path: Path,
    inputs: list[str],
    parts: tuple[ShiftSearch | None, LinearPart | None, LinearPart | None],
) -> None:
    from safetensors.numpy import save_file

    search, copies, variation = parts

    arrays = {"baseline": detector.baseline.detach().numpy()}
    for label, weight, mean in zip(inputs, detector.weights, detector.means, strict=True):
        arrays[f"{label}.weight"] = weight.detach().numpy()[..., 0].copy()
        arrays[f"{label}.mean"] = mean.detach().numpy()[..., 0].copy()
    if search is not None:
        for label, weight, mean in zip(inputs, search.weights, search.means, strict=True):
            arrays[f"{label}.shift_weight"] = weight.copy()
            arrays[f"{label}.shift_mean"] = mean.copy()
    if copies is not None:
        arrays["copies_baseline"] = np.array([copies.baseline], np.float32)
        for label, weight in zip(inputs, copies.weights, strict=True):
            arrays[f"{label}.copies_weight"] = np.ascontiguousarray(weight)
    if variation is not None:
        for label, weight, mean in zip(inputs, variation.weights, variation.means, strict=True):
            arrays[f"{label}.variation_weight"] = np.ascontiguousarray(weight)
            arrays[f"{label}.variation_mean"] = np.ascontiguousarray(mean)
    save_file(arrays, str(path))
    path.chmod(0o644)  # the library makes it private
