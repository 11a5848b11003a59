# SPDX-License-Identifier: MIT
"""An audience over the music: applause of many hands and a murmur that swells.

Source: claps as a Poisson process of short band-limited noise bursts with centres from 700 to 2400
Hz (Repp, "The sound of two hands clapping", JASA 1987, for the range), over noise shaped like many
voices. Channels are independent: the crowd is all around. Unit: dB by which the music exceeds the
crowd. When not to use: for one speaker; take ``speech_over``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from unsung.attacks._filters import butterworth
from unsung.attacks._mixing import mixed
from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["CrowdNoise"]

_HANDS = 6  # kinds of clap
_CLAPS_PER_S = 40.0  # of each kind
_CLAP_HZ, _CLAP_S = (700.0, 2400.0), 0.03
_MURMUR_HZ, _MURMUR = (150.0, 2500.0), 0.4  # band; level against the claps'
_SWELL_S = 1.5


class CrowdNoise(Attack):
    """Applause and murmur `strength` dB below the music."""

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (40.0, 30.0, 20.0, 15.0, 10.0, 5.0, 0.0)
    default: ClassVar[float] = 15.0
    limits: ClassVar[tuple[float, float] | None] = (-40.0, 80.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        rng = np.random.default_rng(seed)
        channels, n = samples.shape
        kinds = [_clap(sample_rate_hz, rng) for _ in range(_HANDS)]
        crowd = [_crowd(n, sample_rate_hz, kinds, rng) for _ in range(channels)]
        return mixed(samples, np.stack(crowd), strength)


def _crowd(
    n: int, rate: int, kinds: list[NDArray[np.float64]], rng: np.random.Generator
) -> FloatArray:
    claps = np.zeros(n)
    for kind in kinds:
        count = 1 + rng.poisson(_CLAPS_PER_S * n / rate)
        hits = np.zeros(n)
        np.add.at(hits, rng.integers(0, n, count), rng.lognormal(0.0, 0.5, count))
        claps += signal.oaconvolve(hits, kind)[:n]
    murmur = _band(rng.standard_normal(n), *_MURMUR_HZ, rate)
    knots = rng.uniform(0.5, 1.0, 2 + int(n / rate / _SWELL_S))
    swell = np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)
    level = np.sqrt(np.mean(np.square(claps)) / max(float(np.mean(np.square(murmur))), 1e-30))
    return np.asarray(swell * (claps + _MURMUR * level * murmur), dtype=np.float32)


def _clap(rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    n = max(4, round(_CLAP_S * rate))
    centre_hz = rng.uniform(*_CLAP_HZ)
    burst = rng.standard_normal(n) * np.exp(-np.arange(n) / (0.2 * n))
    return _band(burst, 0.6 * centre_hz, 1.6 * centre_hz, rate)


def _band(
    sound: NDArray[np.float64], low_hz: float, high_hz: float, rate: int
) -> NDArray[np.float64]:
    high_hz = min(high_hz, 0.45 * rate)
    low = butterworth("lowpass", high_hz, 12, rate)
    high = butterworth("highpass", min(low_hz, 0.5 * high_hz), 12, rate)
    return np.asarray(signal.sosfilt(np.concatenate([low, high]), sound))
