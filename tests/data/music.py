# SPDX-License-Identifier: MIT
"""Sound for these tests: seeded melodies that differ as pieces of music do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from unsung.types import Track


def melody(seed: int, seconds: float = 8.0, rate_hz: int = 22050) -> np.ndarray:
    """Return notes with overtones and a little noise. Shape: ``[time]``, float32."""
    rng = np.random.default_rng(seed)
    out = 0.003 * rng.standard_normal(round(seconds * rate_hz))
    at = 0.0
    while at < seconds:
        length = float(rng.choice([0.15, 0.3, 0.45]))
        t = np.arange(round(length * rate_hz)) / rate_hz
        hz = 220 * 2 ** (rng.integers(0, 30) / 12)
        note = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))
        start = round(at * rate_hz)
        piece = (0.15 * np.exp(-4 * t) * note)[: len(out) - start]
        out[start : start + len(piece)] += piece
        at += length
    return out.astype(np.float32)


def write_song(path: Path, seed: int = 0, seconds: float = 4.0, rate_hz: int = 22050) -> Path:
    """Write a melody as the extension says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, melody(seed, seconds, rate_hz), rate_hz)
    return path


def track(name: str, label: str = "human", **facts: object) -> Track:
    """Return a row; its path is its id."""
    return Track(id=name, path=facts.pop("path", name), label=label, **facts)  # type: ignore[arg-type]
