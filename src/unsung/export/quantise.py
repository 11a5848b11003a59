# SPDX-License-Identifier: MIT
"""A graph with weights of eight bits, and how far its logits drift from those of 32 bits.

ONNX Runtime's dynamic quantisation: weights are stored as 8-bit integers with a scale for each
tensor, activations are rounded when the graph runs, so that no calibration data is needed. Files
become a quarter as large. When not to use: for detectors of narrow lines (their weights span more
than 8 bits), and wherever the drift that the card states is not small beside the thresholds.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.errors import BundleError, MissingExtra

__all__ = ["drift", "quantise"]

KINDS = ("Conv", "Gemm", "MatMul")
"""Operators whose weights are stored in 8 bits; they hold nearly all of them."""


def quantise(path: Path) -> tuple[int, int]:
    """Replace a graph by its 8-bit version; returns the bytes before and after.

    Raises:
        MissingExtra: the package onnx is absent.
        BundleError: the graph cannot be quantised, or holds nothing that could be.
    """
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ModuleNotFoundError as error:
        raise MissingExtra("onnx", "research", "8-bit graphs") from error
    before = path.stat().st_size
    part = path.with_name(f".{path.name}.part")
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises a step that the exporter has done
    try:
        # Unsigned: ONNX Runtime's integer convolution on processors knows no signed weights.
        quantize_dynamic(
            _without_shapes(path),
            part,
            op_types_to_quantize=list(KINDS),
            weight_type=QuantType.QUInt8,
            extra_options={"DefaultTensorType": 1},  # float32, where no shape tells
        )
        if not _integer_nodes(part):
            raise BundleError(
                f"{path}: expected layers of the kinds {', '.join(KINDS)} with stored weights, "
                "found none; this detector has nothing to gain, export it without --int8"
            )
        part.replace(path)
    except BundleError:
        raise
    except Exception as error:  # it fails in many ways on graphs that it does not know
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BundleError(
            f"{path}: ONNX Runtime cannot quantise this graph ({said}); export it without --int8"
        ) from error
    finally:
        logger.setLevel(level)
        part.unlink(missing_ok=True)
    return before, path.stat().st_size


def drift(before: NDArray[np.float64], after: NDArray[np.float64]) -> dict[str, Any]:
    """Return how far logits moved: mean and largest distance, and signs that changed.

    Shape: ``[window]`` both.
    """
    distance = np.abs(after - before)
    return {
        "windows": len(distance),
        "mean_abs": round(float(distance.mean()), 4),
        "max_abs": round(float(distance.max()), 4),
        "sign_changes": int((np.sign(before) != np.sign(after)).sum()),
        "spread_of_logits": round(float(before.std()), 4),
    }


def _without_shapes(path: Path) -> Any:
    """Return the graph without the sizes between its nodes, which its checker takes for wrong."""
    import onnx

    model = onnx.load(str(path))
    del model.graph.value_info[:]
    return model


def _integer_nodes(path: Path) -> int:
    import onnx

    nodes = onnx.load(str(path)).graph.node
    return sum(node.op_type in ("ConvInteger", "MatMulInteger") for node in nodes)
