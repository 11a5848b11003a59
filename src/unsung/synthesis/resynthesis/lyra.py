# SPDX-License-Identifier: MIT
"""Lyra v2 (SoundStream encoder, LyraGAN decoder): 16 kHz mono at 3.2, 6 or 9.2 kbps.

Runs the published TensorFlow Lite graphs with `ai-edge-litert`: 320 samples become 64 features, a
residual quantiser of 4-bit stages keeps the first 16, 30 or 46 of them, the decoder turns the
features back into 320 samples. Encoder and decoder keep state between frames, so channels are
passed one after another, each through fresh graphs. Source: google/lyra v1.3 (Apache-2.0),
Zeghidour et al., "SoundStream", 2021. Units: Hz, kbit/s. When not to use: for music above 8 kHz;
Lyra is a speech codec, and its copies end there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from unsung.errors import MissingExtra, UnsungError
from unsung.synthesis.resynthesis.base import Resynthesis, hash_files
from unsung.types import FloatArray

__all__ = ["Lyra"]

_FILES = ("soundstream_encoder.tflite", "quantizer.tflite", "lyragan.tflite")
_HOP, _BITS_PER_STAGE = 320, 4
_BITS = {"6kbps": 120, "3.2kbps": 64, "9.2kbps": 184}
"""Setting → bits a frame, at 50 frames a second."""


class Lyra(Resynthesis):
    """Lyra v2 as published.

    Weights: a folder with the three .tflite files, given by `weights`, by the environment
    variable UNSUNG_LYRA, or found in ~/.cache/unsung/lyra.

    Strides are those of the transposed convolutions in lyragan.tflite: 50 Hz × 2 × 2 × 5 × 16.
    Lines may stand at all multiples of 50 Hz, those of the last stage at multiples of 1 kHz.
    """

    settings: ClassVar[tuple[str, ...]] = tuple(_BITS)
    needs_weights: ClassVar[bool] = True
    licence: ClassVar[str] = "Apache-2.0"
    source: ClassVar[str] = "google/lyra 1.3; Zeghidour et al., SoundStream, 2021"
    sample_rate_hz = 16000
    strides = (2, 2, 5, 16)

    def __init__(self, setting: str = "", *, weights: Path | None = None, seed: int = 0) -> None:
        super().__init__(setting, weights=weights, seed=seed)
        self._files: tuple[bytes, ...] = ()

    @property
    def folder(self) -> Path:
        """Return the folder with the weights.

        Raises:
            UnsungError: the folder does not hold all three files.
        """
        given = self.weights or os.environ.get("UNSUNG_LYRA")
        folder = Path(given) if given else Path.home() / ".cache" / "unsung" / "lyra"
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise UnsungError(
                f"lyra needs {missing[0]}, which is not in {folder}; copy the .tflite files from "
                "github.com/google/lyra, folder lyra/model_coeffs, and name their folder with "
                "--weights lyra=FOLDER or UNSUNG_LYRA"
            )
        return folder

    def _origin(self) -> dict[str, Any]:
        digest = hash_files(self.folder, _FILES)
        return {"model": "google/lyra", "revision": "1.3", "weights_sha256": digest}

    def _load(self) -> tuple[Any, Any, Any]:
        """Return fresh graphs: their resource variables cannot be reset (0.1 s for a channel)."""
        folder = self.folder
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ModuleNotFoundError as error:
            raise MissingExtra("ai-edge-litert", "synthesis", "lyra") from error
        if not self._files:
            self._files = tuple((folder / name).read_bytes() for name in _FILES)
        try:
            encoder, quantiser, decoder = (
                Interpreter(model_content=data, num_threads=1) for data in self._files
            )
        except (ValueError, RuntimeError) as error:
            raise UnsungError(
                f"{folder}: the graphs of Lyra cannot be loaded ({error}); fetch them again"
            ) from error
        encoder.allocate_tensors()
        decoder.allocate_tensors()
        return encoder, quantiser, decoder

    def _run(self, samples: FloatArray) -> FloatArray:
        encoder, quantiser, decoder = self._load()
        to_codes, to_features = (quantiser.get_signature_runner(n) for n in ("encode", "decode"))
        stages = np.array(_BITS[self.setting] // _BITS_PER_STAGE, np.int32)
        frames = np.pad(samples[0], (0, -samples.shape[1] % _HOP)).reshape(-1, 1, _HOP)
        out = np.empty((len(frames), _HOP), np.float32)
        for number, frame in enumerate(frames):
            features = _invoke(encoder, frame)
            codes = to_codes(input_frames=features, num_quantizers=stages)["output_0"]
            out[number] = _invoke(decoder, to_features(encoding_indices=codes)["output_0"])[0]
        return out.reshape(1, -1)


def _invoke(graph: Any, value: FloatArray) -> FloatArray:
    graph.set_tensor(graph.get_input_details()[0]["index"], value)
    graph.invoke()
    made: FloatArray = graph.get_tensor(graph.get_output_details()[0]["index"])
    return made
