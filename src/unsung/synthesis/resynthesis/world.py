# SPDX-License-Identifier: MIT
"""WORLD: pitch, envelope and aperiodicity, and speech-like sound made from them again.

Morise, Yokomori, Ozawa, "WORLD: a vocoder-based high-quality speech synthesis system", 2016,
through `pyworld` (install it yourself: it is built from source). Frames of 5 ms. No network, no
strides: a control of what classical vocoding does. Units: Hz.
When not to use: for chords; WORLD knows one pitch at a time and turns the rest into noise.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from unsung.errors import MissingExtra, UnsungError
from unsung.synthesis.resynthesis.base import Resynthesis
from unsung.types import FloatArray

__all__ = ["World"]

_FRAME_MS = 5.0


class World(Resynthesis):
    """WORLD's analysis and synthesis; the setting names the pitch tracker."""

    settings: ClassVar[tuple[str, ...]] = ("dio", "harvest")
    licence: ClassVar[str] = "BSD-3-Clause (WORLD), MIT (pyworld)"
    source: ClassVar[str] = "Morise et al., WORLD, 2016"
    sample_rate_hz = 24000

    def _run(self, samples: FloatArray) -> FloatArray:
        pyworld = _pyworld()
        x, rate_hz = np.ascontiguousarray(samples[0], dtype=np.float64), self.sample_rate_hz
        tracker = pyworld.dio if self.setting == "dio" else pyworld.harvest
        pitch, times = tracker(x, rate_hz, frame_period=_FRAME_MS)
        if self.setting == "dio":
            pitch = pyworld.stonemask(x, pitch, times, rate_hz)
        envelope = pyworld.cheaptrick(x, pitch, times, rate_hz)
        noise = pyworld.d4c(x, pitch, times, rate_hz)
        made = pyworld.synthesize(pitch, envelope, noise, rate_hz, _FRAME_MS)
        return np.asarray(made, dtype=np.float32)[None]

    def _origin(self) -> dict[str, Any]:
        from importlib.metadata import version

        _pyworld()
        return {"model": "WORLD", "revision": f"pyworld {version('pyworld')}", "weights_sha256": ""}


def _pyworld() -> Any:
    try:
        import pyworld
    except ModuleNotFoundError as error:
        if error.name == "pkg_resources":
            raise UnsungError(
                "pyworld is installed but cannot be imported: this version of it needs "
                "pkg_resources; run: pip install 'setuptools<81'"
            ) from error
        raise MissingExtra("pyworld", "vocoders", "WORLD") from error
    return pyworld
