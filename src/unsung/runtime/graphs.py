# SPDX-License-Identifier: MIT
"""Runs the ONNX files of a bundle: the model, and front ends that have no NumPy engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unsung import frontends
from unsung.types import FloatArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["picture_maker", "session"]


def session(graph: Path) -> InferenceSession:
    """Return ONNX Runtime's session of a graph, on one core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads would only fight with the decoder processes for the cores.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def picture_maker(folder: Path, entry: Mapping[str, Any]) -> Callable[[FloatArray], FloatArray]:
    """Return what makes one input of the model from samples ``[batch, time]``.

    Args:
        folder: the bundle's.
        entry: of its ``front_ends``: a NumPy front end by name and parameters, or with ``graph``
            the file that takes its place (embeddings).
    """
    if "graph" not in entry:
        return frontends.build(entry["name"], entry["parameters"])
    ready = session(folder / entry["graph"])

    def run(samples: FloatArray) -> FloatArray:
        made: FloatArray = ready.run(None, {"samples": samples})[0]
        return made

    return run
