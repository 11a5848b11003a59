# SPDX-License-Identifier: MIT
"""Integrated loudness by ITU-R BS.1770: K-weighting, 400-ms blocks, two gates.

Source: Recommendation ITU-R BS.1770-5 (all channels weigh 1: mono and stereo). The two filters are
rebuilt for any sample rate from the analogue parameters behind the 48 kHz coefficients that the
recommendation prints. Unit: LUFS; a 997 Hz sine at full scale in one channel reads -3.01.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import signal

from unsung.types import FloatArray

__all__ = ["integrated_lufs", "k_weighting"]


def integrated_lufs(samples: FloatArray, sample_rate_hz: int) -> float:
    """Return the gated loudness, -inf where every block is below -70 LUFS.

    Shape: ``[channel, time]``. Sound shorter than one block is measured as one block.
    """
    weighted = signal.sosfilt(k_weighting(sample_rate_hz), samples.astype(np.float64), axis=-1)
    power = np.square(weighted).sum(axis=0)  # channels add with weight 1
    block, hop = round(0.4 * sample_rate_hz), round(0.1 * sample_rate_hz)
    block = min(block, len(power))
    total = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, len(power) - block + 1, max(1, hop))
    blocks = (total[starts + block] - total[starts]) / block
    loud = blocks[_lufs(blocks) > -70.0]
    if loud.size == 0:
        return -math.inf
    gate = float(_lufs(np.array([loud.mean()]))[0]) - 10.0
    return float(_lufs(np.array([loud[_lufs(loud) > gate].mean()]))[0])


def k_weighting(sample_rate_hz: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the head shelf and the low cut as second-order sections. Shape: ``[2, 6]``."""
    k, q = math.tan(math.pi * 1681.974450955533 / sample_rate_hz), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    scale = 1 + k / q + k * k
    b = [high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k]
    shelf = [*(v / scale for v in b), 1.0, 2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale]
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate_hz), 0.5003270373238773
    scale = 1 + k / q + k * k
    cut = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale]
    return np.array([shelf, cut])


def _lufs(
    power: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))
