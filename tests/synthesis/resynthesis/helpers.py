# SPDX-License-Identifier: MIT
"""Music for the tests of resynthesis: decaying chords over a floor of noise."""

from __future__ import annotations

import numpy as np

from unsung.types import Clip


def music(
    seconds: float = 2.0, rate_hz: int = 44100, channels: int = 1, seed: int = 0, track_id: str = ""
) -> Clip:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    out = 1e-3 * rng.standard_normal((channels, len(t)))
    for start_s in np.arange(0, seconds, 0.4):
        since = np.maximum(t - start_s, 0)
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        for k in range(1, 10):
            wave = (t >= start_s) * np.exp(-3 * since) * np.sin(2 * np.pi * k * root * since)
            out += 0.1 / k * wave * rng.uniform(0.5, 1, (channels, 1))
    return Clip((0.5 * out / np.abs(out).max()).astype(np.float32), rate_hz, 0.0, track_id)
