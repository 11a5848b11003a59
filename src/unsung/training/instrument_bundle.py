# SPDX-License-Identifier: MIT
"""Writes a trained instrument CNN as the folder that `unsung instruments` reads.

    python -m unsung.training.instrument_bundle RUN MEASURED.json -o FOLDER

Batch norm goes into the convolutions and the copies of the picture into one channel; weights are
float16 in ``weights.safetensors``, from which the graph reads them in place: they are stored once.
The weight of positive targets is taken back out of the logits (a network trained with weight
w says log w too much), so that logits are those of the training clips' own shares. Thresholds are
those that the measurement chose on validation clips.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file

from unsung.detectors.instrument_cnn import InstrumentCNN
from unsung.errors import BundleError, MissingExtra
from unsung.runtime.instruments import DOCUMENT, FORMAT, InstrumentModel
from unsung.text import parse_json
from unsung.types import FloatArray

__all__ = ["main", "merged", "write_bundle"]

GRAPH, WEIGHTS = "model.onnx", "weights.safetensors"
AGREEMENT = 0.1
"""Largest difference of a logit that 11 bits of mantissa may make."""


def main(argv: Sequence[str] | None = None) -> None:
    """Write one folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of `python -m unsung.training.instruments`")
    parser.add_argument("measured", type=Path, help="JSON of instrument_measure")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--recordings", help="what was measured on recordings, for the card")
    given = parser.parse_args(argv)
    facts = parse_json((given.run / "run.json").read_text(encoding="utf-8"))
    measured = parse_json(given.measured.read_text(encoding="utf-8"))
    detector = InstrumentCNN(**facts["recipe"]["options"]).eval()
    detector.load_state_dict(load_file(given.run / "weights.safetensors"))
    weights = facts["recipe"]["loss"]["class_weights"] or measured["class_weights"]
    card = measured["card"]
    if given.recordings:
        card["recordings"] = given.recordings
    write_bundle(detector, given.out, weights, measured["thresholds"], card)


def write_bundle(
    detector: InstrumentCNN,
    out: Path,
    class_weights: Sequence[float],
    thresholds: Sequence[float],
    card: Mapping[str, Any],
) -> InstrumentModel:
    """Write graph, weights and document; return the loaded folder, proven equal on noise.

    Args:
        detector: in evaluation mode.
        out: made when absent.
        class_weights: weight of each output's positive targets in training.
        thresholds: logit of each output, the weight taken back.
        card: what the document says of the network.

    Raises:
        BundleError: the graph's logits are not the detector's.
    """
    out.mkdir(parents=True, exist_ok=True)
    arrays = merged(detector, class_weights)
    # The graph reads weights where they lie; ONNX Runtime wants them aligned to nothing.
    save_file({name: value.astype(np.float16) for name, value in arrays.items()}, out / WEIGHTS)
    (out / WEIGHTS).chmod(0o644)  # safetensors lets only the owner read
    _graph(detector, arrays, out)
    files = {name: _sha256(out / name) for name in (GRAPH, WEIGHTS)}
    info = {
        "format": FORMAT,
        "name": "instruments",
        "version": "1",
        "outputs": list(detector.outputs),
        "layers": detector.layers,
        "side": detector.side,
        "window_s": detector.window_s,
        "hop_s": detector.window_s / 2,
        "front_end": detector.front_ends[0].to_dict(),
        "thresholds": [round(float(t), 4) for t in thresholds],
        "card": dict(card),
        "files": files,
    }
    text = json.dumps(info, indent=1, ensure_ascii=False)
    (out / DOCUMENT).write_text(text + "\n", encoding="utf-8")
    model = InstrumentModel(out, info)
    _prove(detector, model, class_weights)
    return model


def merged(detector: InstrumentCNN, class_weights: Sequence[float]) -> dict[str, FloatArray]:
    """Return weights with batch norm inside, for one channel, without the class weights."""
    found: dict[str, FloatArray] = {}
    with torch.no_grad():
        for number in range(1, detector.layers + 1):
            conv, norm = getattr(detector, f"conv{number}"), getattr(detector, f"bn{number}")
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = conv.weight * gain[:, None, None, None]
            if number == 1:
                weight = weight.sum(1, keepdim=True)
            found[f"conv{number}.weight"] = weight.numpy()
            bias = (conv.bias - norm.running_mean) * gain + norm.bias
            found[f"conv{number}.bias"] = bias.numpy()
        found["fc.weight"] = detector.fc.weight.numpy()
        offset = torch.tensor([math.log(w) for w in class_weights])
        found["fc.bias"] = (detector.fc.bias - offset).numpy()
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}


def _graph(detector: InstrumentCNN, arrays: Mapping[str, FloatArray], out: Path) -> None:
    try:
        import onnx
        from onnx import TensorProto, helper
    except ModuleNotFoundError as error:
        raise MissingExtra("onnx", "research", "writing the folder of an instrument CNN") from error
    header = (out / WEIGHTS).read_bytes()
    size = int.from_bytes(header[:8], "little")
    places = parse_json(header[8 : 8 + size])
    tensors, nodes = [], []
    for name, value in arrays.items():
        begin, end = places[name]["data_offsets"]
        tensor = onnx.TensorProto(name=f"{name}.half", data_type=TensorProto.FLOAT16)
        tensor.dims.extend(value.shape)
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": WEIGHTS, "offset": 8 + size + begin, "length": end - begin}
        for key, entry in place.items():
            tensor.external_data.add(key=key, value=str(entry))
        tensors.append(tensor)
        nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    constants = {"scale": 1 / 40.0, "one": 1.0}
    tensors += [helper.make_tensor(k, TensorProto.FLOAT, [], [v]) for k, v in constants.items()]
    shape = [detector.side, detector.side]
    tensors.append(helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]))
    tensors.append(helper.make_tensor("size", TensorProto.INT64, [2], shape))
    nodes += [
        helper.make_node("ReduceMax", ["picture", "axes"], ["loudest"], keepdims=1),
        helper.make_node("Sub", ["picture", "loudest"], ["below"]),
        helper.make_node("Mul", ["below", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "one"], ["level"]),
        helper.make_node(
            "Resize", ["level", "", "", "size"], ["hidden0"], mode="linear", axes=[2, 3],
            coordinate_transformation_mode="half_pixel",
        ),
    ]  # fmt: skip
    for number, pool in enumerate(detector.pools, 1):
        inputs = [f"hidden{number - 1}", f"conv{number}.weight", f"conv{number}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [f"conv{number}"]))
        last = f"conv{number}"
        if pool > 1:
            shapes: dict[str, Any] = {"kernel_shape": [pool, pool], "strides": [pool, pool]}
            nodes.append(helper.make_node("MaxPool", [last], [f"pool{number}"], **shapes))
            last = f"pool{number}"
        nodes.append(helper.make_node("Relu", [last], [f"hidden{number}"]))
    nodes.append(helper.make_node("Flatten", [f"hidden{detector.layers}"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["logits"], transB=1))
    front_end = detector.front_ends[0]
    bands = len(front_end.freqs_hz)
    graph = helper.make_graph(
        nodes,
        "instrument_cnn",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 1, bands, "t"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(detector.outputs)])],
        tensors,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (out / GRAPH).write_bytes(made.SerializeToString())


def _prove(detector: InstrumentCNN, model: InstrumentModel, class_weights: Sequence[float]) -> None:
    rng = np.random.default_rng(0)
    length = round(detector.window_s * detector.front_ends[0].sample_rate_hz)
    noise = 0.1 * rng.standard_normal((2, length)).astype(np.float32)
    with torch.no_grad():
        wanted = detector(torch.from_numpy(noise)).numpy() - np.log(np.array(class_weights))
    found = model.logits(model.front_end(noise))
    worst = float(np.abs(wanted - found).max())
    if not worst < AGREEMENT:
        raise BundleError(
            f"{model.path}: the graph's logits differ from the network's by {worst:g}"
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
