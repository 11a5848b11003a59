# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from unsung.types import Clip


def music(sample_rate_hz: int = 44100, duration_s: float = 2.0, channels: int = 2) -> Clip:
    """Decaying chords, noise hits and a wide-band floor: enough like music to be hurt like it."""
    rng = np.random.default_rng(7)
    n = round(duration_s * sample_rate_hz)
    t = np.arange(n) / sample_rate_hz
    out = 0.004 * rng.standard_normal((channels, n))
    for index, start_s in enumerate(np.arange(0.0, duration_s, 0.25)):
        since = np.maximum(t - start_s, 0)
        ramp = (t >= start_s) * np.minimum(1, since / 0.003)
        root = 110 * 2 ** ((0, 3, 7, 10, 12, 7, 5, 3)[index % 8] / 12)
        pan = 0.3 + 0.4 * (index % 2)
        for k in range(1, 40):
            if k * root > 0.45 * sample_rate_hz:
                break
            wave = ramp * np.exp(-since * (3 + k)) * np.sin(2 * np.pi * k * root * since) / k
            out += 0.22 * np.array([[pan], [1 - pan]])[:channels] * wave
        hit = ramp * np.exp(-since / 0.02)
        out += 0.1 * hit * rng.standard_normal(n)
    return Clip(out.astype(np.float32), sample_rate_hz, track_id="music")


@pytest.fixture(scope="session")
def stereo() -> Clip:
    return music()
