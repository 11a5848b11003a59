# SPDX-License-Identifier: MIT
"""Torch modules → ONNX files that are the same bytes every time: a head, or a front end.

A front end becomes a graph only where its record says nothing that NumPy could compute: a network
of its own (embeddings). When not to use: for what the NumPy engines compute; they are faster.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unsung.detectors.base import Detector
from unsung.errors import BundleError
from unsung.frontends import FrontEnd
from unsung.frontends.embedding import Embedding

__all__ = ["needs_graph", "write_front", "write_head"]


def needs_graph(front_end: FrontEnd) -> bool:
    """Say whether a front end has no engine without torch."""
    return isinstance(front_end, Embedding)


def write_head(detector: Detector, path: Path, inputs: list[str]) -> None:
    """Write pictures → logits. Shape: ``[batch, channel, freq, frame]`` → ``[batch, output]``."""
    pictures = []
    for engine, front_end in zip(detector.engines, detector.front_ends, strict=True):
        with torch.no_grad():
            length = round(detector.window_s * front_end.sample_rate_hz)
            pictures.append(engine(torch.randn(2, length)))
    _write(_Head(detector), tuple(pictures), inputs, "logit", path)


def write_front(engine: torch.nn.Module, n_samples: int, path: Path) -> None:
    """Write ``samples`` → picture, for clips of one length. Shape: ``[batch, time]`` → picture."""
    _write(_Front(engine), (torch.randn(2, n_samples),), ["samples"], "picture", path)


class _Head(torch.nn.Module):
    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, *pictures: Tensor) -> Tensor:
        return self.detector.head(*pictures)


class _Front(torch.nn.Module):
    """Holds the network that the engine only borrows, so that its weights go into the file."""

    def __init__(self, engine: Any) -> None:
        super().__init__()
        self.engine = engine
        self.borrowed = torch.nn.ModuleList(getattr(engine, "_encoder", ()))

    def forward(self, samples: Tensor) -> Tensor:
        picture: Tensor = self.engine(samples)
        return picture


def _write(
    module: torch.nn.Module, example: tuple[Tensor, ...], inputs: list[str], output: str, path: Path
) -> None:
    batch = torch.export.Dim("batch", min=1)
    shapes: Any = tuple({0: batch} for _ in inputs)
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            module.eval(),
            example,
            input_names=inputs,
            output_names=[output],
            dynamic_shapes=(shapes,) if isinstance(module, _Head) else shapes,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise BundleError(f"{path}: torch exported nothing; is the extra `research` complete?")
    program.save(str(path), include_initializers=True, external_data=False)
    _strip(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the exporter logs: that torchvision, which nobody needs here, is absent."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


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
