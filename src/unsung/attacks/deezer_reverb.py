# SPDX-License-Identifier: MIT
"""Deezer's reverb test: Freeverb as SoX has it, with settings drawn for each clip.

Source: the robustness test of Afchar, Meseguer-Brocal and Hennequin, "AI-Generated Music Detection
and its Challenges" (ICASSP 2025): reverberance and damping 20 to 80 %, room scale and stereo depth
100 % or (one time in two) 50 to 100 %, pre-delay 0 or up to 5 ms, wet gain -3 to 3 dB. The share of
"or" is not published; one in two is ours. Unit: scale of the reverberant sound; 1 is the published
one. When not to use: for a room of known size; take ``room``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import signal

from unsung.attacks._freeverb import impulse_response
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["DeezerReverb"]

_LONGEST_S = 6.0  # 80 % reverberance falls by 60 dB in about five seconds


class DeezerReverb(Attack):
    """x + strength · wet; two channels reach both ears, as in SoX."""

    unit: ClassVar[str] = "x"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.25, 0.5, 0.75, 1.0)
    default: ClassVar[float] = 1.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 4.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        channels, n = samples.shape
        ears = _ears(n, sample_rate_hz, 2 if channels == 2 else 1, np.random.default_rng(seed))
        heard = samples
        if channels == 2:  # SoX halves each source's way to each ear; both responses are alike
            heard = np.repeat(0.5 * samples.sum(axis=0, keepdims=True), 2, axis=0)
        wet = signal.oaconvolve(heard, np.broadcast_to(ears, (channels, ears.shape[1])), axes=-1)
        return np.asarray(samples + np.float32(strength) * wet[:, :n], dtype=np.float32)


def _ears(n: int, rate: int, count: int, rng: np.random.Generator) -> FloatArray:
    """Draw the settings and return the responses. Shape: ``[count, time]``."""
    reverberance, damping = rng.uniform(20, 80, 2)
    room_scale, depth = (100.0 if rng.random() < 0.5 else rng.uniform(50, 100) for _ in range(2))
    pre_delay_s = 0.0 if rng.random() < 0.5 else rng.uniform(0, 0.005)
    gain = 10 ** (rng.uniform(-3, 3) / 20)
    delay = round(pre_delay_s * rate)
    length = max(1, min(n, round(_LONGEST_S * rate)))
    rows = [
        impulse_response(
            length,
            rate,
            reverberance=reverberance,
            damping=damping,
            room_scale=room_scale,
            spread=ear * depth / 100,
        )
        for ear in range(count)
    ]
    return np.pad(np.float32(gain) * np.stack(rows), ((0, 0), (delay, 0)))
