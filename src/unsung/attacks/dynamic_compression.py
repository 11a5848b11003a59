# SPDX-License-Identifier: MIT
"""Squeezes the dynamics: loud moments are turned down, then the loudness is made up.

Source: a feed-forward compressor with a soft decibel curve and separate attack and release times
(Giannoulis, Massberg, Reiss, "Digital Dynamic Range Compressor Design", JAES 2012). The threshold
lies 10 dB below the clip's root mean square, so that quiet clips are squeezed too; all channels
share one gain. Unit: the ratio of input to output above the threshold, in dB per dB. When not to
use: as a brick-wall limiter; take ``clipping``.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["DynamicCompression"]

_BLOCK_S, _ATTACK_S, _RELEASE_S, _BELOW_RMS_DB = 0.001, 0.005, 0.1, 10.0


class DynamicCompression(Attack):
    """Peak-following compressor with make-up to the input's root mean square."""

    unit: ClassVar[str] = ":1"
    strengths: ClassVar[tuple[float, ...]] = (1.5, 2.0, 4.0, 8.0, 20.0)
    default: ClassVar[float] = 4.0
    limits: ClassVar[tuple[float, float] | None] = (1.0, 100.0)

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
        if rms == 0:
            return samples
        block = max(1, round(_BLOCK_S * sample_rate_hz))
        level_db = _block_peaks_db(samples, block)
        over_db = np.maximum(0.0, level_db - (20 * math.log10(rms) - _BELOW_RMS_DB))
        gain_db = -_smoothed(over_db * (1 - 1 / strength))
        n = samples.shape[1]
        centres = (np.arange(len(gain_db)) + 0.5) * block
        gain = 10 ** (np.interp(np.arange(n), centres, gain_db) / 20)
        out = samples * gain
        return np.asarray(out * (rms / np.sqrt(np.mean(np.square(out)))), dtype=np.float32)


def _block_peaks_db(samples: FloatArray, block: int) -> NDArray[np.float64]:
    peaks = np.abs(samples).max(axis=0)
    padded = np.pad(peaks, (0, -len(peaks) % block))
    blocks = padded.reshape(-1, block).max(axis=1).astype(np.float64)
    return np.asarray(20 * np.log10(np.maximum(blocks, 1e-9)))


def _smoothed(reduction_db: NDArray[np.float64]) -> NDArray[np.float64]:
    rise, fall = (math.exp(-_BLOCK_S / s) for s in (_ATTACK_S, _RELEASE_S))
    out, state = np.empty_like(reduction_db), 0.0
    for index, value in enumerate(reduction_db.tolist()):
        keep = rise if value > state else fall
        state = keep * state + (1 - keep) * value
        out[index] = state
    return out
