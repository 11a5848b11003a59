# SPDX-License-Identifier: MIT
"""How fast: summaries of measured times. Nothing here takes a time itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unsung.evaluation._checks import EvaluationError, Floats, as_scores, same_length
from unsung.types import Record

__all__ = [
    "GRID_G_PER_KWH",
    "Latency",
    "audio_seconds_per_cpu_second",
    "co2_g",
    "latency",
    "real_time_factor",
]

GRID_G_PER_KWH = 480.0
"""World average of 2023 (Ember, Global Electricity Review 2024); a grid's own value is better."""


@dataclass(frozen=True)
class Latency(Record):
    """Time a call, in seconds; ``p95_s`` is what 95 % of the calls stay below."""

    median_s: float
    p95_s: float
    mean_s: float
    n: int

    @property
    def per_second(self) -> float:
        """Calls a second at the mean time (SONICS' "audios a second" at batch 1)."""
        return 1 / self.mean_s


def latency(times_s: ArrayLike, *, warm_up: int = 0) -> Latency:
    """Summarise the times of single calls, the first ``warm_up`` of them left out.

    SONICS' protocol is 5 warm-ups and 100 calls at batch 1, front end included.

    Shape: ``[call]`` → median, 95th percentile, mean.

    >>> latency([9.0, 1.0, 2.0, 3.0], warm_up=1).median_s
    2.0
    """
    times = _positive(times_s, "times in seconds")
    if not 0 <= warm_up < times.size:
        raise EvaluationError(
            f"expected more calls than the {warm_up} for warm-up, got {times.size}"
        )
    kept = times[warm_up:]
    median, p95 = np.percentile(kept, [50, 95])
    return Latency(float(median), float(p95), float(kept.mean()), kept.size)


def audio_seconds_per_cpu_second(audio_s: ArrayLike, cpu_s: ArrayLike) -> float:
    """Return the seconds of music scanned in a second of processor time, all files together.

    Processor time is summed over cores, so the number does not grow with their count. Sums are
    divided, not ratios averaged: long files count as long as they are.

    Shape: ``[file]``, ``[file]`` → a ratio.

    >>> audio_seconds_per_cpu_second([180.0, 60.0], [1.0, 1.0])
    120.0
    """
    audio, cpu = _positive(audio_s, "seconds of audio"), _positive(cpu_s, "seconds of CPU time")
    same_length("CPU times", cpu.size, audio.size)
    return float(audio.sum() / cpu.sum())


def real_time_factor(audio_s: ArrayLike, wall_s: ArrayLike) -> float:
    """Return the waiting time for a second of music; below 1 is faster than listening.

    Shape: ``[file]``, ``[file]`` → a ratio.

    >>> real_time_factor([100.0], [1.0])
    0.01
    """
    audio, wall = _positive(audio_s, "seconds of audio"), _positive(wall_s, "waiting times")
    same_length("waiting times", wall.size, audio.size)
    return float(wall.sum() / audio.sum())


def co2_g(energy_j: float | None, grid_g_per_kwh: float = GRID_G_PER_KWH) -> float | None:
    """Return grams of CO2 equivalent for an energy, None where no energy was measured.

    >>> co2_g(3.6e6, 100.0), co2_g(None)
    (100.0, None)
    """
    if not (math.isfinite(grid_g_per_kwh) and grid_g_per_kwh >= 0):
        raise EvaluationError(f"expected g/kWh of 0 or more, got {grid_g_per_kwh:g}; try 480")
    return None if energy_j is None else energy_j / 3.6e6 * grid_g_per_kwh


def _positive(values: ArrayLike, what: str) -> Floats:
    array = as_scores(values, what)
    if array.min() <= 0:
        raise EvaluationError(f"expected {what} above 0, got {array.min():g}; check the clock")
    return array
