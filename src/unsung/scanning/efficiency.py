# SPDX-License-Identifier: MIT
"""What a verdict costs: time, memory, size, arithmetic and, where the machine tells it, energy.

Measured is the analysis of decoded mono sound: resampling, front ends, graph, pooling. Decoding is
not part of a detector. Run it on an idle machine; energy is that of the whole processor.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unsung.errors import UsageError
from unsung.evaluation.efficiency import (
    GRID_G_PER_KWH,
    Latency,
    audio_seconds_per_cpu_second,
    co2_g,
    latency,
)
from unsung.evaluation.energy import joules_between, read_counters, source_of
from unsung.runtime.weights import read_safetensors
from unsung.types import FloatArray, Record

if TYPE_CHECKING:
    from unsung.runtime import Bundle

__all__ = ["FLOPS_FORMULA", "EfficiencyRow", "analyse", "efficiency", "flops", "status_bytes"]

WARM_UP = 2
SHORT_S = 10.0
RATE_HZ = 44100
"""What most files have, so that resampling is in the time."""

BLOCK_S = 2.0
FLOPS_FORMULA = (
    "frames x (n_fft + 2.5 n_fft log2 n_fft + bins (4 + 8 channels)) for each front end, "
    "+ 2 x weights x windows; resampling and evidence are not counted"
)
"""n_fft for the window, 2.5 n log2 n for a real FFT, 4 a bin for power and logarithm, 8 a bin and
channel for the running mean, its difference, the clipping and the sum, or for a product of
neighbouring frames."""


@dataclass(frozen=True)
class EfficiencyRow(Record):
    """One detector's costs; ``flops`` and ``energy_j`` are for ``audio_s`` of sound.

    ``peak_rss_growth_bytes``, ``energy_j`` and ``co2_g`` are None where the system does not tell;
    ``energy_source`` names the counters, or says why there is no figure.
    """

    detector: str
    audio_s: float
    sample_rate_hz: int
    latency_10s: Latency
    latency_full: Latency
    audio_s_per_cpu_s: float
    peak_rss_growth_bytes: int | None
    size_bytes: int
    parameters: int
    flops: float
    flops_formula: str
    energy_j: float | None
    energy_source: str = ""
    co2_g: float | None = None
    grid_g_per_kwh: float = GRID_G_PER_KWH


def efficiency(
    bundle: Bundle,
    seconds: float = 180.0,
    rounds: int = 20,
    grid_g_per_kwh: float = GRID_G_PER_KWH,
) -> EfficiencyRow:
    """Measure a bundle on seeded noise of the stated length, in one thread.

    Raises:
        UsageError: no sound or no round.
    """
    if not seconds > 0 or rounds < 1:
        raise UsageError(
            f"expected seconds above 0 and at least 1 round, got {seconds:g} and {rounds}"
        )
    noise = np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ)) * 0.1
    sound = noise.astype(np.float32)
    short = np.resize(sound, round(SHORT_S * RATE_HZ))
    del noise
    brief = _times(lambda: analyse(bundle, short), rounds)[0]
    growth = _peak_growth(lambda: analyse(bundle, sound))
    before_j = read_counters()
    full, cpu_s = _times(lambda: analyse(bundle, sound), rounds)
    used_j = joules_between(before_j, read_counters())
    used_j = None if used_j is None else used_j / len(full)
    return EfficiencyRow(
        f"{bundle.name}@{bundle.sha256[:12]}",
        seconds,
        RATE_HZ,
        latency(brief, warm_up=WARM_UP),
        latency(full, warm_up=WARM_UP),
        audio_seconds_per_cpu_second([seconds * len(full)], [max(cpu_s, 1e-9)]),
        growth,
        sum(file.stat().st_size for file in bundle.path.iterdir() if file.is_file()),
        _parameters(bundle),
        flops(bundle, seconds),
        FLOPS_FORMULA,
        used_j,
        source_of(before_j),
        co2_g(used_j, grid_g_per_kwh),
        grid_g_per_kwh,
    )


def flops(bundle: Bundle, seconds: float) -> float:
    """Return the floating-point operations for a length of sound, by `FLOPS_FORMULA`."""
    samples = seconds * bundle.sample_rate_hz
    total = 2.0 * _parameters(bundle) * max(1.0, math.floor(seconds / bundle.window_s))
    for front_end in bundle.front_ends:
        n = front_end.n_fft
        frames = max(1, 1 + math.floor((samples - n) / front_end.hop))
        a_bin = 4 + 8 * front_end.channels
        total += frames * (n + 2.5 * n * math.log2(n) + a_bin * len(front_end.freqs_hz))
    return total


def analyse(bundle: Bundle, sound: FloatArray) -> None:
    """Push the sound in blocks, as a scan does."""
    analyzer = bundle.analyzer(RATE_HZ)
    step = round(BLOCK_S * RATE_HZ)
    for start in range(0, len(sound), step):
        analyzer.push(sound[start : start + step])
    analyzer.finish()


def _times(call: Callable[[], None], rounds: int) -> tuple[list[float], float]:
    """Return the wall time of every call, the warm-up first, and the CPU time of all."""
    times = []
    cpu = time.process_time()
    for _ in range(rounds + WARM_UP):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times, time.process_time() - cpu


def _parameters(bundle: Bundle) -> int:
    """Count the weights behind the logit.

    The means that are taken off before are constants of the front end; the templates of families
    speak after the verdict.
    """
    arrays = read_safetensors(bundle.path / "weights.safetensors")
    others = ("mean", "family_weight")
    return sum(int(a.size) for name, a in arrays.items() if not name.endswith(others))


def _peak_growth(call: Callable[[], None]) -> int | None:
    """Return by how much the peak of resident memory rises during a call (Linux only)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # 5: start the peak anew
        before = status_bytes("VmRSS")
    except (OSError, ValueError):
        call()
        return None
    call()
    return max(0, status_bytes("VmHWM") - before)


def status_bytes(name: str) -> int:
    """Return an entry of this process's status, such as its peak memory ``VmHWM`` (Linux only).

    Not `ru_maxrss`: a new process starts with its parent's peak.

    Raises:
        OSError: the system has no such file.
        ValueError: the file has no such entry.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise ValueError(f"/proc/self/status has no {name}")
